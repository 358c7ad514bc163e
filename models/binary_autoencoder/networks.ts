/**
 * The two networks of the binary autoencoder: a dense one, and the convolutional one of Table 1.
 *
 * The convolutional one is, layer by layer, Table 1 of the first assignment (after Zhao & Basu 2025, arXiv
 * 2506.21731). Where that table contradicts itself or is silent, this is how it is read:
 *
 * | the table says | read as |
 * | --- | --- |
 * | ConvT2d 1024 -> 512, 4x4, stride 1, padding 0, output 4x4 | its output size: padding 1 before and 2 after (0 would give 7x7) |
 * | 8196 channels, where 8192 is a power of two | 8196: the table says so six times |
 * | 512 x 8196 and 8196 x 1024 (in x out), 64 x 3 and 512 x 1024 (out x in) | the channels that chain; shown here as in x out x height x width |
 * | no activation in the encoder's and decoder's 8196 channels, nor between the last three ConvT2d | none |
 * | LeakyReLU, its slope given once, in the refinement | 0.01 everywhere |
 * | refinement 1x1, stride 3, padding 1, size unchanged | 3x3, stride 1, padding 1: the numbers in another order |
 * | Tanh before the refinement, whose last layer has no activation | grey levels are in 0..1, colours in -1..1: 0 is what most of an image is near, without which all codes become one. Drawings are clipped where they are measured; PSNR is that of levels in 0..1, its peak 1 |
 * | 3 input channels of 32x32, MNIST being 1 of 28x28 | zeros around, and the grey level in all three channels; the drawing is cut out again, its grey the mean of the channels |
 * | biases, initial weights | biases start at 0; weights uniform, of the variance that keeps a layer's outputs as large as its inputs; the last layer's ten times smaller, so that the first drawing is nearly 0 |
 */
import * as tf from "@tensorflow/tfjs";
import type { Random } from "../../base/random.ts";
import type { Weights } from "../../engine/optimizers.ts";
import type { LayerRow } from "../../layers/layer.ts";

/** What an image is made of. */
export interface ImageShape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** What decides a dense network. */
export interface DenseConfig {
  readonly architecture: "dense";
  /** Units of each of the three hidden layers. */
  readonly hidden: number;
  /** Sign channels of a code, on 4x4 sites. */
  readonly dimensions: number;
}

/** What decides the network of Table 1. */
export interface Table1Config {
  readonly architecture: "table1";
  /** Multiplies the table's channels, but for those of images and codes; 1 is the table. */
  readonly width: number;
  /** "NoD": sign channels of a code, on 4x4 sites. */
  readonly dimensions: number;
}

/** An encoder and a decoder. Images are levels in 0..1, [B, height x width x channels]; latents are [B, bits]. */
export interface Network {
  readonly encoder: Weights;
  readonly decoder: Weights;
  /** Numbers in an image. */
  readonly pixels: number;
  /** Signs in a code. */
  readonly bits: number;
  /** Whether a frame holds more than the image itself. */
  readonly padded: boolean;
  /** Images as the network sees them, and as it is to draw them: [B, ...]. */
  readonly frame: (images: tf.Tensor2D) => tf.Tensor;
  /** Framed images -> latents, whose signs are the code, channel by channel. */
  readonly encode: (framed: tf.Tensor) => tf.Tensor2D;
  /** Codes -> drawings, shaped as framed images. */
  readonly decode: (codes: tf.Tensor2D) => tf.Tensor;
  /** Drawings as images. */
  readonly picture: (drawn: tf.Tensor) => tf.Tensor2D;
}

/** Sites of a code: rows and columns. */
export const SITES = 4;
/** Slope of LeakyReLU below 0. */
export const LEAK = 0.01;

/** Linear, layer normalization (Ba et al. 2016) and LeakyReLU; the last layer of the decoder ends in a sigmoid. */
export function dense({ hidden, dimensions }: DenseConfig, options: {
  readonly image: ImageShape;
  readonly random: Random;
}): Network {
  const { image, random } = options;
  const pixels = image.height * image.width * image.channels, bits = dimensions * SITES * SITES;
  const encoder = {
    ...linearWeights(random, "encoder1", [pixels, hidden]),
    ...normalization("encoder1", hidden),
    ...linearWeights(random, "encoder2", [hidden, bits]),
  };
  const decoder = {
    ...linearWeights(random, "decoder1", [bits, hidden]),
    ...normalization("decoder1", hidden),
    ...linearWeights(random, "decoder2", [hidden, hidden]),
    ...normalization("decoder2", hidden),
    ...linearWeights(random, "decoder3", [hidden, pixels]),
  };
  return {
    encoder,
    decoder,
    pixels,
    bits,
    padded: false,
    frame: (images) => images,
    encode: function encode(images): tf.Tensor2D {
      return linear(encoder, "encoder2", hiddenLayer(encoder, "encoder1", images as tf.Tensor2D));
    },
    decode: function decode(codes): tf.Tensor2D {
      const units = hiddenLayer(decoder, "decoder2", hiddenLayer(decoder, "decoder1", codes)); // [B, hidden]
      return tf.sigmoid(linear(decoder, "decoder3", units));
    },
    picture: (drawn) => drawn as tf.Tensor2D,
  };
}

