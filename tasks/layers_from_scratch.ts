/**
 * `deno task layers-from-scratch`: six layers in plain TypeScript against TensorFlow.js's, and against what PyTorch made
 * of the stored input.
 */
import * as tf from "@tensorflow/tfjs";
import {
  averagePool,
  batchNormInEvaluation,
  batchNormInTraining,
  convolve,
  linear,
  maxPool,
  NEW_BATCH_NORM,
  sigmoid,
} from "../analysis/layers.ts";
import stored from "../analysis/layers_from_torch.json" with { type: "json" };
import { readTorchFile, type TorchTensor, writeTorchFile } from "../base/torch_file.ts";
import { configureExercise, exerciseFlags, openCpu } from "../run/exercise.ts";
import { runTask, text } from "../run/task.ts";
import { writePage } from "../run/write_report.ts";

const INPUTS = 32;
const TAPS = 3;

/** The layers by the names of their files. */
const LAYERS = {
  max_pool: "MaxPool1d(2, stride 1)",
  average_pool: "AvgPool1d(2, stride 1)",
  convolution: "conv1d(filter of 3, stride 1)",
  sigmoid: "Sigmoid",
  batch_norm_training: "BatchNorm1d(1), training",
  batch_norm_statistics: "BatchNorm1d(1), running mean and variance",
  batch_norm_evaluation: "BatchNorm1d(1), evaluation",
  linear: "Linear(32, 10)",
} as const;
type LayerName = keyof typeof LAYERS;
type Outputs = Readonly<Record<LayerName, Float32Array>>;

const WEIGHT = Float32Array.from(stored.linear.weight), BIAS = Float32Array.from(stored.linear.bias);

/** The layers of analysis/layers.ts. */
function ours(input: Float32Array, filter: Float32Array): Outputs {
  const { output, state } = batchNormInTraining(input, NEW_BATCH_NORM);
  return {
    max_pool: maxPool(input),
    average_pool: averagePool(input),
    convolution: convolve(input, filter),
    sigmoid: sigmoid(input),
    batch_norm_training: output,
    batch_norm_statistics: Float32Array.of(state.runningMean, state.runningVariance),
    batch_norm_evaluation: batchNormInEvaluation(input, state),
    linear: linear(input, { weight: WEIGHT, bias: BIAS }),
  };
}

/** The library's layers. It has no running statistics of its own: these are put together from its moments. */
function theirs(input: Float32Array, filter: Float32Array): Outputs {
  const values = (tensor: tf.Tensor): Float32Array => Float32Array.from(tensor.dataSync());
  return tf.tidy(() => {
    const line = tf.tensor3d(input, [1, INPUTS, 1]),
      image = tf.reshape(line, [1, INPUTS, 1, 1]) as tf.Tensor4D;
    const flat = tf.tensor1d(input), { mean, variance } = tf.moments(flat);
    const running = tf.stack([
      tf.mul(mean, 0.1),
      tf.add(0.9, tf.mul(variance, 0.1 * INPUTS / (INPUTS - 1))),
    ]);
    const [runningMean, runningVariance] = tf.unstack(running);
    const normalized = (mean: tf.Tensor, variance: tf.Tensor): tf.Tensor =>
      tf.batchNorm(
        tf.reshape(flat, [INPUTS, 1]),
        mean.reshape([1]) as tf.Tensor1D,
        variance.reshape([1]) as tf.Tensor1D,
        tf.zeros([1]),
        tf.ones([1]),
        1e-5,
      );
    return {
      max_pool: values(tf.maxPool(image, [2, 1], 1, "valid")),
      average_pool: values(tf.avgPool(image, [2, 1], 1, "valid")),
      convolution: values(tf.conv1d(line, tf.tensor3d(filter, [TAPS, 1, 1]), 1, "valid")),
      sigmoid: values(tf.sigmoid(flat)),
      batch_norm_training: values(normalized(mean, variance)),
      batch_norm_statistics: values(running),
      batch_norm_evaluation: values(normalized(runningMean, runningVariance)),
      linear: values(tf.add(
        tf.matMul(tf.tensor2d(WEIGHT, [BIAS.length, INPUTS]), tf.reshape(flat, [INPUTS, 1])).reshape([
          BIAS.length,
        ]),
        tf.tensor1d(BIAS),
      )),
    };
  });
}

/** The values of the one tensor in a PyTorch file, which must be `count` numbers along one axis. */
async function readVector(path: string, count: number): Promise<Float32Array> {
  const content = await readTorchFile(path);
  if (content instanceof Map) {
    throw new TypeError(`Cannot use ${path} as it must hold one tensor: it holds a state dict`);
  }
  const { shape, data } = content as TorchTensor;
  if (data.length !== count || shape.some((extent) => extent !== 1 && extent !== count)) {
    throw new RangeError(
      `Cannot use ${path} as its tensor must have the shape [${count}, 1], or ${count} numbers along one axis: ` +
        `it has the shape [${shape}]`,
    );
  }
  const values = Float32Array.from<number | bigint>(data, Number);
  if (!values.every(Number.isFinite)) {
    throw new RangeError(`Cannot use ${path} as its numbers must be finite: replace NaN and infinity`);
  }
  return values;
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Infinity;
  return a.reduce((largest, value, index) => Math.max(largest, Math.abs(value - b[index])), 0);
}

function tensor(data: Float32Array, statistics: boolean): TorchTensor {
  return { shape: statistics ? [data.length] : [1, 1, data.length], data };
}

