/** Arithmetic of strided reads and of reshapes. */
import { type Shape, sizeOf } from "../graph.ts";
import { stridesOf } from "../kernels/strides.ts";

/** A strided read of a tensor: what `copy` does. */
export interface View {
  readonly shape: Shape;
  readonly offset: number;
  readonly strides: readonly number[];
}

/** Whether two lists of strides read the same elements: those of axes of extent 1 do not matter. */
function alike(shape: Shape, strides: readonly number[], others: readonly number[]): boolean {
  return shape.every((extent, axis) => extent === 1 || strides[axis] === others[axis]);
}

/** Whether a view of a tensor of `size` elements is all of them in order. */
export function isWhole(view: View, size: number): boolean {
  return view.offset === 0 && sizeOf(view.shape) === size &&
    alike(view.shape, view.strides, stridesOf(view.shape));
}

/** Where the view swaps the last two axes and does nothing else: the shape before that. */
export function swappedFrom({ shape, offset, strides }: View, size: number): Shape | undefined {
  if (shape.length < 2 || offset !== 0 || sizeOf(shape) !== size) return undefined;
  const before = [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!];
  const own = stridesOf(before), swapped = [...own.slice(0, -2), own.at(-1)!, own.at(-2)!];
  return alike(shape, strides, swapped) ? before : undefined;
}

/** Where the view repeats a tensor of `size` elements along axes: the shape that broadcasts to the view's. */
export function broadcastFrom({ shape, offset, strides }: View, size: number): Shape | undefined {
  const narrow = shape.map((extent, axis) => (strides[axis] === 0 ? 1 : extent));
  if (offset !== 0 || sizeOf(narrow) !== size) return undefined;
  const own = stridesOf(narrow);
  return narrow.every((extent, axis) => extent === 1 || strides[axis] === own[axis]) ? narrow : undefined;
}

/** The view `outer` of the view `inner`, as one view; undefined where strides alone cannot say it. */
export function viewOfView(outer: View, inner: View): View | undefined {
  const own = stridesOf(inner.shape);
  let rest = outer.offset, offset = inner.offset;
  const lowest = own.map((stride, axis) => {
    const coordinate = Math.floor(rest / stride);
    rest -= coordinate * stride;
    offset += coordinate * inner.strides[axis];
    return coordinate;
  });
  const highest = [...lowest], strides: number[] = [];
  for (let axis = 0; axis < outer.shape.length; axis++) {
    const stride = outer.strides[axis], reach = outer.shape[axis] - 1;
    if (stride === 0 || reach === 0) {
      strides.push(0);
      continue;
    }
    // Each axis must move along one axis of the inner view, and stay inside it.
    const along = own.findIndex((width, j) => inner.shape[j] > 1 && Math.abs(stride) % width === 0);
    if (along < 0) return undefined;
    const steps = stride / own[along];
    if (steps < 0) lowest[along] += reach * steps;
    else highest[along] += reach * steps;
    strides.push(steps * inner.strides[along]);
  }
  const inside = inner.shape.every((extent, axis) => lowest[axis] >= 0 && highest[axis] < extent);
  return inside ? { shape: outer.shape, offset, strides } : undefined;
}

/** Runs of axes of two shapes of one size that hold the same elements. */
interface Run {
  readonly from: readonly [start: number, end: number];
  readonly to: readonly [start: number, end: number];
}

function runsOf(from: Shape, to: Shape): Run[] {
  const runs: Run[] = [];
  for (let i = 0, j = 0; i < from.length || j < to.length;) {
    const start = [i, j];
    let a = from[i++] ?? 1, b = to[j++] ?? 1;
    while (a !== b) {
      if (a < b) a *= from[i++];
      else b *= to[j++];
    }
    runs.push({ from: [start[0], Math.min(i, from.length)], to: [start[1], Math.min(j, to.length)] });
  }
  return runs;
}

/**
 * A tensor of `shape` is broadcast to `from`, whose elements are then seen under the shape `to`: the shape under which
 * the tensor can be broadcast to `to` at once. Undefined where there is none.
 */
export function broadcastUnder(shape: Shape, from: Shape, to: Shape): Shape | undefined {
  if (sizeOf(from) === 0) return undefined;
  const own = [...new Array<number>(from.length - shape.length).fill(1), ...shape];
  const result: number[] = [];
  for (const run of runsOf(from, to)) {
    const extents = own.slice(...run.from), full = from.slice(...run.from), target = to.slice(...run.to);
    if (extents.every((extent, axis) => extent === full[axis])) result.push(...target);
    else if (extents.every((extent) => extent === 1)) result.push(...target.map(() => 1));
    else return undefined;
  }
  return result;
}

/** The axes of `to` that hold the same elements as `axes` of `from`. Undefined where there are none. */
export function axesUnder(axes: readonly number[], from: Shape, to: Shape): number[] | undefined {
  if (sizeOf(from) === 0) return undefined;
  const result: number[] = [];
  for (const run of runsOf(from, to)) {
    const inRun = from.map((_, axis) => axis).slice(...run.from).filter((axis) => from[axis] > 1);
    const reduced = inRun.filter((axis) => axes.includes(axis)).length;
    if (reduced > 0 && reduced < inRun.length) return undefined;
    if (reduced > 0) { for (let axis = run.to[0]; axis < run.to[1]; axis++) result.push(axis); }
  }
  return result;
}
