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
import { type CodeShape, codeShape } from "../../data/sequences.ts";
import type { Weights } from "../../engine/optimizers.ts";
import { leakyRelu, sigmoid, tanh } from "../../layers/activations.ts";
import { conv2d } from "../../layers/conv2d.ts";
import { conv2dTranspose } from "../../layers/conv2d_transpose.ts";
import {
  extents,
  type LayerMaker,
  type LayerRow,
  mustFit,
  type Network as LayerNetwork,
  retitled,
  sequential,
} from "../../layers/layer.ts";
import { layerNorm } from "../../layers/layer_norm.ts";
import { linear } from "../../layers/linear.ts";
import { type Start, UNIFORM, uniformOfVariance, zeros } from "../../layers/starts.ts";

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
  /** Sign channels of a code. */
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

/** What decides a network. */
export type NetworkConfig = DenseConfig | Table1Config;

/** An encoder and a decoder. Images are levels in 0..1, [B, height x width x channels]; latents are [B, bits]. */
export interface Network {
  readonly encoder: Weights;
  readonly decoder: Weights;
  /** The layer table of both. */
  readonly rows: readonly LayerRow[];
  readonly parameters: number;
  /** Numbers in an image. */
  readonly pixels: number;
  /** Sign channels, rows and columns of a code. */
  readonly code: CodeShape;
  /** Signs in a code. */
  readonly bits: number;
  /** Whether a frame holds more than the image itself. */
  readonly padded: boolean;
  /** Images as the network sees them, and as it is to draw them: [B, ...]. */
  readonly frame: (images: tf.Tensor2D) => tf.Tensor;
  /** Framed images -> latents, whose signs are the code, channel by channel. */
  readonly encode: (framed: tf.Tensor) => tf.Tensor2D;
  /** Codes -> drawings, shaped as framed images. */
  readonly decode: (codes: tf.Tensor) => tf.Tensor;
  /** Drawings as images. */
  readonly picture: (drawn: tf.Tensor) => tf.Tensor2D;
}

/** Rows and columns of the sites of a code of Table 1. */
const SITES = 4;
/** Slope of LeakyReLU below 0. */
export const LEAK = 0.01;

/** The network of a configuration, with its weights; `random` is that of all of them. */
export function buildNetwork(
  config: NetworkConfig,
  options: { readonly image: ImageShape; readonly random: Random },
): Network {
  return config.architecture === "dense" ? dense(config, options) : table1(config, options);
}

/** Linear, layer normalization (Ba et al. 2016) and LeakyReLU; the last layer of the decoder ends in a sigmoid. */
export function dense({ hidden, dimensions }: DenseConfig, options: {
  readonly image: ImageShape;
  readonly random: Random;
}): Network {
  const { image, random } = options, start = UNIFORM;
  const pixels = image.height * image.width * image.channels;
  const [, rows, columns] = codeShape(image), code: CodeShape = [dimensions, rows, columns];
  const bits = dimensions * rows * columns;
  const block = (name: string, part = ""): LayerMaker[] => [
    retitled((type) => part + type, linear(name, hidden, { start })),
    layerNorm(name),
    leakyRelu(LEAK),
  ];
  const encoding = sequential([pixels], [
    ...block("encoder1", "Encoder: "),
    linear("encoder2", bits, { start }),
  ]);
  const decoding = sequential([bits], [
    ...block("decoder1", "Decoder: "),
    ...block("decoder2"),
    linear("decoder3", pixels, { start }),
    sigmoid,
  ]);
  mustFit(encoding.parameters + decoding.parameters);
  const encoder = encoding.init(random), decoder = decoding.init(random);
  return {
    encoder,
    decoder,
    rows: [...encoding.rows, signRow(code), ...decoding.rows.slice(1)],
    parameters: encoding.parameters + decoding.parameters,
    pixels,
    code,
    bits,
    padded: false,
    frame: (images) => images,
    encode: (images) => encoding.apply(encoder, images),
    decode: (codes) => decoding.apply(decoder, codes),
    picture: (drawn) => tf.reshape(drawn, [-1, pixels]),
  };
}

/** The row of the sign between encoder and decoder. */
function signRow([channels, rows, columns]: CodeShape): LayerRow {
  return { type: "Sign", output: extents([rows, columns, channels]) };
}

/** Table 1's image: its height and width, and its channels. */
const SIDE = 32, CHANNELS = 3;

/** The rows of Table 1 up to the latents, [32, 32, 3] -> [4, 4, NoD]; "same" is the padding that every row has. */
function table1Encoder({ width, dimensions }: Table1Config): LayerMaker[] {
  const row = (name: string, channels: number, kernel: number, stride: number, gain: number): LayerMaker =>
    conv2d(name, { filters: atWidth(channels, width), kernel, stride, start: ofGain(gain) });
  return [
    retitled((type) => `Encoder: ${type}`, row("encoder1", 64, 4, 2, 2)),
    leakyRelu(LEAK),
    row("encoder2", 256, 4, 2, 2),
    leakyRelu(LEAK),
    row("encoder3", 512, 4, 2, 2),
    leakyRelu(LEAK),
    row("encoder4", 8196, 1, 1, 1),
    retitled(
      (type) => `Latents: ${type}`,
      conv2d("latents", { filters: dimensions, kernel: 1, start: ofGain(1) }),
    ),
  ];
}

