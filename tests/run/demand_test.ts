/** What would not fit into memory is told before any is taken, with what would. */
import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import * as seq2hist from "../../models/seq2hist.ts";
import * as seq2seq from "../../models/seq2seq.ts";
import * as seq2token from "../../models/seq2token.ts";
import { checkDemand, checkSamples, type SequenceShape } from "../../run/demand.ts";

await tf.setBackend("cpu");

const FLAGS = {
  seed: 0,
  architecture: undefined,
  range: undefined,
  hidden: undefined,
  batch: undefined,
  lr: undefined,
};
const DEFAULT = { count: 1024, length: 16, vocabulary: 60 };

function check(experiment: keyof typeof EXPERIMENTS, shape: SequenceShape): void {
  checkDemand(shape, {
    demand: (shape) => EXPERIMENTS[experiment].demand(shape, FLAGS),
    shorten: (length) => `lower --window to ${length}`,
  });
}

const EXPERIMENTS = {
  seq2token: seq2token.EXPERIMENT,
  seq2seq: seq2seq.EXPERIMENT,
  seq2hist: seq2hist.EXPERIMENT,
};

Deno.test("text, the codes of all MNIST images, and words fit", () => {
  for (const name of ["seq2token", "seq2seq", "seq2hist"] as const) {
    check(name, DEFAULT);
    check(name, { count: 60_000, length: 16, vocabulary: 8 });
    check(name, { count: 1024, length: 16, vocabulary: 6000 });
  }
});

Deno.test("sequences that are too many or too long name the flag and the number that fits, and that one does", () => {
  const many = { count: 20_000, length: 500, vocabulary: 5000 };
  assert.throws(
    () => check("seq2hist", many),
    /^RangeError: Cannot learn 20,000 sequences of 500 tokens out of 5,000 as [\d,]+ weights and their training take [\d.,]+ GB, and 4 GB is the most: lower --count to 82$/,
  );
  check("seq2hist", { ...many, count: 82 });
  assert.throws(() => check("seq2hist", { ...many, count: 83 }), /lower --count to 82$/);
  const long = { count: 2, length: 20_000, vocabulary: 50 };
  assert.throws(() => check("seq2seq", long), /lower --window to (\d+)$/);
  const [, fits] = /--window to (\d+)/.exec(String(thrown(() => check("seq2seq", long))))!;
  check("seq2seq", { ...long, length: Number(fits) });
  assert.throws(() => check("seq2seq", { ...long, length: Number(fits) + 1 }), RangeError);
});

function thrown(work: () => void): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
}

Deno.test("the default network of seq2seq is a transformer where a masked one would be large", () => {
  const architecture = (shape: SequenceShape) => seq2seq.EXPERIMENT.configure(shape, FLAGS).architecture;
  assert.equal(architecture(DEFAULT), "masked");
  assert.equal(architecture({ ...DEFAULT, vocabulary: 6000 }), "transformer");
});

Deno.test("the first layer of the prefix networks is one-hot up to 4 million weights, else an embedding", () => {
  const of = (vocabulary: number) => seq2hist.EXPERIMENT.configure({ ...DEFAULT, vocabulary }, FLAGS);
  // 15 positions, 256 units: 15 x 1041 x 256 = 3,997,440, and 3,840 more for each token.
  assert.equal(of(1040).embedding, undefined);
  assert.equal(of(1041).embedding, 64);
  assert.deepEqual(
    seq2hist.build(of(1041)).network.rows.slice(0, 4).map((
      { type, weight },
    ) => [type, weight]),
    [["Input", undefined], ["Embedding", "1042 x 64"], ["Flatten", undefined], ["Linear", "960 x 256"]],
  );
});

Deno.test("so many samples as are drawn at most", () => {
  checkSamples(3_125_000, { length: 16 });
  assert.throws(
    () => checkSamples(1_000_000_000, { length: 16 }),
    /Cannot draw 1,000,000,000 sequences of 16 tokens as .*: lower --samples to 3125000$/,
  );
});
