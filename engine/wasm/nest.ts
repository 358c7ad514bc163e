/** Loop nests: what every strided command is written from. Strides are in elements. */
import type { Shape } from "../graph.ts";

/** A loop nest over several tensors. */
export interface Nest {
  readonly extents: number[];
  /** By tensor, by axis. */
  readonly strides: number[][];
  /** By axis: what keeps it apart from others. */
  readonly labels: number[];
}

/** The same nest with axes of extent 1 left out and neighbours merged where all tensors (and the labels) allow it. */
export function collapse(
  shape: Shape,
  strides: readonly (readonly number[])[],
  labels: readonly number[] = shape.map(() => 0),
): Nest {
  const nest: Nest = { extents: [], strides: strides.map(() => []), labels: [] };
  shape.forEach((extent, axis) => {
    if (extent === 1) return;
    const last = nest.extents.length - 1;
    const merges = last >= 0 && nest.labels[last] === labels[axis] &&
      strides.every((of, tensor) => nest.strides[tensor][last] === of[axis] * extent);
    if (merges) {
      nest.extents[last] *= extent;
      strides.forEach((of, tensor) => nest.strides[tensor][last] = of[axis]);
    } else {
      nest.extents.push(extent);
      nest.labels.push(labels[axis]);
      strides.forEach((of, tensor) => nest.strides[tensor].push(of[axis]));
    }
  });
  return nest;
}
