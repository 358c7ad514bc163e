/**
 * Inception-v3 as the Fréchet Inception distance needs it: features of images by the one network that everybody compares
 * with, its weights read and not learned.
 *
 * After: Szegedy et al. (2016), "Rethinking the Inception architecture for computer vision"; the distance is that of Heusel
 * et al. (2017), whose network is TensorFlow's of 2015 and differs from later ones: average pools do not count padding,
 * the last block pools by maximum, and there are 1008 logits.
 *
 * Departures: none that is known. Checked against PyTorch with weights by a rule (analysis/inception_from_torch.py), as
 * the published ones have not been at hand.
 */
import * as tf from "@tensorflow/tfjs";
import type { StateDict, TorchTensor } from "../base/torch_file.ts";
import type { Gallery } from "../data/gallery.ts";
import { withChannels } from "../data/picture.ts";
import { resize, type ResizeRule } from "../data/resize.ts";
import { compile, type Device } from "../engine/device.ts";
import { relu } from "../layers/activations.ts";
import { batchNorm } from "../layers/batch_norm.ts";
import { conv2d, type Conv2dOptions } from "../layers/conv2d.ts";
import { chain, type LayerMaker, type Network, parallel, sequential, type Values } from "../layers/layer.ts";
import { linear } from "../layers/linear.ts";
import { averagePool, maxPool } from "../layers/pool.ts";

/** Height and width of the images that it was trained on. */
export const INCEPTION_SIZE = 299;
/** Features at each tap: after the first and the second pool, before and after the last three blocks. */
export const INCEPTION_TAPS = [64, 192, 768, 2048] as const;
const LOGITS = 1008;
/** Images at once: the largest layer then holds 22 million numbers. */
export const INCEPTION_BATCH = 16;

/** The network and its weights, which are PyTorch's by our names. */
export interface Inception {
  /** From tap to tap, the first from the image. */
  readonly stages: readonly Network[];
  readonly classifier: Network;
  readonly weights: Values;
}

/** What every convolution is: without bias, normalized, ReLU. PyTorch names its two layers so. */
function unit(
  name: string,
  filters: number,
  { kernel = 1, stride = 1, padding = "same" }: Partial<
    Pick<Conv2dOptions, "kernel" | "stride" | "padding">
  > = {},
): LayerMaker {
  return chain(
    conv2d(`${name}.conv`, { filters, kernel, stride, padding, bias: false }),
    batchNorm(`${name}.bn`, { epsilon: 1e-3 }),
    relu,
  );
}

/** What halves the size, none of it beyond the border. */
const HALVING = { kernel: 3, stride: 2, padding: "valid" } as const;
const halved = maxPool(HALVING.kernel, HALVING);
const meanAround = averagePool(3, { stride: 1 }), largestAround = maxPool(3, { stride: 1 });

/** Branches that see 1, 5 and 5 pixels, the last by two 3x3, and the mean around. */
function fives(name: string, pooled: number): LayerMaker {
  return parallel(
    [unit(`${name}.branch1x1`, 64)],
    [unit(`${name}.branch5x5_1`, 48), unit(`${name}.branch5x5_2`, 64, { kernel: 5 })],
    [
      unit(`${name}.branch3x3dbl_1`, 64),
      unit(`${name}.branch3x3dbl_2`, 96, { kernel: 3 }),
      unit(`${name}.branch3x3dbl_3`, 96, { kernel: 3 }),
    ],
    [meanAround, unit(`${name}.branch_pool`, pooled)],
  );
}

/** Half the size: by one convolution, by two, by the maximum. */
function firstHalving(name: string): LayerMaker {
  return parallel(
    [unit(`${name}.branch3x3`, 384, HALVING)],
    [
      unit(`${name}.branch3x3dbl_1`, 64),
      unit(`${name}.branch3x3dbl_2`, 96, { kernel: 3 }),
      unit(`${name}.branch3x3dbl_3`, 96, HALVING),
    ],
    [halved],
  );
}

