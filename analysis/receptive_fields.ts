/**
 * Receptive fields: which inputs a unit of a stack of convolutions and pools can see, calculated from kernels and
 * strides, and measured on a real network by changing its inputs.
 */
import * as tf from "@tensorflow/tfjs";
import { stream } from "../base/random.ts";

/** A layer over squares of `kernel` x `kernel` at every `stride`-th place, without padding. */
export interface WindowLayer {
  readonly type: "conv2d" | "maxpool2d";
  readonly kernel: number;
  readonly stride: number;
}

/** What one unit of a layer sees, along each of the two axes. */
export interface ReceptiveField {
  /** From the first input that it sees to the last, both counted. */
  readonly side: number;
  /** How many inputs apart the fields of two neighbouring units begin. */
  readonly jump: number;
  /** The inputs that it sees, counted from the first; gaps come of strides longer than their kernel. */
  readonly offsets: readonly number[];
}

/** The assignment's ten stacks, in its order. */
export const STACKS: readonly string[] = [
  "conv2d(3,1) conv2d(3,1) conv2d(1,1) maxpool2d(2,2) conv2d(2,2)",
  "conv2d(3,1) maxpool2d(2,2) conv2d(2,2) maxpool2d(2,2) conv2d(3,1)",
  "conv2d(5,1) maxpool2d(3,1) conv2d(4,1) maxpool2d(2,2) conv2d(3,1)",
  "conv2d(7,2) conv2d(5,1) conv2d(3,2) conv2d(3,1) conv2d(1,1)",
  "conv2d(4,1) conv2d(3,2) maxpool2d(2,2) conv2d(3,1) maxpool2d(2,2)",
  "conv2d(7,2) conv2d(5,2) maxpool2d(2,2) conv2d(5,2) conv2d(7,2)",
  "conv2d(3,3) maxpool2d(2,2) conv2d(5,3) maxpool2d(3,3) conv2d(5,1)",
  "conv2d(4,2) maxpool2d(2,2) conv2d(3,1) conv2d(1,1) conv2d(2,1)",
  "conv2d(4,2) maxpool2d(2,2) conv2d(3,1) conv2d(1,1) conv2d(2,1)",
  "conv2d(11,2) conv2d(7,2) maxpool2d(2,2) conv2d(5,2) conv2d(3,1)",
];

const LAYER = /^(conv2d|maxpool2d)\((\d+),(\d+)\)$/;

/**
 * Reads a stack such as "conv2d(3,1) maxpool2d(2,2)": kernel and stride of each layer.
 *
 * @throws {SyntaxError} naming the word that is no layer.
 */
export function parseStack(text: string): WindowLayer[] {
  const words = text.replace(/\s*([(),])\s*/g, "$1").replaceAll(")", ") ").trim().split(/\s+/);
  return words.map((word) => {
    const [, type, kernel, stride] = LAYER.exec(word) ?? [];
    if (type === undefined || Number(kernel) < 1 || Number(stride) < 1) {
      throw new SyntaxError(
        `Cannot read a stack as each layer must be conv2d(K,S) or maxpool2d(K,S) with K and S from 1: ` +
          `current value is "${word}"`,
      );
    }
    return { type: type === "conv2d" ? type : "maxpool2d", kernel: Number(kernel), stride: Number(stride) };
  });
}

/**
 * The receptive field of a unit of each layer. A unit sees `kernel` units of the layer below, whose fields begin `jump`
 * inputs apart: the side grows by (kernel - 1) jump, and the jump is multiplied by the stride.
 */
export function receptiveFields(stack: readonly WindowLayer[]): ReceptiveField[] {
  let field: ReceptiveField = { side: 1, jump: 1, offsets: [0] };
  return stack.map(({ kernel, stride }) => {
    const { side, jump, offsets } = field, seen = new Set<number>();
    for (let unit = 0; unit < kernel; unit++) for (const offset of offsets) seen.add(unit * jump + offset);
    field = {
      side: side + (kernel - 1) * jump,
      jump: jump * stride,
      offsets: [...seen].sort((a, b) => a - b),
    };
    return field;
  });
}

/** What was measured for one layer: of the rows and of the columns of the input, those that change the unit. */
export interface MeasuredField {
  /** Which unit was watched: the same along both axes. */
  readonly unit: number;
  /** How many rows and columns the input had. */
  readonly size: number;
  readonly rows: readonly number[];
  readonly columns: readonly number[];
  /** How many of the four single pixels at the corners of these rows and columns change it. */
  readonly corners: number;
}