/** Uniform in ±1/sqrt(inputs), kernels and biases alike. */
function linearWeights(random: Random, layer: string, shape: [inputs: number, outputs: number]): Weights {
  const [inputs, outputs] = shape, limit = 1 / Math.sqrt(inputs), draw = random.fork(layer);
  return tf.tidy(() => ({
    [`${layer}/kernel`]: tf.variable(tf.tensor2d(draw.uniforms(inputs * outputs, limit), shape)),
    [`${layer}/bias`]: tf.variable(tf.tensor1d(draw.uniforms(outputs, limit))),
  }));
}

function normalization(layer: string, units: number): Weights {
  return tf.tidy(() => ({
    [`${layer}/gain`]: tf.variable(tf.ones([units])),
    [`${layer}/shift`]: tf.variable(tf.zeros([units])),
  }));
}

/** x [B, inputs] -> [B, outputs] */
function linear(weights: Weights, layer: string, x: tf.Tensor2D): tf.Tensor2D {
  return tf.add(tf.matMul(x, weights[`${layer}/kernel`] as tf.Tensor2D), weights[`${layer}/bias`]);
}

/** Linear, layer normalization, LeakyReLU. */
function hiddenLayer(weights: Weights, layer: string, input: tf.Tensor2D): tf.Tensor2D {
  const x = linear(weights, layer, input); // [B, H]
  const centred = tf.sub(x, tf.mean(x, 1, true));
  const variance = tf.mean(tf.square(centred), 1, true);
  const normal = tf.mul(centred, tf.rsqrt(tf.add(variance, 1e-5)));
  return tf.leakyRelu(tf.add(tf.mul(normal, weights[`${layer}/gain`]), weights[`${layer}/shift`]), LEAK);
}

/** Layer table of a dense network. */
export function denseLayers({ hidden, dimensions }: DenseConfig, image: ImageShape): LayerRow[] {
  const pixels = image.height * image.width * image.channels, bits = dimensions * SITES * SITES;
  const code = `N x ${dimensions} x ${SITES} x ${SITES}`;
  const block = (name: string, inputs: number): LayerRow[] => [
    { type: name, weight: `${inputs} x ${hidden}`, output: `N x ${hidden}` },
    { type: `LayerNorm, LeakyReLU ${LEAK}`, weight: `2 x ${hidden}`, output: `N x ${hidden}` },
  ];
  return [
    { type: "Input", output: `N x ${pixels}` },
    ...block("Encoder: Linear", pixels),
    { type: "Linear", weight: `${hidden} x ${bits}`, output: code },
    { type: "Sign", output: code },
    ...block("Decoder: Linear", bits),
    ...block("Linear", hidden),
    { type: "Linear, Sigmoid", weight: `${hidden} x ${pixels}`, output: `N x ${pixels}` },
  ];
}

/** A row of Table 1, with the activation that follows it. */
interface Row {
  readonly name: string;
  readonly type: "Conv2d" | "Linear" | "ConvT2d";
  /** Channels that come out: as many at width 1, or as many as a code or an image has. */
  readonly channels: number | "code" | "image";
  /** Height and width of the kernel. */
  readonly kernel: number;
  readonly stride: number;
  /** Zeros before and after each row and column. */
  readonly padding: readonly [before: number, after: number];
  readonly then?: "LeakyReLU" | "Tanh";
}

/** Table 1's image: its height and width, and its channels. */
const SIDE = 32, CHANNELS = 3;

// deno-fmt-ignore
const ENCODER: readonly Row[] = [
  { name: "encoder1", type: "Conv2d", channels: 64, kernel: 4, stride: 2, padding: [1, 1], then: "LeakyReLU" },
  { name: "encoder2", type: "Conv2d", channels: 256, kernel: 4, stride: 2, padding: [1, 1], then: "LeakyReLU" },
  { name: "encoder3", type: "Conv2d", channels: 512, kernel: 4, stride: 2, padding: [1, 1], then: "LeakyReLU" },
  { name: "encoder4", type: "Conv2d", channels: 8196, kernel: 1, stride: 1, padding: [0, 0] },
  { name: "latents", type: "Conv2d", channels: "code", kernel: 1, stride: 1, padding: [0, 0] },
];

