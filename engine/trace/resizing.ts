/** Resizing images, channels last: gathers along rows and columns, whose gradients are the opposite scatters. */
import type * as tf from "@tensorflow/tfjs";
import { gather, scatter } from "./indexing.ts";
import { kernel, type TraceKernel } from "./kernel.ts";
import type { Recorder, Traced } from "./recorder.ts";

interface Sampling {
  readonly alignCorners: boolean;
  readonly halfPixelCenters: boolean;
}

/** Places in the old image that new places 0 ... count-1 look at. */
function places(before: number, count: number, { alignCorners, halfPixelCenters }: Sampling): number[] {
  const corners = alignCorners && count > 1;
  const ratio = corners ? (before - 1) / (count - 1) : before / count;
  return Array.from(
    { length: count },
    (_, place) => halfPixelCenters ? ratio * (place + 0.5) : ratio * place,
  );
}

function nearest(before: number, count: number, sampling: Sampling): number[] {
  return places(before, count, sampling).map((place) =>
    Math.max(0, Math.min(before - 1, sampling.alignCorners ? Math.round(place) : Math.floor(place)))
  );
}

/** For each new place: two old ones, and how much of the second. */
function linear(before: number, count: number, sampling: Sampling) {
  const exact = places(before, count, sampling).map((place) =>
    sampling.halfPixelCenters ? place - 0.5 : place
  );
  const low = exact.map((place) => Math.max(0, Math.floor(place)));
  const high = exact.map((place) => Math.max(0, Math.min(before - 1, Math.ceil(place))));
  return { low, high, share: exact.map((place, index) => place - low[index]) };
}

/** A vector along `axis` of an image. */
function along(recorder: Recorder, numbers: readonly number[], axis: number): Traced {
  const shape = [1, 1, 1, 1].map((_, other) => other === axis ? numbers.length : 1);
  return recorder.constant(numbers, shape, "float32");
}

function pick(recorder: Recorder, x: Traced, rows: readonly number[], axis: number): Traced {
  return gather(recorder, x, recorder.constant(rows, [rows.length], "int32"), axis);
}

/** The opposite of `pick`: `dy` summed where it was picked from. */
function unpick(
  recorder: Recorder,
  dy: Traced,
  from: { rows: readonly number[]; axis: number; extent: number },
): Traced {
  const order = from.axis === 1 ? [1, 0, 2, 3] : [2, 1, 0, 3];
  const indices = recorder.constant(from.rows, [from.rows.length], "int32");
  const updates = recorder.transpose(dy, order);
  const sums = scatter(recorder, { indices, updates, segments: from.extent, reducer: "sum" });
  return recorder.transpose(sums, order);
}

const AXES = [1, 2] as const;

/** The kernels that resize. */
export const resizing: readonly TraceKernel[] = [
  kernel<tf.ResizeNearestNeighborAttrs>(
    "ResizeNearestNeighbor",
    (recorder, { images }, { size, ...sampling }) =>
      AXES.reduce(
        (image, axis) =>
          pick(recorder, image, nearest(images.value.shape[axis], size[axis - 1], sampling), axis),
        images,
      ),
  ),
  kernel<tf.ResizeNearestNeighborGradAttrs>(
    "ResizeNearestNeighborGrad",
    (recorder, { images, dy }, sampling) =>
      AXES.reduce((gradient, axis) => {
        const extent = images.value.shape[axis];
        return unpick(recorder, gradient, {
          rows: nearest(extent, dy.value.shape[axis], sampling),
          axis,
          extent,
        });
      }, dy),
  ),
  kernel<tf.ResizeBilinearAttrs>(
    "ResizeBilinear",
    (recorder, { images }, { size, ...sampling }) =>
      AXES.reduce((image, axis) => {
        const { low, high, share } = linear(images.value.shape[axis], size[axis - 1], sampling);
        const first = pick(recorder, image, low, axis), second = pick(recorder, image, high, axis);
        const difference = recorder.map("sub", [second, first], "float32");
        const step = recorder.map("mul", [difference, along(recorder, share, axis)], "float32");
        return recorder.map("add", [first, step], "float32");
      }, recorder.cast(images, "float32")),
  ),
  kernel<tf.ResizeBilinearGradAttrs>(
    "ResizeBilinearGrad",
    (recorder, { images, dy }, sampling) =>
      AXES.reduce((gradient, axis) => {
        const extent = images.value.shape[axis];
        const { low, high, share } = linear(extent, dy.value.shape[axis], sampling);
        const part = (rows: readonly number[], shares: readonly number[]) => {
          const scaled = recorder.map("mul", [gradient, along(recorder, shares, axis)], "float32");
          return unpick(recorder, scaled, { rows, axis, extent });
        };
        return recorder.map("add", [part(low, share.map((high) => 1 - high)), part(high, share)], "float32");
      }, dy),
  ),
];