/** Inputs are 0..1 and kernels positive, so that this number in their place is seen through every pool and every sum. */
const CHANGE = 1e12;
const BATCH = 8;
/** Inputs beyond the field on the far side; on the near side there are as many as one stride of the stack. */
const MARGIN = 4;
/** A larger field would take minutes to measure. */
const LARGEST = 512;

/**
 * Builds the stack as a real network and replaces its input by a large number, row after row and column after column, watching a unit of
 * every layer.
 *
 * Kernels and inputs are positive and the change is upwards and large: a pool takes the larger value, and no sum cancels
 * it, so a unit that sees a changed input must change. A unit that does not see it is computed from the same numbers.
 *
 * @param pause is awaited after each batch.
 * @throws {RangeError} where the last layer's field is larger than 512.
 */
export async function measureFields(
  stack: readonly WindowLayer[],
  pause: () => Promise<void> = () => Promise.resolve(),
): Promise<MeasuredField[]> {
  const fields = receptiveFields(stack), last = fields[fields.length - 1];
  if (last.side > LARGEST) {
    throw new RangeError(
      `Cannot measure a receptive field as its side must be at most ${LARGEST}: this stack's is ${last.side}`,
    );
  }
  // The last layer's second unit has inputs on all sides that it must not see.
  const size = last.side + last.jump + Math.min(last.jump, MARGIN);
  const random = stream(0).fork("receptive-fields");
  const input = positives(size * size, () => random.uniform());
  const kernels = stack.map(({ kernel }) =>
    tf.tensor4d(positives(kernel * kernel, () => 0.5 + random.uniform()), [kernel, kernel, 1, 1])
  );
  const units = fields.map((_, layer) => outputSize(stack.slice(0, layer + 1), size) >> 1);

  /** The watched units [layer][image] of the network of `images` [images, size, size]. */
  const watch = (images: Float32Array): Float32Array[] =>
    tf.tidy(() => {
      let x = tf.tensor4d(images, [images.length / (size * size), size, size, 1]);
      return stack.map(({ type, kernel, stride }, layer) => {
        x = type === "conv2d"
          ? tf.conv2d(x, kernels[layer], stride, "valid")
          : tf.maxPool(x, kernel, stride, "valid");
        return tf.slice(x, [0, units[layer], units[layer], 0], [-1, 1, 1, 1]).dataSync() as Float32Array;
      });
    });
  const still = watch(input);

  /** Of the boxes [row, column, height, width], for each layer the numbers of those that change its unit. */
  const changing = async (
    boxes: readonly (readonly [number, number, number, number])[],
  ): Promise<number[][]> => {
    const found: number[][] = stack.map(() => []);
    for (let start = 0; start < boxes.length; start += BATCH) {
      const some = boxes.slice(start, start + BATCH), images = new Float32Array(some.length * size * size);
      some.forEach(([row, column, height, width], image) => {
        images.set(input, image * size * size);
        for (let y = row; y < row + height; y++) {
          const at = (image * size + y) * size + column;
          images.fill(CHANGE, at, at + width);
        }
      });
      watch(images).forEach((values, layer) =>
        values.forEach((value, image) => {
          if (value !== still[layer][0]) found[layer].push(start + image);
        })
      );
      await pause();
    }
    return found;
  };
  const lines = Array.from({ length: size }, (_, index) => index);
  const rows = await changing(lines.map((row) => [row, 0, 1, size]));
  const columns = await changing(lines.map((column) => [0, column, size, 1]));
  const measured: MeasuredField[] = [];
  for (const [layer, unit] of units.entries()) {
    const ends = (places: readonly number[]) => [places[0], places[places.length - 1]];
    const corners = ends(rows[layer]).flatMap((row) =>
      ends(columns[layer]).map((column) => [row, column, 1, 1] as const)
    );
    const seen = (await changing(corners))[layer].length;
    measured.push({ unit, size, rows: rows[layer], columns: columns[layer], corners: seen });
  }
  tf.dispose(kernels);
  return measured;
}

/** Whether what was measured is what was calculated, input by input. */
export function agrees(measured: MeasuredField, { jump, offsets }: ReceptiveField): boolean {
  const expected = offsets.map((offset) => measured.unit * jump + offset);
  const equal = (places: readonly number[]) =>
    places.length === expected.length && places.every((place, index) => place === expected[index]);
  return equal(measured.rows) && equal(measured.columns) && measured.corners === 4;
}

/** Units along one axis after `stack`, without padding. */
function outputSize(stack: readonly WindowLayer[], size: number): number {
  return stack.reduce((inputs, { kernel, stride }) => Math.floor((inputs - kernel) / stride) + 1, size);
}

function positives(count: number, draw: () => number): Float32Array {
  return Float32Array.from({ length: count }, draw);
}