// deno-fmt-ignore
const DECODER: readonly Row[] = [
  { name: "decoder1", type: "Linear", channels: 8196, kernel: 1, stride: 1, padding: [0, 0] },
  { name: "decoder2", type: "Linear", channels: 1024, kernel: 1, stride: 1, padding: [0, 0], then: "LeakyReLU" },
  { name: "decoder3", type: "ConvT2d", channels: 512, kernel: 4, stride: 1, padding: [1, 2], then: "LeakyReLU" },
  { name: "decoder4", type: "ConvT2d", channels: 256, kernel: 4, stride: 2, padding: [1, 1] },
  { name: "decoder5", type: "ConvT2d", channels: 64, kernel: 4, stride: 2, padding: [1, 1] },
  { name: "decoder6", type: "ConvT2d", channels: "image", kernel: 4, stride: 2, padding: [1, 1], then: "Tanh" },
  { name: "refine1", type: "Conv2d", channels: 32, kernel: 3, stride: 1, padding: [1, 1], then: "LeakyReLU" },
  { name: "refine2", type: "Conv2d", channels: "image", kernel: 3, stride: 1, padding: [1, 1] },
];

/** A row of Table 1 at some width, with what goes in and what comes out. */
export interface Stage extends Omit<Row, "channels"> {
  readonly inputs: number;
  readonly outputs: number;
  /** Height and width of the output. */
  readonly size: number;
}

/** Table 1 at some width. */
export function table1Stages(config: Table1Config): { readonly encoder: Stage[]; readonly decoder: Stage[] } {
  const { width, dimensions } = config;
  const chain = (
    rows: readonly Row[],
    start: { readonly outputs: number; readonly size: number },
  ): Stage[] => {
    const stages: Stage[] = [];
    for (const { channels, ...row } of rows) {
      const before = stages.at(-1) ?? start;
      const outputs = channels === "code"
        ? dimensions
        : channels === "image"
        ? CHANNELS
        : Math.max(1, Math.round(channels * width));
      stages.push({ ...row, inputs: before.outputs, outputs, size: outputSize(row, before.size) });
    }
    return stages;
  };
  return {
    encoder: chain(ENCODER, { outputs: CHANNELS, size: SIDE }),
    decoder: chain(DECODER, { outputs: dimensions, size: SITES }),
  };
}

/** Height of what a layer makes of an image that is `size` high. */
function outputSize(
  { type, kernel, stride, padding: [before, after] }: Omit<Row, "channels">,
  size: number,
): number {
  return type === "ConvT2d"
    ? (size - 1) * stride + kernel - before - after
    : Math.floor((size + before + after - kernel) / stride) + 1;
}

/**
 * The network of Table 1: images are framed as [B, 32, 32, 3].
 *
 * @throws {RangeError} where the images do not fit into that frame.
 */
export function table1(config: Table1Config, options: {
  readonly image: ImageShape;
  readonly random: Random;
}): Network {
  const { image: { height, width, channels }, random } = options;
  const { dimensions } = config, stages = table1Stages(config), colour = channels === CHANNELS;
  if (height > SIDE || width > SIDE || (channels !== 1 && !colour)) {
    throw new RangeError(
      `Cannot show images of ${height}x${width}x${channels} to the network of Table 1 as they must fit into ` +
        `${SIDE}x${SIDE} with 1 or ${CHANNELS} channels: use --architecture dense`,
    );
  }
  const encoder = stageWeights(random, stages.encoder), decoder = stageWeights(random, stages.decoder);
  const top = Math.floor((SIDE - height) / 2), left = Math.floor((SIDE - width) / 2);
  return {
    encoder,
    decoder,
    pixels: height * width * channels,
    bits: dimensions * SITES * SITES,
    padded: height < SIDE || width < SIDE || !colour,
    frame: function frame(images): tf.Tensor4D {
      const x = images.reshape([-1, height, width, channels]);
      const colours = colour ? x : tf.tile(x, [1, 1, 1, CHANNELS]);
      return tf.pad(colours as tf.Tensor4D, [
        [0, 0],
        [top, SIDE - height - top],
        [left, SIDE - width - left],
        [0, 0],
      ]);
    },
    encode: function encode(framed): tf.Tensor2D {
      const centred = colour ? tf.sub(tf.mul(framed, 2), 1) : framed;
      const latents = applyStages(encoder, stages.encoder, centred as tf.Tensor4D); // [B, 4, 4, NoD]
      return tf.transpose(latents, [0, 3, 1, 2]).reshape([-1, dimensions * SITES * SITES]);
    },
    decode: function decode(codes): tf.Tensor4D {
      const sites = tf.transpose(codes.reshape([-1, dimensions, SITES, SITES]), [0, 2, 3, 1]); // [B, 4, 4, NoD]
      const drawn = applyStages(decoder, stages.decoder, sites as tf.Tensor4D); // [B, 32, 32, 3]
      return colour ? tf.mul(0.5, tf.add(drawn, 1)) : drawn;
    },
    picture: function picture(drawn): tf.Tensor2D {
      const cut = tf.slice(drawn as tf.Tensor4D, [0, top, left, 0], [-1, height, width, CHANNELS]);
      const levels = tf.clipByValue(cut, 0, 1);
      return (colour ? levels : tf.mean(levels, 3)).reshape([-1, height * width * channels]);
    },
  };
}