/** Branches that see 7 pixels each way, by 1x7 and 7x1, once and twice. */
function sevens(name: string, inner: number): LayerMaker {
  const wide = { kernel: [1, 7] } as const, high = { kernel: [7, 1] } as const;
  return parallel(
    [unit(`${name}.branch1x1`, 192)],
    [
      unit(`${name}.branch7x7_1`, inner),
      unit(`${name}.branch7x7_2`, inner, wide),
      unit(`${name}.branch7x7_3`, 192, high),
    ],
    [
      unit(`${name}.branch7x7dbl_1`, inner),
      unit(`${name}.branch7x7dbl_2`, inner, high),
      unit(`${name}.branch7x7dbl_3`, inner, wide),
      unit(`${name}.branch7x7dbl_4`, inner, high),
      unit(`${name}.branch7x7dbl_5`, 192, wide),
    ],
    [meanAround, unit(`${name}.branch_pool`, 192)],
  );
}

/** Half the size again. */
function secondHalving(name: string): LayerMaker {
  return parallel(
    [unit(`${name}.branch3x3_1`, 192), unit(`${name}.branch3x3_2`, 320, HALVING)],
    [
      unit(`${name}.branch7x7x3_1`, 192),
      unit(`${name}.branch7x7x3_2`, 192, { kernel: [1, 7] }),
      unit(`${name}.branch7x7x3_3`, 192, { kernel: [7, 1] }),
      unit(`${name}.branch7x7x3_4`, 192, HALVING),
    ],
    [halved],
  );
}

/** Branches that end in a 1x3 beside a 3x1. */
function split(name: string, pool: LayerMaker): LayerMaker {
  const ends = (of: string): LayerMaker =>
    parallel(
      [unit(`${name}.${of}a`, 384, { kernel: [1, 3] })],
      [unit(`${name}.${of}b`, 384, { kernel: [3, 1] })],
    );
  return parallel(
    [unit(`${name}.branch1x1`, 320)],
    [unit(`${name}.branch3x3_1`, 384), ends("branch3x3_2")],
    [
      unit(`${name}.branch3x3dbl_1`, 448),
      unit(`${name}.branch3x3dbl_2`, 384, { kernel: 3 }),
      ends("branch3x3dbl_3"),
    ],
    [pool, unit(`${name}.branch_pool`, 192)],
  );
}

/** The layers from tap to tap. */
const STAGES: readonly (readonly LayerMaker[])[] = [
  [
    unit("Conv2d_1a_3x3", 32, HALVING),
    unit("Conv2d_2a_3x3", 32, { kernel: 3, padding: "valid" }),
    unit("Conv2d_2b_3x3", 64, { kernel: 3 }),
    halved,
  ],
  [unit("Conv2d_3b_1x1", 80), unit("Conv2d_4a_3x3", 192, { kernel: 3, padding: "valid" }), halved],
  [
    fives("Mixed_5b", 32),
    fives("Mixed_5c", 64),
    fives("Mixed_5d", 64),
    firstHalving("Mixed_6a"),
    sevens("Mixed_6b", 128),
    sevens("Mixed_6c", 160),
    sevens("Mixed_6d", 160),
    sevens("Mixed_6e", 192),
  ],
  [secondHalving("Mixed_7a"), split("Mixed_7b", meanAround), split("Mixed_7c", largestAround)],
];
/** What PyTorch calls the parts of a batch normalization. */
const NORMALIZATION = {
  gain: "weight",
  shift: "bias",
  mean: "running_mean",
  variance: "running_var",
} as const;

/**
 * The network for images of `size` x `size` with the weights of a PyTorch state dict; other entries of that are not looked
 * at. The caller disposes `weights`.
 *
 * @param options.size Absent: 299; 75 at least.
 * @throws {RangeError} naming the first weight that is missing or of another shape.
 */
