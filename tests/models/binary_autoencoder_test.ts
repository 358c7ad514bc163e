import assert from "node:assert/strict";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { stream } from "../../base/random.ts";
import { type ImageSet, openImages } from "../../data/images.ts";
import type { Device } from "../../engine/device.ts";
import { openDevice } from "../../engine/open.ts";
import { distinctRows, psnr } from "../../metrics/mod.ts";
import {
  type AutoencoderConfig,
  build,
  configOf,
  decodeCodes,
  EXPERIMENT,
  fit,
  loadAutoencoder,
  loss,
  reconstruct,
} from "../../models/binary_autoencoder.ts";
import type { LayerRow } from "../../layers/layer.ts";
import { table1, table1Layers } from "../../models/binary_autoencoder/networks.ts";
import { readCodes } from "../../run/codes.ts";
import { levels } from "../../run/images.ts";
import { readLog } from "../../run/log.ts";
import { learnImages } from "../../run/reconstruction.ts";
import { Run } from "../../run/run.ts";
import { Session } from "../../run/session.ts";

await tf.setBackend("cpu");

const GREY = { height: 28, width: 28, channels: 1 };
const COLOUR = { height: 32, width: 32, channels: 3 };
const DENSE = small(configOf(GREY, { seed: 1 }));
const TABLE1 = configOf(GREY, { seed: 1, architecture: "table1", width: 0.02 });

/** The same, but with few hidden units. */
function small(config: AutoencoderConfig): AutoencoderConfig {
  return { ...config, network: { architecture: "dense", hidden: 48, dimensions: 3 } };
}

function digits(count: number): Promise<ImageSet> {
  return openImages({ dataset: "digits", split: "train", count });
}

async function openRun(images: ImageSet, device: Device): Promise<Run> {
  const output = { write: () => {}, terminal: false, columns: () => 80, now: () => 0 };
  const run = new Run(new Session(output), {
    task: "train-autoencoder",
    flags: { seed: 1 },
    place: { mode: "fresh", folder: join(await Deno.makeTempDir(), "run") },
  });
  await run.configure({ dataset: images, device });
  return run;
}

function close(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  assert.equal(actual.length, expected.length);
  for (let index = 0; index < actual.length; index++) {
    const limit = tolerance * (1 + Math.abs(expected[index]));
    // Written so that a NaN fails.
    assert.ok(
      Math.abs(actual[index] - expected[index]) <= limit,
      `[${index}]: ${actual[index]}, not ${expected[index]}`,
    );
  }
}

Deno.test("equal configs give equal weights, other seeds other ones", () => {
  for (const config of [DENSE, TABLE1]) {
    const [one, same, other] = [config, config, { ...config, seed: 2 }].map((it) =>
      Object.entries(build(it).weights).map(([name, weight]) => [name, weight.shape, weight.dataSync()])
    );
    assert.deepEqual(one, same);
    assert.notDeepEqual(one, other);
  }
});

/** A row of the table as one line. */
function line({ type, weight, stride, padding, output }: LayerRow): string {
  return [type, weight, stride, padding, output].join(" | ");
}

function table1Rows(width: number, dimensions: number): readonly LayerRow[] {
  return table1Layers({ architecture: "table1", width, dimensions }).rows;
}