/** The rows from the codes on, [4, 4, NoD] -> [32, 32, 3]. */
function table1Decoder({ width }: Table1Config): LayerMaker[] {
  const up = (name: string, filters: number, stride: number, gain: number): LayerMaker =>
    conv2dTranspose(name, { filters, kernel: 4, stride, start: ofGain(gain) });
  const site = (name: string, channels: number, gain: number): LayerMaker =>
    conv2d(name, { filters: atWidth(channels, width), kernel: 1, start: ofGain(gain) });
  return [
    retitled(() => "Decoder: Linear", site("decoder1", 8196, 1)),
    retitled(() => "Linear", site("decoder2", 1024, 2)),
    leakyRelu(LEAK),
    up("decoder3", atWidth(512, width), 1, 2),
    leakyRelu(LEAK),
    up("decoder4", atWidth(256, width), 2, 1),
    up("decoder5", atWidth(64, width), 2, 1),
    up("decoder6", CHANNELS, 2, 1),
    tanh,
    retitled(
      (type) => `Refine: ${type}`,
      conv2d("refine1", { filters: atWidth(32, width), kernel: 3, start: ofGain(2) }),
    ),
    leakyRelu(LEAK),
    conv2d("refine2", { filters: CHANNELS, kernel: 3, start: ofGain(0.01) }),
  ];
}

/** So many of the table's channels at some width. */
function atWidth(channels: number, width: number): number {
  return Math.max(1, Math.round(channels * width));
}

function ofGain(gain: number): Start {
  return { kernel: uniformOfVariance(gain), bias: zeros };
}

/** Table 1, encoder and decoder, without weights. */
export function table1Layers(config: Table1Config): {
  readonly encoding: LayerNetwork;
  readonly decoding: LayerNetwork;
} & Pick<Network, "rows" | "parameters"> {
  const encoding = sequential([SIDE, SIDE, CHANNELS], table1Encoder(config));
  const decoding = sequential([SITES, SITES, config.dimensions], table1Decoder(config));
  return {
    encoding,
    decoding,
    rows: [
      ...encoding.rows,
      signRow([config.dimensions, SITES, SITES]),
      ...decoding.rows.slice(1),
      { type: "Output", output: extents(decoding.output) },
    ],
    parameters: encoding.parameters + decoding.parameters,
  };
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
  const { dimensions } = config, colour = channels === CHANNELS;
  if (height > SIDE || width > SIDE || (channels !== 1 && !colour)) {
    throw new RangeError(
      `Cannot show images of ${height}x${width}x${channels} to the network of Table 1 as they must fit into ` +
        `${SIDE}x${SIDE} with 1 or ${CHANNELS} channels: use --architecture dense`,
    );
  }
  const { encoding, decoding, ...table } = table1Layers(config);
  const encoder = encoding.init(random), decoder = decoding.init(random);
  const top = Math.floor((SIDE - height) / 2), left = Math.floor((SIDE - width) / 2);
  return {
    encoder,
    decoder,
    ...table,
    pixels: height * width * channels,
    code: [dimensions, SITES, SITES],
    bits: dimensions * SITES * SITES,
    padded: height < SIDE || width < SIDE || !colour,
    frame: function frame(images): tf.Tensor4D {
      const x: tf.Tensor4D = tf.reshape(images, [-1, height, width, channels]);
      return tf.pad(colour ? x : tf.tile(x, [1, 1, 1, CHANNELS]), [
        [0, 0],
        [top, SIDE - height - top],
        [left, SIDE - width - left],
        [0, 0],
      ]);
    },
    encode: function encode(framed): tf.Tensor2D {
      const centred = colour ? tf.sub(tf.mul(framed, 2), 1) : framed;
      const latents = encoding.apply(encoder, centred); // [B, 4, 4, NoD]
      return tf.reshape(tf.transpose(latents, [0, 3, 1, 2]), [-1, dimensions * SITES * SITES]);
    },
    decode: function decode(codes): tf.Tensor4D {
      const sites = tf.transpose(tf.reshape(codes, [-1, dimensions, SITES, SITES]), [0, 2, 3, 1]); // [B, 4, 4, NoD]
      const drawn: tf.Tensor4D = decoding.apply(decoder, sites); // [B, 32, 32, 3]
      return colour ? tf.mul(0.5, tf.add(drawn, 1)) : drawn;
    },
    picture: function picture(drawn): tf.Tensor2D {
      const cut = tf.slice(drawn, [0, top, left, 0], [-1, height, width, CHANNELS]);
      const levels = tf.clipByValue(cut, 0, 1);
      return tf.reshape(colour ? levels : tf.mean(levels, 3), [-1, height * width * channels]);
    },
  };
}
