/**
 * Maps under which rows come no farther apart than they are: short rows whose distances are bounds of the long ones'.
 *
 * A row is mapped to its coordinates along the principal directions of the base, and to the length of what they leave
 * over. For |a - b|² = |Pa - Pb|² + |a' - b'|², where a' is what P leaves of a, and |a' - b'| >= ||a'| - |b'||.
 */
import * as tf from "@tensorflow/tfjs";
import { compile, type Device } from "../../engine/device.ts";

/** Half of float32's spacing at 1. */
export const ROUNDING = 2 ** -24;

/**
 * A map of rows to rows, computed in float32. For what it computes,
 * |map(a) - map(b)| <= stretch |a - b| + slack (|a| + |b|).
 */
export interface RowMap {
  /** Numbers in a mapped row. */
  readonly width: number;
  /** [B, width of the rows] -> [B, width] */
  readonly apply: (rows: tf.Tensor2D) => tf.Tensor2D;
  readonly stretch: number;
  readonly slack: number;
}

/** The map that changes nothing: its slack is the rounding of the rows themselves. */
export function identityMap(width: number): RowMap {
  return { width, apply: (rows) => tf.mul(rows, 1), stretch: 1, slack: 2 * ROUNDING };
}

/** Columns that are summed at a time: fewer terms one after the other, less rounding. */
const CHUNK = 256;
/** Power steps that turn rows of the sample into principal directions. Any direction is right, these prune well. */
const STEPS = 2;

/**
 * The map to `width` - 1 principal directions of a sample [rows, columns], found by subspace iteration from some of its
 * rows, and to the length of the rest.
 */
export async function principalMap(
  device: Device,
  sample: { readonly rows: Float32Array; readonly columns: number; readonly width: number },
): Promise<RowMap> {
  const { columns, width } = sample, count = sample.rows.length / columns, kept = width - 1;
  // Scaled, so that no product overflows.
  const longest = longestOf(sample.rows, columns);
  const scaled = sample.rows.map((value) => value / longest);
  let directions = new Float32Array(kept * columns);
  for (let direction = 0; direction < kept; direction++) {
    const start = Math.floor(direction * count / kept) * columns;
    directions.set(scaled.subarray(start, start + columns), direction * columns);
  }
  const rows = tf.tensor2d(scaled, [count, columns]);
  const step = await compile(
    device,
    ({ directions }) => ({ next: tf.matMul(tf.matMul(directions, rows, false, true), rows) }),
    { directions: { shape: [kept, columns] } },
  );
  try {
    for (let steps = 0; steps < STEPS; steps++) {
      await step.run({ directions });
      directions = orthonormal((await step.read()).next, columns);
    }
  } finally {
    step.dispose();
    rows.dispose();
  }
  const projection = directions, terms = CHUNK + Math.ceil(columns / CHUNK);
  return {
    width,
    apply: (rows) =>
      tf.tidy(() => {
        const onto = tf.tensor2d(projection, [kept, columns]);
        const parts: tf.Tensor[] = [];
        for (let start = 0; start < columns; start += CHUNK) {
          const chunk = Math.min(CHUNK, columns - start);
          parts.push(
            tf.matMul(rows.slice([0, start], [-1, chunk]), onto.slice([0, start], [-1, chunk]), false, true),
          );
        }
        const along = tf.addN(parts) as tf.Tensor2D, rest = tf.sub(rows, tf.matMul(along, onto));
        return tf.concat([along, tf.sqrt(tf.sum(tf.square(rest), 1, true))], 1) as tf.Tensor2D;
      }),
    // Directions rounded to float32 are orthonormal but for 2 sqrt(kept) roundings.
    stretch: 1 + 4 * Math.sqrt(kept) * ROUNDING,
    // A sum of n products is off by n roundings of |a||b| at most: `terms` of them for each coordinate, `kept` for each
    // number of the rest, which inherits the coordinates' errors, and half of `columns` for its length. Twice this would
    // do but for small terms; thrice covers them.
    slack: (3 * Math.sqrt(kept) * (terms + kept) + columns) * ROUNDING,
  };
}

/** The rows of a matrix made orthonormal, by Gram and Schmidt; one that depends on those before it becomes 0. */
function orthonormal(rows: ArrayLike<number>, columns: number): Float32Array<ArrayBuffer> {
  const matrix = Float64Array.from(rows);
  for (let start = 0; start < matrix.length; start += columns) {
    const row = matrix.subarray(start, start + columns);
    // Once more, as the first time leaves the rounding of what was taken away.
    for (let time = 0; time < 2; time++) {
      const before = Math.sqrt(dot(row, row));
      for (let other = 0; other < start; other += columns) {
        const known = matrix.subarray(other, other + columns), share = dot(row, known);
        for (let i = 0; i < columns; i++) row[i] -= share * known[i];
      }
      const left = Math.sqrt(dot(row, row));
      const scale = left > 1e-6 * before ? 1 / left : 0;
      for (let i = 0; i < columns; i++) row[i] *= scale;
    }
  }
  return Float32Array.from(matrix);
}

/** The length of the longest row. */
function longestOf(rows: Float32Array, columns: number): number {
  let longest = 0;
  for (let start = 0; start < rows.length; start += columns) {
    const row = rows.subarray(start, start + columns);
    longest = Math.max(longest, dot(row, row));
  }
  return Math.sqrt(longest);
}

function dot(a: Float32Array | Float64Array, b: Float32Array | Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
