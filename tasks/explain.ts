/** `deno task explain MODEL`: what the engine makes of a model's training step, and where its time goes. */
import { stream } from "../base/random.ts";
import { openImages } from "../data/images.ts";
import type { Sequences } from "../data/sequences.ts";
import type { Observer } from "../engine/compiled_device.ts";
import { sizeOf, type TypedArray } from "../engine/graph.ts";
import { cost } from "../engine/kernels/mod.ts";
import { openDevice } from "../engine/open.ts";
import { printNodes } from "../engine/print.ts";
import * as autoencoder from "../models/binary_autoencoder.ts";
import * as classifier from "../models/classifier.ts";
import * as seq2hist from "../models/seq2hist.ts";
import * as seq2seq from "../models/seq2seq.ts";
import * as seq2token from "../models/seq2token.ts";
import { Run } from "../run/run.ts";
import type { FitOptions } from "../run/memorize.ts";
import { argument, boolean, choice, integer, runTool, UsageError } from "../run/task.ts";

/** Runs before and while times are taken. */
const WARM_UP = 20;
const PROFILES = 15;

type Context = Pick<FitOptions, "run" | "device">;

/** Every model with its own configuration, one training step of it, on data of the usual shape. */
const MODELS: Readonly<Record<string, (context: Context) => Promise<void>>> = {
  classifier: async (context) => {
    const images = await openImages({ dataset: "digits", split: "train", count: 1024 });
    const config = { ...classifier.CLASSIFIER, size: 28, channels: 1, classes: 10, seed: 0 };
    const model = classifier.build({ model: "classifier", ...config });
    await classifier.fit(model, { ...context, images, steps: 1 });
  },
  autoencoder: async (context) => {
    const images = autoencoder.levels(await openImages({ dataset: "digits", split: "train", count: 1024 }));
    const image = { height: 28, width: 28, channels: 1 };
    const model = autoencoder.build(autoencoder.configOf(image, { seed: 0 }));
    await autoencoder.fit(model, { ...context, images, steps: 1 });
  },
  seq2token: async (context) => {
    const model = seq2token.build({
      model: "seq2token",
      ...seq2token.SEQ2TOKEN,
      vocabulary: 8,
      length: 16,
      seed: 0,
    });
    await seq2token.fit(model, { ...context, sequences: randomSequences(), steps: 1 });
  },
  seq2seq: async (context) => {
    const model = seq2seq.build({
      model: "seq2seq",
      ...seq2seq.SEQ2SEQ,
      vocabulary: 8,
      length: 16,
      seed: 0,
    });
    await seq2seq.fit(model, { ...context, sequences: randomSequences(), steps: 1 });
  },
  seq2hist: async (context) => {
    const model = seq2hist.build({
      model: "seq2hist",
      ...seq2hist.SEQ2HIST,
      vocabulary: 8,
      length: 16,
      seed: 0,
    });
    await seq2hist.fit(model, { ...context, sequences: randomSequences(), steps: 1 });
  },
};

function randomSequences(): Sequences {
  const random = stream(0).fork("explain"), count = 1024, length = 16, vocabulary = 8;
  const tokens = Int32Array.from({ length: count * length }, () => random.integer(vocabulary));
  return { tokens, count, length, vocabulary };
}

/** Inputs of the right shapes that keep a step finite: indices 0, rates and images 0. */
function zeros(shape: readonly number[], dtype: "float32" | "int32"): TypedArray {
  return dtype === "int32" ? new Int32Array(sizeOf(shape)) : new Float32Array(sizeOf(shape));
}

const explainStep = (note: (line: string) => void): Observer => async ({ traced, plan, executable }) => {
  const { graph, arenaSize, waits } = plan;
  // A function without updates is an evaluation; the training step is what was asked for.
  if (graph.updates.length === 0) return;
  const inputs = graph.inputs.map(({ value }) => zeros(value.shape, value.dtype));
  for (let run = 0; run < WARM_UP; run++) await executable.run(inputs);
  const profiles: Float64Array[] = [];
  for (let run = 0; run < PROFILES; run++) profiles.push(await executable.profile());
  const times = graph.nodes.map((_, node) => {
    const sorted = profiles.map((profile) => profile[node]).sort((a, b) => a - b);
    return sorted[PROFILES >> 1];
  });
  await executable.read();
  const flops = graph.nodes.map((node) => cost(node).flops);
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
  const resident = sum(graph.residents.map(({ value }) => sizeOf(value.shape)));
  const megabytes = (elements: number): string => `${(elements * 4 / 1e6).toFixed(1)} MB`;
  printNodes(graph).forEach((line, node) => {
    const rate = flops[node] / times[node] / 1e6;
    note(
      `${times[node].toFixed(3).padStart(9)} ms ${rate.toFixed(1).padStart(6)} GFLOP/s ${
        waits[node] ? "|" : " "
      } ${line}`,
    );
  });
  note(
    `${traced.nodes.length} nodes traced, ${graph.nodes.length} after all passes ("|": waits for those before it)\n` +
      `${megabytes(arenaSize)} of arena, ${megabytes(resident)} resident\n` +
      `${(sum(flops) / 1e6).toFixed(1)} MFLOP a step, ${sum(times).toFixed(2)} ms, ` +
      `${(sum(flops) / sum(times) / 1e6).toFixed(1)} GFLOP/s`,
  );
};

if (import.meta.main) {
  const names = Object.keys(MODELS);
  await runTool({
    name: "explain",
    summary:
      "Show a model's training step as the engine runs it: nodes, memory, FLOPs, and the time of each node.",
    flags: {
      model: argument({ placeholder: "MODEL", help: `one of: ${names.join(", ")}` }),
      device: choice(["auto", "webgpu", "wasm"], { default: "auto", help: "where to compute" }),
      threads: integer({ min: 1, help: "processor threads of the wasm device (default: one a core)" }),
      debug: boolean({ help: "show the stack trace of an error" }),
    },
    run: async ({ model, device: kind, threads }, session) => {
      const explain = MODELS[model];
      if (explain === undefined) {
        throw new UsageError(`Cannot explain ${model} as MODEL must be one of: ${names.join(", ")}`);
      }
      const folder = await Deno.makeTempDir({ prefix: "engram-explain-" });
      try {
        const note = (line: string): void => session.note(line);
        await using device = await openDevice(kind, { threads, observe: explainStep(note) });
        note(device.description);
        const run = new Run(session, { task: "explain", flags: {}, place: { mode: "replace", folder } });
        const dataset = { name: "example", split: "train", offset: 0, count: 1024, sha256: "" };
        await run.configure({ dataset, device });
        await explain({ run, device });
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}