Deno.test("at width 1 every layer is Table 1's, as the assignment prints it", () => {
  // Its own paddings, but for the one that it cannot mean and the refinement's.
  assert.deepEqual(table1Rows(1, 3).map(line), [
    "Input |  |  |  | N x 3 x 32 x 32",
    "Encoder: Conv2d | 3 x 64 x 4 x 4 | 2 | 1 | N x 64 x 16 x 16",
    "LeakyReLU 0.01 |  |  |  | N x 64 x 16 x 16",
    "Conv2d | 64 x 256 x 4 x 4 | 2 | 1 | N x 256 x 8 x 8",
    "LeakyReLU 0.01 |  |  |  | N x 256 x 8 x 8",
    "Conv2d | 256 x 512 x 4 x 4 | 2 | 1 | N x 512 x 4 x 4",
    "LeakyReLU 0.01 |  |  |  | N x 512 x 4 x 4",
    "Conv2d | 512 x 8196 x 1 x 1 | 1 | 0 | N x 8196 x 4 x 4",
    "Latents: Conv2d | 8196 x 3 x 1 x 1 | 1 | 0 | N x 3 x 4 x 4",
    "Sign |  |  |  | N x 3 x 4 x 4",
    "Decoder: Linear | 3 x 8196 x 1 x 1 | 1 | 0 | N x 8196 x 4 x 4",
    "Linear | 8196 x 1024 x 1 x 1 | 1 | 0 | N x 1024 x 4 x 4",
    "LeakyReLU 0.01 |  |  |  | N x 1024 x 4 x 4",
    "ConvT2d | 1024 x 512 x 4 x 4 | 1 | 1, 2 | N x 512 x 4 x 4",
    "LeakyReLU 0.01 |  |  |  | N x 512 x 4 x 4",
    "ConvT2d | 512 x 256 x 4 x 4 | 2 | 1 | N x 256 x 8 x 8",
    "ConvT2d | 256 x 64 x 4 x 4 | 2 | 1 | N x 64 x 16 x 16",
    "ConvT2d | 64 x 3 x 4 x 4 | 2 | 1 | N x 3 x 32 x 32",
    "Tanh |  |  |  | N x 3 x 32 x 32",
    "Refine: Conv2d | 3 x 32 x 3 x 3 | 1 | 1 | N x 32 x 32 x 32",
    "LeakyReLU 0.01 |  |  |  | N x 32 x 32 x 32",
    "Conv2d | 32 x 3 x 3 x 3 | 1 | 1 | N x 3 x 32 x 32",
    "Output |  |  |  | N x 3 x 32 x 32",
  ]);
});

Deno.test("another number of dimensions changes the code's layers alone", () => {
  const three = table1Rows(0.02, 3).map(line), seven = table1Rows(0.02, 7).map(line);
  const changed = three.flatMap((row, at) => row === seven[at] ? [] : [[row, seven[at]]]);
  assert.deepEqual(changed.map(([row]) => row.split(" |")[0]), [
    "Latents: Conv2d",
    "Sign",
    "Decoder: Linear",
  ]);
  assert.ok(seven.includes("Sign |  |  |  | N x 7 x 4 x 4"));
});

/** One image [size, size, channels] by the printed rows of its layers, in plain loops; `names` are those with weights. */
function layersByHand(
  x: Float64Array,
  options: {
    readonly rows: readonly LayerRow[];
    readonly names: readonly string[];
    readonly from: number;
    readonly weights: Readonly<Record<string, tf.Variable>>;
  },
): Float64Array {
  const names = [...options.names];
  let { from } = options;
  for (const { type, weight, stride = 0, padding, output } of options.rows) {
    if (weight === undefined) {
      x = x.map((value) => type === "Tanh" ? Math.tanh(value) : Math.max(value, 0.01 * value));
      continue;
    }
    const [inputs, outputs, kernel] = weight.split(" x ").map(Number), name = names.shift()!;
    const [weights, bias] = ["kernel", "bias"].map((part) => options.weights[`${name}/${part}`].dataSync());
    const size = Number(output.split(" x ")[3]), [before] = String(padding).split(", ").map(Number);
    const transposed = type.endsWith("ConvT2d");
    const y = Float64Array.from({ length: size * size * outputs }, (_, index) => bias[index % outputs]);
    const small = transposed ? from : size, large = transposed ? size : from;
    for (let row = 0; row < small * small; row++) {
      for (let tap = 0; tap < kernel * kernel; tap++) {
        const down = Math.floor(row / small) * stride - before + Math.floor(tap / kernel);
        const right = row % small * stride - before + tap % kernel;
        if (down < 0 || down >= large || right < 0 || right >= large) continue;
        const place = down * large + right;
        const [source, target] = transposed ? [row, place] : [place, row];
        for (let i = 0; i < inputs; i++) {
          for (let o = 0; o < outputs; o++) {
            const at = transposed ? o * inputs + i : i * outputs + o;
            y[target * outputs + o] += x[source * inputs + i] * weights[tap * inputs * outputs + at];
          }
        }
      }
    }
    [x, from] = [y, size];
  }
  return x;
}