function applyStages(weights: Weights, stages: readonly Stage[], input: tf.Tensor4D): tf.Tensor4D {
  return stages.reduce((x, stage) => applyStage(weights, stage, x), input);
}

/** One row of the table and its activation; "same" is the padding that every row of it has. */
function applyStage(
  weights: Weights,
  { name, type, size, outputs, stride, then }: Stage,
  x: tf.Tensor4D,
): tf.Tensor4D {
  const kernel = weights[`${name}/kernel`] as unknown as tf.Tensor4D;
  const sums = type === "ConvT2d"
    ? tf.conv2dTranspose(x, kernel, [x.shape[0], size, size, outputs], stride, "same")
    : tf.conv2d(x, kernel, stride, "same");
  const y = tf.add(sums, weights[`${name}/bias`]) as tf.Tensor4D;
  return then === "LeakyReLU" ? tf.leakyRelu(y, LEAK) : then === "Tanh" ? tf.tanh(y) : y;
}

/** Kernels are [height, width, in, out], transposed ones [height, width, out, in]. */
function stageWeights(random: Random, stages: readonly Stage[]): Weights {
  const weights: Record<string, tf.Variable> = {};
  for (const { name, type, kernel, stride, inputs, outputs, then } of stages) {
    // A transposed convolution adds up (kernel / stride)² of its kernel's places at each place of its output.
    const summed = inputs * (type === "ConvT2d" ? (kernel / stride) ** 2 : kernel ** 2);
    const variance = (name === "refine2" ? 0.01 : then === "LeakyReLU" ? 2 : 1) / summed;
    const shape = [kernel, kernel, ...(type === "ConvT2d" ? [outputs, inputs] : [inputs, outputs])];
    const drawn = random.fork(name).uniforms(kernel ** 2 * inputs * outputs, Math.sqrt(3 * variance));
    tf.tidy(() => {
      weights[`${name}/kernel`] = tf.variable(tf.tensor(drawn, shape));
      weights[`${name}/bias`] = tf.variable(tf.zeros([outputs]));
    });
  }
  return weights;
}

/** Layer table of the network of Table 1, as it is there. */
export function table1Layers(config: Table1Config): LayerRow[] {
  const { encoder, decoder } = table1Stages(config);
  const image = `N x ${CHANNELS} x ${SIDE} x ${SIDE}`;
  const code = `N x ${config.dimensions} x ${SITES} x ${SITES}`;
  const parts: Readonly<Record<string, string>> = {
    encoder1: "Encoder: ",
    latents: "Latents: ",
    decoder1: "Decoder: ",
    refine1: "Refine: ",
  };
  const rows = (stages: readonly Stage[]): LayerRow[] =>
    stages.flatMap(
      ({ name, type, inputs, outputs, kernel, stride, padding: [before, after], size, then }) => {
        const output = `N x ${outputs} x ${size} x ${size}`;
        const layer = {
          type: (parts[name] ?? "") + type,
          weight: `${inputs} x ${outputs} x ${kernel} x ${kernel}`,
          stride,
          padding: before === after ? before : `${before}, ${after}`,
          output,
        };
        return then === undefined
          ? [layer]
          : [layer, { type: then === "LeakyReLU" ? `${then} ${LEAK}` : then, output }];
      },
    );
  return [
    { type: "Input", output: image },
    ...rows(encoder),
    { type: "Sign", output: code },
    ...rows(decoder),
    { type: "Output", output: image },
  ];
}
