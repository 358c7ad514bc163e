/** Arithmetic of row-major shapes. */
import type { Shape } from "../graph.ts";

/** How far apart neighbours along each axis lie. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

/** Whether `shape` can be broadcast to `to`: aligned at the last axis, each extent equal or 1. */
export function broadcastsTo(shape: Shape, to: Shape): boolean {
  const missing = to.length - shape.length;
  return missing >= 0 && shape.every((extent, axis) => extent === to[missing + axis] || extent === 1);
}

/** The smallest shape that all of `shapes` broadcast to; undefined where there is none. */
export function broadcastShape(shapes: readonly Shape[]): Shape | undefined {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  const result = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    for (let axis = 0; axis < shape.length; axis++) {
      const at = rank - shape.length + axis;
      if (shape[axis] === 1) continue;
      if (result[at] !== 1 && result[at] !== shape[axis]) return undefined;
      result[at] = shape[axis];
    }
  }
  return result;
}

/** The strides with which a tensor of `shape` is read as if it had the shape `to`: 0 along broadcast axes. */
export function broadcastStrides(shape: Shape, to: Shape): number[] {
  const own = stridesOf(shape), missing = to.length - shape.length;
  return to.map((_, axis) => (axis < missing || shape[axis - missing] === 1 ? 0 : own[axis - missing]));
}

/** A function from a linear index in `shape` to `offset` plus the sum of coordinate times stride. */
export function strided(shape: Shape, strides: readonly number[], offset = 0): (index: number) => number {
  const own = stridesOf(shape);
  const total = shape.reduce((size, extent) => size * extent, 1);
  if (strides.every((stride, axis) => stride === own[axis] || shape[axis] === 1)) {
    return (index) => offset + index;
  }
  if (total === 0 || strides.every((stride) => stride === 0)) return () => offset;
  return (index) => {
    let at = offset;
    for (let axis = 0; axis < own.length; axis++) {
      const coordinate = Math.floor(index / own[axis]);
      index -= coordinate * own[axis];
      at += coordinate * strides[axis];
    }
    return at;
  };
}