Deno.test("every layer of Table 1 computes what its printed stride and padding say; codes are [3, 4, 4]", () => {
  const config = { architecture: "table1", width: 0.02, dimensions: 3 } as const;
  tf.tidy(() => {
    const network = table1(config, { image: COLOUR, random: stream(4) }), { rows } = network;
    const sign = rows.findIndex(({ type }) => type === "Sign");
    const namesOf = (weights: object) =>
      Object.keys(weights).filter((name) => name.endsWith("/kernel")).map((name) => name.split("/")[0]);
    const image = stream(5).uniforms(32 * 32 * 3).map(Math.abs);
    const latents = network.encode(network.frame(tf.tensor2d(image, [1, image.length])));
    // The levels of colours are shown and drawn in -1..1.
    const sites = layersByHand(Float64Array.from(image, (level) => 2 * level - 1), {
      rows: rows.slice(1, sign),
      names: namesOf(network.encoder),
      from: 32,
      weights: network.encoder,
    });
    assert.deepEqual(latents.shape, [1, 48]);
    const channelFirst = (values: ArrayLike<number>) =>
      Array.from({ length: 48 }, (_, at) => values[at % 16 * 3 + Math.floor(at / 16)]);
    close(latents.dataSync(), channelFirst(sites), 1e-4);

    const signs = stream(6).uniforms(48).map((value) => value < 0 ? -1 : 1);
    const drawn = network.decode(tf.tensor2d(channelFirst(signs), [1, 48]));
    assert.deepEqual(drawn.shape, [1, 32, 32, 3]);
    const expected = layersByHand(Float64Array.from(signs), {
      rows: rows.slice(sign + 1, -1),
      names: namesOf(network.decoder),
      from: 4,
      weights: network.decoder,
    });
    close(drawn.dataSync(), expected.map((value) => (value + 1) / 2), 1e-4);
  });
});

Deno.test("Table 1 sees a grey image in three channels with two zeros around, and gives it back", () => {
  tf.tidy(() => {
    const pixels = stream(3).uniforms(2 * 784).map(Math.abs);
    const network = table1({ architecture: "table1", width: 0.01, dimensions: 3 }, {
      image: GREY,
      random: stream(0),
    });
    const framed = network.frame(tf.tensor2d(pixels, [2, 784]));
    assert.deepEqual(framed.shape, [2, 32, 32, 3]);
    const values = framed.arraySync() as number[][][][];
    assert.deepEqual([values[1][1][16], values[1][16][30]], [[0, 0, 0], [0, 0, 0]]);
    assert.deepEqual(values[1][2 + 5][2 + 9], Array(3).fill(pixels[784 + 5 * 28 + 9]));
    close(network.picture(framed).dataSync(), pixels, 1e-6);
    // What is measured is the mean of the channels, within 0..1.
    const channels = tf.tensor1d([0.2, 0.5, 0.8]).add(tf.zeros([1, 32, 32, 3]));
    close(network.picture(channels).dataSync(), Array(784).fill(0.5), 1e-6);
    assert.equal(network.picture(tf.fill([1, 32, 32, 3], 1.5)).max().dataSync()[0], 1);
  });
});

Deno.test("images that do not fit into Table 1's frame, and a width without it, are refused", () => {
  assert.throws(
    () => build({ ...TABLE1, image: { height: 64, width: 64, channels: 3 } }),
    /must fit into 32x32/,
  );
  assert.throws(() => configOf(GREY, { seed: 0, width: 0.5 }), /--width/);
});

