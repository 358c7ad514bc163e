/** The workloads as plain tfjs code: what stock tfjs runs operation by operation, and what the engine compiles. */
import * as tf from "@tensorflow/tfjs";
import { type PrefixTable, prefixTable } from "../data/sequences.ts";
import { stream } from "../base/random.ts";
import { compile, type Device, type InputArrays, type InputSpecs } from "../engine/device.ts";
import { adam, movingAverages, type Weights } from "../engine/optimizers.ts";
import { recurrent } from "../engine/recurrent.ts";
import * as binaryAutoencoder from "../models/binary_autoencoder.ts";
import * as cifarClassifier from "../models/cifar_classifier.ts";
import * as flow from "../models/flow.ts";
import * as seq2hist from "../models/seq2hist.ts";
import { generation, SAMPLE_BATCH } from "../run/sampling.ts";
import {
  batchRows,
  BINARY,
  CIFAR,
  CONV,
  convWeights,
  DATA,
  DENSE,
  denseWeights,
  elements,
  FLOW,
  type Formula,
  GENERATED,
  HISTOGRAM,
  MLP,
  mlpTargets,
  namedKernels,
  type Recurrence,
  RECURRENT,
  RECURRENT_256,
  recurrentData,
  recurrentWeights,
} from "./workloads.ts";

/** A step as a function of its inputs, which change from one run of it to the next. */
export interface Step {
  /** Updates the model and returns its loss, which is the caller's. Called under `tf.tidy` by itself. */
  readonly fn: (inputs: Readonly<Record<string, tf.Tensor>>) => Readonly<Record<string, tf.Tensor>>;
  readonly inputs: InputSpecs;
  /** The inputs of run 0, 1, … */
  readonly feed: (run: number) => Readonly<Record<string, Float32Array | Int32Array>>;
  /** Runs that are one step of the workload. */
  readonly runs: number;
}

/** A step without inputs. */
function constant(loss: () => tf.Scalar): Step {
  return { fn: () => ({ loss: loss() }), inputs: {}, feed: () => ({}), runs: 1 };
}

function tensorOf(formula: Formula): tf.Tensor {
  return tf.tensor(elements(formula), [...formula.shape]);
}

/** Adam 1e-3 on `loss`, with a bias a layer. */
function training(
  weights: readonly Formula[],
  channels: readonly number[],
  loss: (weights: readonly tf.Variable[], biases: readonly tf.Variable[]) => tf.Scalar,
): Step {
  const weightVariables = weights.map((formula) => tf.variable(tensorOf(formula)));
  const biases = channels.map((width) => tf.variable(tf.zeros([width])));
  const optimizer = tf.train.adam(1e-3, 0.9, 0.999, 1e-7);
  const variables = [...weightVariables, ...biases];
  return constant(() => {
    const value = optimizer.minimize(() => loss(weightVariables, biases), true, variables);
    if (value === null) throw new Error("minimize returned no loss");
    return value;
  });
}

function dense(): Step {
  const images = tensorOf(DATA.dense) as tf.Tensor2D;
  return training(denseWeights(DENSE.widths), DENSE.widths.slice(1), (weights, biases) => {
    let x: tf.Tensor = images; // [B, 784]
    for (const [layer, kernel] of weights.entries()) {
      x = tf.add(tf.matMul(x, kernel), biases[layer]);
      if (layer === 1) x = tf.tanh(x); // [B, 48]
      else if (layer < 3) x = tf.leakyRelu(x, 0.2); // [B, 512]
    }
    return tf.mean(tf.squaredDifference(x, images)) as tf.Scalar;
  });
}

/** The exact form, with the error function. */
function gelu(x: tf.Tensor): tf.Tensor {
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));
}

function mlp(): Step {
  const inputs = tensorOf(DATA.mlp) as tf.Tensor2D;
  const targets = tf.tensor(mlpTargets(), [MLP.batch, 8]);
  return training(denseWeights(MLP.widths), MLP.widths.slice(1), (weights, biases) => {
    let x: tf.Tensor = inputs; // [B, 120]
    for (const [layer, kernel] of weights.entries()) {
      x = tf.add(tf.matMul(x, kernel), biases[layer]);
      if (layer < 2) x = gelu(x); // [B, 256]
    }
    return tf.losses.softmaxCrossEntropy(targets, x) as tf.Scalar;
  });
}

function conv(): Step {
  const images = tensorOf(DATA.conv) as tf.Tensor4D;
  return training(convWeights(), CONV.channels.slice(1), (weights, biases) => {
    let x = images; // [B, 32, 32, 3]
    for (const [layer, variable] of weights.entries()) {
      const filter = variable as tf.Tensor as tf.Tensor4D;
      const side = x.shape[1] * 2;
      const product = layer < 3
        ? tf.conv2d(x, filter, 2, 1)
        : tf.conv2dTranspose(x, filter, [CONV.batch, side, side, filter.shape[2]], 2, 1);
      x = tf.add(product, biases[layer]);
      if (layer < 5) x = tf.leakyRelu(x, 0.2);
    }
    return tf.mean(tf.squaredDifference(x, images)) as tf.Scalar;
  });
}

