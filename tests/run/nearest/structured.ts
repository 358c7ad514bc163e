/** Tables of rows that lie near a plane of few dimensions, as pictures do: what tests of the search need. */
import { type Random, stream } from "../../../base/random.ts";
import type { Table } from "../../../metrics/mod.ts";

const DIMENSIONS = 12;

/** Rows of whole numbers 0..255, as bytes, or of floats about 128; all calls with one width share the plane. */
export function structured(
  random: Random,
  { count, width, type }: {
    readonly count: number;
    readonly width: number;
    readonly type: "bytes" | "floats";
  },
): Table {
  const plane = stream(11),
    values = type === "bytes" ? new Uint8Array(count * width) : new Float32Array(count * width);
  const directions = Float64Array.from({ length: DIMENSIONS * width }, () => plane.normal());
  for (let row = 0; row < count; row++) {
    const weights = Array.from({ length: DIMENSIONS }, () => 10 * random.normal());
    for (let i = 0; i < width; i++) {
      let value = 128 + random.normal();
      weights.forEach((weight, direction) => value += weight * directions[direction * width + i]);
      values[row * width + i] = type === "bytes" ? Math.max(0, Math.min(255, Math.round(value))) : value;
    }
  }
  return { values, count, width };
}