Deno.test("the first loss is that of a grey (dense) or black (Table 1) drawing", async () => {
  const images = await digits(8), x = levels(images);
  const mean = (error: (square: number) => number, level: number, area: number) =>
    Array.from({ length: 8 }, (_, image) => {
      const squares = x.subarray(image * 784, (image + 1) * 784).reduce(
        (sum, it) => sum + (it - level) ** 2,
        0,
      );
      return error(squares / area) / 8;
    }).reduce((sum, it) => sum + it, 0);
  const first = (config: AutoencoderConfig): number =>
    tf.tidy(() => loss(build(config), tf.tensor2d(x, [8, 784]), tf.scalar(0, "int32")).dataSync()[0]);
  close([first(DENSE)], [mean(Math.log, 0.5, 784)], 0.05);
  close([first(TABLE1)], [mean(Math.log, 0, 1024)], 0.1);
  // The noisy recipe: 4 MSE, and 0.1 times a mean of squares of tanh.
  const noisy = first({ ...TABLE1, recipe: "noise" }), drawing = mean((square) => 4 * square, 0, 1024);
  assert.ok(noisy > 0.9 * drawing && noisy < 1.1 * drawing + 0.1, `${noisy}, drawing ${drawing}`);
});

Deno.test("the noise is a function of seed and step", async () => {
  const x = levels(await digits(4));
  const at = (config: AutoencoderConfig, step: number): number =>
    tf.tidy(() => loss(build(config), tf.tensor2d(x, [4, 784]), tf.scalar(step, "int32")).dataSync()[0]);
  const noisy = { ...DENSE, recipe: "noise" } as const;
  assert.equal(at(noisy, 3), at(noisy, 3));
  assert.notEqual(at(noisy, 3), at(noisy, 4));
  assert.equal(at(DENSE, 3), at(DENSE, 4));
});

/** Trains on the first 8 digits; returns the PSNR before and after, and the number of tensors that were left. */
async function learn(
  config: AutoencoderConfig,
  options: { readonly device: "tfjs" | "wasm"; readonly steps: number },
) {
  const images = await digits(8), x = levels(images);
  await using device = await openDevice(options.device, { threads: 1 });
  const run = await openRun(images, device), model = build(config);
  const measured = async () => {
    await device.push(Object.values(model.weights));
    const { reconstructions } = await reconstruct(model, { device, images: x });
    return psnr(x, reconstructions, { size: 784, peak: 1 });
  };
  const before = await measured(), tensors = tf.memory().numTensors;
  await fit(model, { run, device, images: x, steps: options.steps });
  const left = tf.memory().numTensors - tensors;
  return { before, after: await measured(), left };
}

Deno.test("each network and each recipe learns 8 images by heart and leaks no tensor", async () => {
  const goals = { "straight-through": { dense: 40, table1: 18 }, noise: { dense: 20, table1: 15 } } as const;
  for (const recipe of ["straight-through", "noise"] as const) {
    for (const config of [DENSE, TABLE1]) {
      const { before, after, left } = await learn({ ...config, recipe }, { device: "wasm", steps: 200 });
      const goal = goals[recipe][config.network.architecture];
      assert.ok(before < 11 && after > goal, `${recipe}: from ${before} to ${after} dB, not over ${goal}`);
      assert.equal(left, 0);
    }
  }
});

Deno.test("20 steps on stock tfjs leak no tensor", async () => {
  assert.equal((await learn(DENSE, { device: "tfjs", steps: 20 })).left, 0);
});

Deno.test("a run's weights bring back its network, whichever it is", async () => {
  const images = await digits(6), x = levels(images);
  await using device = await openDevice("wasm", { threads: 1 });
  for (const flags of [{ recipe: "noise" }, { architecture: "table1", width: 0.01 }] as const) {
    const run = await openRun(images, device);
    const model = await learnImages(EXPERIMENT, run, {
      device,
      images,
      flags: { seed: 1, steps: 4, budget: undefined, ...flags },
    });
    const loaded = await loadAutoencoder(run.folder);
    assert.deepEqual(loaded.config, model.config);
    const { codes, reconstructions } = await reconstruct(loaded, { device, images: x });
    assert.equal(codes.length, 6 * 48);
    close(await decodeCodes(loaded, { device, codes }), reconstructions, 1e-6);
    const { metrics } = run.summary!;
    close([metrics.psnr_db!], [psnr(x, reconstructions, { size: 784, peak: 1 })], 1e-4);
    // Margins add 10 log10(1024 / 784) dB where nothing is drawn there, and less where something is.
    if ("architecture" in flags) assert.ok(metrics.psnr_padded_db! <= metrics.psnr_db! + 1.16);
    else assert.equal(metrics.psnr_padded_db, undefined);
  }
});