if (import.meta.main) {
  await runTask({
    name: "layers-from-scratch",
    summary: "Compute six layers without a library, and compare them with a library's, number by number.",
    flags: {
      input: text({
        placeholder: "F.pt",
        help: "a PyTorch file of 32 x 1 numbers (default: the stored input)",
      }),
      filter: text({
        placeholder: "F.pt",
        help: "a PyTorch file of 3 x 1 numbers (default: the stored filter)",
      }),
      ...exerciseFlags,
    },
    run: async (flags, run) => {
      await openCpu();
      const input = flags.input === undefined
        ? Float32Array.from(stored.input)
        : await readVector(flags.input, INPUTS);
      const filter = flags.filter === undefined
        ? Float32Array.from(stored.filter)
        : await readVector(flags.filter, TAPS);
      const isStored = flags.input === undefined && flags.filter === undefined;
      const content = JSON.stringify([[...input], [...filter]]);
      await configureExercise(run, { name: "signal", count: INPUTS, content });

      const mine = ours(input, filter), library = theirs(input, filter);
      const names = Object.keys(LAYERS) as LayerName[];
      const torch: Outputs | undefined = isStored
        ? Object.fromEntries(names.map((name) => [name, Float32Array.from(stored.outputs[name])])) as Outputs
        : undefined;
      const reference = torch ?? library,
        source = torch === undefined ? "TensorFlow.js" : `PyTorch ${stored.torch}`;
      const metrics: Record<string, number> = {};
      const rows: (string | number)[][] = [];
      for (const name of names) {
        const statistics = name === "batch_norm_statistics";
        await writeTorchFile(run.path(`torch_${name}_out.pt`), tensor(reference[name], statistics));
        await writeTorchFile(run.path(`my_${name}_out.pt`), tensor(mine[name], statistics));
        const fromLibrary = largestDifference(mine[name], library[name]);
        const fromTorch = torch === undefined ? undefined : largestDifference(mine[name], torch[name]);
        const largest = Math.max(fromLibrary, fromTorch ?? 0);
        metrics[`${name}_difference`] = largest;
        rows.push([
          LAYERS[name],
          mine[name].length,
          fromLibrary,
          fromTorch ?? "no stored output for this input",
        ]);
        run.note(`${LAYERS[name]}: largest difference ${largest.toExponential(2)}`);
      }
      const worst = Math.max(...Object.values(metrics));
      const [mean, variance] = mine.batch_norm_statistics;
      const biased = (variance - 0.9) * 10 * (INPUTS - 1) / INPUTS;
      await writePage(run, {
        title: "Six layers from scratch",
        abstract:
          "Pooling, convolution, sigmoid, batch normalization and a linear layer, written as loops over numbers " +
          "and compared with what a library computes.",
        figures: [{ label: "largest difference", value: worst.toExponential(2), note: "over all layers" }],
        sections: [
          {
            title: "Differences",
            blocks: [
              {
                kind: "table",
                table: {
                  columns: ["Layer", "Outputs", "From TensorFlow.js", "From PyTorch"],
                  rows,
                  caption:
                    "Largest absolute difference over all outputs of a layer. The files `torch_*_out.pt` hold " +
                    `the outputs of ${source}, ` + "`my_*_out.pt` those of the plain code.",
                },
              },
              {
                kind: "paragraph",
                text:
                  `The largest difference of all is ${
                    worst.toExponential(2)
                  }, where float32 itself has steps of ` +
                  `6e-8 between 0.5 and 1. The maximum only picks numbers, so it is exact ` +
                  `(${metrics.max_pool_difference}); what sums or divides differs in the last bit or two, because the ` +
                  "plain code sums in double precision and rounds once.",
              },
              {
                kind: "paragraph",
                text:
                  "Batch normalization uses two variances. In training the output is divided by the root of the " +
                  `*biased* one, ${
                    biased.toFixed(5)
                  } here (the sum of squares divided by 32), while the running ` +
                  `variance moves a tenth of the way from 1 to the *unbiased* one, ${
                    ((variance - 0.9) * 10).toFixed(5)
                  } (divided by 31), and so stands at ${variance.toFixed(5)}; the running mean stands at ${
                    mean.toFixed(5)
                  }, a tenth of the batch's. Evaluation uses these two, so after one step of training its output is far from normalized: its mean is ${
                    average(mine.batch_norm_evaluation).toFixed(3)
                  } where training's is ${Math.abs(average(mine.batch_norm_training)).toFixed(3)}.`,
              },
            ],
          },
          {
            title: "Outputs",
            blocks: [{
              kind: "plot",
              plot: {
                x: { label: "position" },
                y: { label: "value" },
                series: [
                  { name: "input", ...line(input) },
                  { name: "max pool", ...line(mine.max_pool) },
                  { name: "average pool", ...line(mine.average_pool) },
                  { name: "convolution", ...line(mine.convolution) },
                  { name: "sigmoid", ...line(mine.sigmoid) },
                ],
              },
              caption: "Windows of two give 31 outputs, the filter of three gives 30.",
            }],
          },
        ],
      });
      await run.finish({ metrics: { largest_difference: worst, ...metrics }, parameters: 0 });
      run.note(`compared with ${torch === undefined ? source : `TensorFlow.js and ${source}`}`);
      run.note(`see ${run.path("report.html")}`);
    },
  });
}

function average(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function line(values: Float32Array): { readonly x: number[]; readonly y: Float32Array } {
  return { x: Array.from(values, (_, index) => index), y: values };
}