export function build(state: StateDict, options: { readonly size?: number } = {}): Inception {
  const { size = INCEPTION_SIZE } = options, weights: Record<string, tf.Tensor> = {};
  const add = (shape: readonly number[], makers: readonly LayerMaker[]): Network => {
    const { weights: specs = {} } = chain(...makers)(shape);
    for (const [name, { shape }] of Object.entries(specs)) weights[name] = weightOf(state, name, shape);
    return sequential(shape, makers);
  };
  const stages: Network[] = [];
  for (const makers of STAGES) stages.push(add(stages.at(-1)?.output ?? [size, size, 3], makers));
  return { stages, classifier: add([INCEPTION_TAPS[3]], [linear("fc", LOGITS)]), weights };
}

/** A weight by our name and shape: PyTorch's outputs come first, ours last. */
function weightOf(state: StateDict, name: string, shape: readonly number[]): tf.Tensor {
  const [layer, part] = name.split("/");
  const theirs = `${layer}.${
    layer.endsWith(".bn")
      ? NORMALIZATION[part as keyof typeof NORMALIZATION]
      : part === "kernel"
      ? "weight"
      : part
  }`;
  const expected = shape.length === 4 ? [shape[3], shape[2], shape[0], shape[1]] : [...shape].reverse();
  const found = state.get(theirs);
  if (
    found === undefined || !(found.data instanceof Float32Array) || String(found.shape) !== String(expected)
  ) {
    throw new RangeError(
      `Cannot use the file as Inception's weights as its ${theirs} must be float32 [${
        expected.join(", ")
      }]: ` +
        (found === undefined ? "it has none" : `it is [${found.shape.join(", ")}]`),
    );
  }
  return tf.tensor(outputsLast(found, found.data), [...shape]);
}

/** [outputs, ...] -> [..., inputs, outputs], places between them: a convolution's kernel, a matrix, or a vector. */
function outputsLast({ shape }: TorchTensor, data: Float32Array): Float32Array {
  const [outputs, inputs = 1] = shape, places = data.length / (outputs * inputs);
  const turned = new Float32Array(data.length);
  for (let output = 0; output < outputs; output++) {
    for (let input = 0; input < inputs; input++) {
      for (let place = 0; place < places; place++) {
        turned[(place * inputs + input) * outputs + output] =
          data[(output * inputs + input) * places + place];
      }
    }
  }
  return turned;
}

/** Means over places of the four taps, [B, 64], [B, 192], [B, 768], [B, 2048], of images [B, S, S, 3] in -1..1. */
export function taps({ stages, weights }: Inception, images: tf.Tensor4D): readonly tf.Tensor2D[] {
  let x = images;
  return stages.map((stage) => {
    x = stage.apply(weights, x);
    return tf.mean(x, [1, 2]);
  });
}

/** Logits [B, 1008] of the last tap [B, 2048]. */
export function logits({ classifier, weights }: Inception, features: tf.Tensor2D): tf.Tensor2D {
  return classifier.apply(weights, features);
}

/** Features [count, 2048] of pictures, resized by a rule and brought from 0..255 to -1..1; grey ones as three equal colours. */
export async function inceptionFeatures(
  model: Inception,
  { device, pictures, rule }: {
    readonly device: Device;
    readonly pictures: Pick<Gallery, "count" | "picture">;
    readonly rule: ResizeRule;
  },
): Promise<Float32Array> {
  const [size] = model.stages[0].input, width = INCEPTION_TAPS[3], { count } = pictures;
  const batch = Math.min(INCEPTION_BATCH, count), area = size * size * 3;
  const look = await compile(device, ({ x }) => ({ features: taps(model, x)[3] }), {
    x: { shape: [batch, size, size, 3] },
  });
  const features = new Float32Array(count * width), x = new Float32Array(batch * area);
  for (let start = 0; start < count; start += batch) {
    const rows = Math.min(batch, count - start);
    for (let row = 0; row < rows; row++) {
      const levels = resize(withChannels(await pictures.picture(start + row), 3), { size, rule });
      for (let at = 0; at < area; at++) x[row * area + at] = levels[at] / 127.5 - 1;
    }
    await look.run({ x });
    features.set((await look.read()).features.subarray(0, rows * width), start * width);
  }
  look.dispose();
  return features;
}