Deno.test("codes are told apart when they are fixed, and the decoder learns those", async () => {
  const images = await digits(8), x = levels(images);
  await using device = await openDevice("wasm", { threads: 1 });
  const run = await openRun(images, device), model = build({ ...DENSE, settle: 0 });
  // Every latent is far above 0, so that all images have one code.
  model.weights["encoder2/bias"].assign(tf.fill([48], 10));
  await fit(model, { run, device, images: x, steps: 200 });
  const measured = async (apart: boolean) => {
    const { codes, reconstructions } = await reconstruct(model, { device, images: x, apart });
    return {
      codes: distinctRows(codes, 48).first.length,
      psnr: psnr(x, reconstructions, { size: 784, peak: 1 }),
    };
  };
  const apart = await measured(true), together = await measured(false);
  assert.deepEqual([apart.codes, together.codes], [8, 1]);
  assert.ok(apart.psnr > together.psnr + 10, `${apart.psnr}, told apart; ${together.psnr} with one code`);
});

Deno.test("a search writes better codes than the encoder's, and both figures are told", async () => {
  const images = await digits(8), x = levels(images);
  const heldOut = await openImages({ dataset: "digits", split: "test", count: 5 });
  await using device = await openDevice("wasm", { threads: 1 });
  const trained = async (search: number | undefined) => {
    const run = await openRun(images, device);
    const model = await learnImages(EXPERIMENT, run, {
      device,
      images,
      heldOut,
      flags: { seed: 1, hidden: 32, steps: 30, budget: undefined, settle: 1, search },
    });
    return { run, model, metrics: run.summary!.metrics, codes: await readCodes(run.folder) };
  };
  const alone = await trained(undefined), { run, model, metrics, codes } = await trained(5);
  // The network is the same, and so is what its encoder reaches.
  assert.deepEqual(
    Object.values(model.weights).map((weight) => weight.dataSync()),
    Object.values(alone.model.weights).map((weight) => weight.dataSync()),
  );
  assert.equal(metrics.psnr_encoder_db, alone.metrics.psnr_db);
  assert.equal(metrics.test_psnr_encoder_db, alone.metrics.test_psnr_db);
  assert.equal("psnr_encoder_db" in alone.metrics || "test_psnr_encoder_db" in alone.metrics, false);
  assert.ok(metrics.psnr_db! > metrics.psnr_encoder_db!);
  assert.ok(metrics.test_psnr_db! > metrics.test_psnr_encoder_db!);
  // The codes on disk are those that are measured.
  assert.notDeepEqual(codes, alone.codes);
  const drawn = await decodeCodes(model, { device, codes });
  close([metrics.psnr_db!], [psnr(x, drawn, { size: 784, peak: 1 })], 1e-6);
  assert.equal(metrics.distinct_codes, distinctRows(codes, 48).first.length);
  const page = await Deno.readTextFile(run.path("report.html"));
  assert.ok(page.includes(`the encoder alone ${metrics.test_psnr_encoder_db!.toFixed(2)} dB`));
  // What was held out is shown, and was measured on the way.
  assert.ok((await Deno.stat(run.path("reconstructions-test.png"))).size > 100);
  const curve = (await readLog(run.path("log.jsonl"))).filter((entry) => "test_psnr_db" in entry);
  assert.deepEqual([curve[0].step, curve.at(-1)!.step], [1, 30]);
  assert.ok(curve.length > 3 && curve.every((entry) => Number(entry.train_psnr_db) > 0));
  // Equal seeds find equal codes.
  assert.deepEqual((await trained(5)).codes, codes);
});

Deno.test("weights of another model, or of a network that is not known, are refused in one sentence", async () => {
  const images = await digits(1);
  await using device = await openDevice("tfjs");
  const run = await openRun(images, device);
  await run.saveWeights({}, { model: "classifier", config: {} });
  await assert.rejects(loadAutoencoder(run.folder), /holds a classifier/);
  await run.saveWeights({}, { model: "binary-autoencoder", config: { pixels: 784 } });
  await assert.rejects(loadAutoencoder(run.folder), /train the autoencoder again/);
});
