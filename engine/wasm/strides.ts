/** Axes and strides: what every strided command is written from. Strides are in elements. */
import type { Shape } from "../graph.ts";

/** The strides of a dense tensor. */
export function denseStrides(shape: Shape): number[] {
  const strides: number[] = new Array(shape.length);
  for (let axis = shape.length - 1, stride = 1; axis >= 0; stride *= shape[axis--]) strides[axis] = stride;
  return strides;
}

/** The strides with which a dense tensor of `shape` is read as one of `to`: 0 along what is repeated. */
export function broadcastStrides(shape: Shape, to: Shape): number[] {
  const dense = denseStrides(shape), missing = to.length - shape.length;
  return to.map((_, axis) => axis < missing || shape[axis - missing] === 1 ? 0 : dense[axis - missing]);
}

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