function matmul(size: number): Step {
  const [left, right] = [DATA.left, DATA.right].map((formula) =>
    tensorOf({ ...formula, shape: [size, size] }) as tf.Tensor2D
  );
  const product = tf.variable(tf.zeros<tf.Rank.R2>([size, size]));
  return constant(() => {
    // Kept in a variable, so that a compiler has to compute all of it and a peer has to read none of it.
    product.assign(tf.matMul(left, right));
    return tf.reshape(tf.slice(product, [0, 0], [1, 1]), []);
  });
}

/** Gives a model the weights of the formula instead of those that it was built with. */
function assignFormula(weights: Weights, layers: Readonly<Record<string, readonly number[]>>): void {
  tf.tidy(() => {
    for (const [name, formula] of Object.entries(namedKernels(layers))) {
      const bias: tf.Variable | undefined = weights[`${name}/bias`];
      weights[`${name}/kernel`].assign(tensorOf(formula));
      bias?.assign(tf.zeros(bias.shape));
    }
  });
}

function binary(): Step {
  const { layers, batch, images: count, rate } = BINARY;
  const config = binaryAutoencoder.configOf({ height: 28, width: 28, channels: 1 }, { seed: 0 });
  const model = binaryAutoencoder.build(config), { weights } = model;
  assignFormula(weights, layers);
  const fn = binaryAutoencoder.trainingStep(model, {
    images: tensorOf(DATA.binary) as tf.Tensor2D,
    optimizer: adam(weights),
  });
  return {
    fn: ({ index, rate, counter }) =>
      fn({ index: index as tf.Tensor1D, rate: rate as tf.Scalar, counter: counter as tf.Scalar }),
    inputs: {
      index: { shape: [batch], dtype: "int32" },
      rate: { shape: [] },
      counter: { shape: [], dtype: "int32" },
    },
    feed: (run) => ({
      index: batchRows(run, { batch, count }),
      rate: Float32Array.of(rate),
      counter: Int32Array.of(run),
    }),
    runs: 1,
  };
}

function cifar(): Step {
  const { kernels: layers, rate, ...config } = CIFAR;
  const model = cifarClassifier.build({
    model: "cifar-classifier",
    ...{ ...cifarClassifier.CIFAR_CLASSIFIER, ...config, without: "nothing", seed: 0 },
  });
  assignFormula(model.weights, layers);
  const images = tensorOf(DATA.photographs) as tf.Tensor4D;
  const labels = tf.cast(tf.floor(tensorOf(DATA.labels)), "int32") as tf.Tensor1D;
  const optimizers = cifarClassifier.optimizersOf(model, config.batch);
  const fn = cifarClassifier.trainingStep(model, { ...optimizers, random: stream(0) });
  return {
    fn: ({ rate, counter }) =>
      fn({ x: images, labels, rate: rate as tf.Scalar, counter: counter as tf.Scalar }),
    inputs: { rate: { shape: [] }, counter: { shape: [], dtype: "int32" } },
    feed: (run) => ({ rate: Float32Array.of(rate), counter: Int32Array.of(run) }),
    runs: 1,
  };
}

function flowUnet(): Step {
  const { kernels, rate, decay, ...config } = FLOW;
  const model = flow.build({ model: "flow", ...flow.FLOW, ...config, seed: 0 }), { weights } = model;
  assignFormula(weights, kernels);
  const inputs = {
    x: tensorOf(DATA.flowImages) as tf.Tensor4D,
    labels: tf.cast(tf.floor(tensorOf(DATA.flowLabels)), "int32") as tf.Tensor1D,
    noise: tensorOf(DATA.flowNoise) as tf.Tensor4D,
    times: tensorOf(DATA.flowTimes) as tf.Tensor1D,
  };
  const fn = flow.trainingStep(model, { optimizer: adam(weights), averages: movingAverages(weights) });
  return {
    fn: ({ rate, decay }) => fn({ ...inputs, rate: rate as tf.Scalar, decay: decay as tf.Scalar }),
    inputs: { rate: { shape: [] }, decay: { shape: [] } },
    feed: () => ({ rate: Float32Array.of(rate), decay: Float32Array.of(decay) }),
    runs: 1,
  };
}

/** The distinct prefixes of the sequences of the formula. */
export function histogramTable(): PrefixTable {
  const { vocabulary, length, count } = HISTOGRAM;
  return prefixTable({ tokens: Int32Array.from(elements(DATA.tokens)), count, length, vocabulary });
}

function histogramModel(): seq2hist.Seq2Hist {
  const { layers, vocabulary, length } = HISTOGRAM;
  const model = seq2hist.build({ model: "seq2hist", ...seq2hist.SEQ2HIST, vocabulary, length, seed: 0 });
  assignFormula(model.weights, layers);
  return model;
}

function histogram(batch: number): Step {
  const { vocabulary, length, rate } = HISTOGRAM;
  const model = histogramModel(), table = histogramTable();
  const fn = seq2hist.trainingStep(model, {
    prefixes: tf.tensor2d(table.prefixes, [table.size, length - 1], "int32"),
    histograms: tf.tensor2d(table.histograms, [table.size, vocabulary]),
    optimizer: adam(model.weights, { beta2: seq2hist.BETA2 }),
  });
  return {
    fn: ({ index, rate }) => fn({ index: index as tf.Tensor1D, rate: rate as tf.Scalar }),
    inputs: { index: { shape: [batch], dtype: "int32" }, rate: { shape: [] } },
    feed: (run) => ({ index: batchRows(run, { batch, count: table.size }), rate: Float32Array.of(rate) }),
    runs: 1,
  };
}

function generate(): Step {
  const model = histogramModel();
  const logits = (prefixes: tf.Tensor2D) => seq2hist.forward(model, prefixes);
  const draw = generation({ ...model.config, logits }, { seed: 0 });
  return {
    fn: ({ counter }) => {
      const { tokens } = draw({ counter });
      return { loss: tf.mean(tf.cast(tokens, "float32")), tokens };
    },
    inputs: { counter: { shape: [], dtype: "int32" } },
    feed: (run) => ({ counter: Int32Array.of(run) }),
    runs: GENERATED / SAMPLE_BATCH,
  };
}

/** A model of one recurrent layer on pixels or on symbols. */
function recurrence(of: Recurrence): Step {
  const { cell, gates, units, classes, symbols } = of,
    formulas = recurrentWeights(of),
    data = recurrentData(of);
  const variable = (name: keyof typeof formulas) => tf.variable(tensorOf(formulas[name]));
  const kernel = variable("kernel"),
    recurrentKernel = variable("recurrentKernel"),
    output = variable("output");
  const bias = tf.variable(tf.zeros([gates * units])), recurrentBias = tf.variable(tf.zeros([gates * units]));
  const outputBias = tf.variable(tf.zeros([classes]));
  const embedding = symbols === 0 ? undefined : variable("embedding");
  const input = symbols === 0 ? tensorOf(data.input) : tf.cast(tf.floor(tensorOf(data.input)), "int32");
  const targets = tf.oneHot(tf.cast(tf.floor(tensorOf(data.classes)), "int32"), classes);
  const weights = { kernel, recurrentKernel, bias, recurrentBias };
  const variables = [...Object.values(weights), output, outputBias, ...(embedding ? [embedding] : [])];
  const optimizer = tf.train.adam(1e-3, 0.9, 0.999, 1e-7);
  return constant(() => {
    const value = optimizer.minimize(
      () => {
        const x = embedding === undefined ? input : tf.gather(embedding, input as tf.Tensor2D);
        const { states } = recurrent(x as tf.Tensor3D, weights, { cell });
        const seen = tf.mean(states, 1) as tf.Tensor2D; // [B, H]
        const logits = tf.add(tf.matMul(seen, output as tf.Tensor as tf.Tensor2D), outputBias);
        return tf.losses.softmaxCrossEntropy(targets, logits) as tf.Scalar;
      },
      true,
      variables,
    );
    if (value === null) throw new Error("minimize returned no loss");
    return value;
  });
}

const STEPS: Readonly<Record<string, () => Step>> = {
  "dense-autoencoder": dense,
  "mlp": mlp,
  "conv-autoencoder": conv,
  "binary-autoencoder": binary,
  "cifar-step": cifar,
  "flow-unet": flowUnet,
  "seq2hist": () => histogram(HISTOGRAM.batch),
  "seq2hist-32": () => histogram(32),
  "generate": generate,
  ...Object.fromEntries(
    Object.entries({ ...RECURRENT, ...RECURRENT_256 }).map(([name, of]) => [name, () => recurrence(of)]),
  ),
};

/** Allocates a workload on the active tfjs backend. */
export function tfjsStep(workload: string): Step {
  const [, size] = /^matmul-(\d+)$/.exec(workload) ?? [];
  const build = size === undefined ? STEPS[workload] : () => matmul(Number(size));
  if (build === undefined) throw new Error(`has no definition of ${workload}`);
  return build();
}

/** Prepares to run a workload on an engine's device, compiled or not: runs the given number of steps, gives the last loss. */
export async function runnerOf(device: Device, step: Step): Promise<(steps: number) => Promise<number>> {
  const compiled = await compile(device, step.fn, step.inputs);
  let run = 0;
  return async (steps) => {
    for (let count = steps * step.runs; count > 0; count--) {
      // The names of the inputs are known when this runs, not to the types.
      await compiled.run(step.feed(run++) as InputArrays<InputSpecs>);
    }
    const { loss } = await compiled.read();
    return loss[loss.length - 1];
  };
}
