/** Kernels that move elements and compute nothing: `reshape`, `copy`, `concat` and `pad` nodes. */
import * as tf from "@tensorflow/tfjs";
import { type Shape, sizeOf } from "../graph.ts";
import { kernel, type TraceKernel } from "./kernel.ts";
import { type Recorder, stridesOf, type Traced } from "./recorder.ts";

/** A shape with an axis of extent 1 before `at`, which counts from the end where it is negative. */
function withAxis(recorder: Recorder, shape: Shape, at: number): Shape {
  const { length } = shape;
  if (at < -length - 1 || at > length) {
    throw new RangeError(
      `Cannot trace ${recorder.kernel} as the new axis must be in ${
        -length - 1
      }..${length}: current value is ${at}`,
    );
  }
  return shape.toSpliced(at < 0 ? length + at + 1 : at, 0, 1);
}

/** x with the elements along `axes` in opposite order. */
function reverse(recorder: Recorder, x: Traced, axes: readonly number[]): Traced {
  const shape = x.value.shape, strides = stridesOf(shape);
  const flipped = axes.filter((axis) => shape[axis] > 1);
  if (flipped.length === 0) return x;
  return recorder.copy(x, shape, {
    offset: flipped.reduce((offset, axis) => offset + (shape[axis] - 1) * strides[axis], 0),
    strides: strides.map((stride, axis) => flipped.includes(axis) ? -stride : stride),
  });
}

/** x repeated `times[axis]` times along each axis. */
function tile(recorder: Recorder, x: Traced, times: readonly number[]): Traced {
  const shape = x.value.shape;
  if (times.every((count) => count === 1)) return x;
  const strides = stridesOf(shape);
  const whole = shape.map((extent, axis) => extent * times[axis]);
  if (shape.every((extent, axis) => extent === 1 || times[axis] === 1)) return recorder.broadcast(x, whole);
  const spread = recorder.copy(x, shape.flatMap((extent, axis) => [times[axis], extent]), {
    offset: 0,
    strides: strides.flatMap((stride) => [0, stride]),
  });
  return recorder.reshape(spread, whole);
}

/** The part `begin` ... `begin + size` along one axis. */
export function part(
  recorder: Recorder,
  x: Traced,
  along: { readonly axis: number; readonly begin: number; readonly size: number },
): Traced {
  const shape = x.value.shape;
  return recorder.slice(
    x,
    shape.map((_, axis) => axis === along.axis ? along.begin : 0),
    shape.map((extent, axis) => axis === along.axis ? along.size : extent),
  );
}

/** x placed at `before` in a block of `value`. */
function pad(recorder: Recorder, x: Traced, paddings: readonly (readonly number[])[], value: number): Traced {
  if (paddings.every(([before, after]) => before === 0 && after === 0)) return x;
  const shape = x.value.shape.map((extent, axis) => paddings[axis][0] + extent + paddings[axis][1]);
  return recorder.node(
    { kind: "pad", before: paddings.map(([before]) => before), value },
    [x],
    shape,
    x.dtype,
  );
}

/** x continued at its edges by its mirror image, with (`symmetric`) or without (`reflect`) the edge itself. */
function mirror(recorder: Recorder, x: Traced, { paddings, mode }: tf.MirrorPadAttrs): Traced {
  const skip = mode === "reflect" ? 1 : 0;
  return paddings.reduce((padded, [before, after], axis) => {
    const extent = x.value.shape[axis];
    const edge = (begin: number, size: number) =>
      reverse(recorder, part(recorder, padded, { axis, begin, size }), [axis]);
    const parts = [padded];
    if (before > 0) parts.unshift(edge(skip, before));
    if (after > 0) parts.push(edge(extent - skip - after, after));
    return recorder.concat(parts, axis);
  }, x);
}

function spaceToBatch(recorder: Recorder, x: Traced, attributes: tf.SpaceToBatchNDAttrs): Traced {
  const { blockShape, paddings } = attributes, blocks = sizeOf(blockShape);
  const rest = x.value.shape.slice(1 + blockShape.length).map(() => [0, 0]);
  const padded = pad(recorder, x, [[0, 0], ...paddings, ...rest], 0), shape = [...padded.value.shape];
  const split = recorder.reshape(padded, tf.backend_util.getReshaped(shape, blockShape, blocks, false));
  const order = tf.backend_util.getPermuted(split.value.shape.length, blockShape.length, false);
  const moved = recorder.transpose(split, order);
  return recorder.reshape(moved, tf.backend_util.getReshapedPermuted(shape, blockShape, blocks, false));
}

function batchToSpace(recorder: Recorder, x: Traced, { blockShape, crops }: tf.BatchToSpaceNDAttrs): Traced {
  const blocks = sizeOf(blockShape), shape = [...x.value.shape];
  const split = recorder.reshape(x, tf.backend_util.getReshaped(shape, blockShape, blocks));
  const order = tf.backend_util.getPermuted(split.value.shape.length, blockShape.length);
  const moved = recorder.transpose(split, order);
  const whole = tf.backend_util.getReshapedPermuted(shape, blockShape, blocks);
  const rest = whole.length - blockShape.length - 1,
    size = tf.backend_util.getSliceSize(whole, crops, blockShape.length);
  return recorder.slice(
    recorder.reshape(moved, whole),
    [...tf.backend_util.getSliceBeginCoords(crops, blockShape.length), ...Array(rest).fill(0)],
    [...size, ...whole.slice(size.length)],
  );
}

/** Every step-th element from `begin` on, along each axis. */
function strided(
  recorder: Recorder,
  x: Traced,
  from: { readonly begin: readonly number[]; readonly steps: readonly number[]; readonly shape: Shape },
): Traced {
  const strides = stridesOf(x.value.shape);
  return recorder.copy(x, from.shape, {
    offset: from.begin.reduce((offset, at, axis) => offset + at * strides[axis], 0),
    strides: strides.map((stride, axis) => stride * from.steps[axis]),
  });
}

/** The kernels that move elements. */
export const movement: readonly TraceKernel[] = [
  kernel<tf.ReshapeAttrs>(
    "Reshape",
    (recorder, { x }, { shape }) =>
      recorder.reshape(x, tf.util.inferFromImplicitShape(shape, sizeOf(x.value.shape))),
  ),
  kernel<tf.ExpandDimsAttrs>(
    "ExpandDims",
    (recorder, { input }, { dim }) => recorder.reshape(input, withAxis(recorder, input.value.shape, dim)),
  ),
  kernel<tf.TransposeAttrs>("Transpose", (recorder, { x }, { perm }) => recorder.transpose(x, perm)),
  kernel<tf.SliceAttrs>("Slice", (recorder, { x }, { begin, size }) => {
    const tensor = { shape: [...x.value.shape], rank: x.value.shape.length } as tf.Tensor;
    return recorder.slice(x, ...tf.slice_util.parseSliceParams(tensor, begin, size) as [number[], number[]]);
  }),
  kernel<tf.StridedSliceAttrs>("StridedSlice", (recorder, { x }, attributes) => {
    const info = tf.slice_util.sliceInfo(
      [...x.value.shape],
      attributes.begin,
      attributes.end,
      attributes.strides,
      attributes.beginMask,
      attributes.endMask,
      attributes.ellipsisMask,
      attributes.newAxisMask,
      attributes.shrinkAxisMask,
    );
    // Of a slice whose end lies before its begin, tfjs computes extents below 0, or -0.
    const shape = tf.slice_util.computeOutShape(info.begin, info.end, info.strides)
      .map((extent) => Math.max(0, extent));
    return recorder.reshape(
      strided(recorder, x, { begin: info.begin, steps: info.strides, shape }),
      info.finalShape,
    );
  }),
  kernel<tf.ReverseAttrs>(
    "Reverse",
    (recorder, { x }, { dims }) => reverse(recorder, x, tf.util.parseAxisParam(dims, [...x.value.shape])),
  ),
  kernel("FlipLeftRight", (recorder, { image }) => reverse(recorder, image, [2])),
  kernel<tf.TileAttrs>("Tile", (recorder, { x }, { reps }) => tile(recorder, x, reps)),
  kernel<tf.BroadCastToAttrs>("BroadcastTo", (recorder, { x }, { shape }) => recorder.broadcast(x, shape)),
  kernel<tf.SplitVAttrs>("SplitV", (recorder, { x }, { numOrSizeSplits, axis }) => {
    const [along] = tf.util.parseAxisParam(axis, [...x.value.shape]);
    const tensor = { shape: [...x.value.shape] } as tf.Tensor;
    let begin = 0;
    return tf.backend_util.prepareSplitSize(tensor, numOrSizeSplits, along).map((size: number) => {
      const piece = part(recorder, x, { axis: along, begin, size });
      begin += size;
      return piece;
    });
  }),
  kernel<tf.UnpackAttrs>("Unpack", (recorder, { value }, { axis }) => {
    const shape = value.value.shape, [along] = tf.util.parseAxisParam(axis, [...shape]);
    return Array.from({ length: shape[along] }, (_, begin) =>
      recorder.reshape(
        part(recorder, value, { axis: along, begin, size: 1 }),
        shape.filter((_, other) => other !== along),
      ));
  }),
  kernel<tf.PackAttrs>("Pack", (recorder, inputs, { axis }) => {
    const parts = Object.values(inputs).map((input) =>
      recorder.reshape(input, withAxis(recorder, input.value.shape, axis))
    );
    return recorder.concat(parts, axis < 0 ? parts[0].value.shape.length + axis : axis);
  }),
  kernel<tf.ConcatAttrs>("Concat", (recorder, inputs, { axis }) => {
    const parts = Object.values(inputs);
    const [along] = tf.util.parseAxisParam(axis, [...parts[0].value.shape]);
    return recorder.concat(parts, along);
  }),
  kernel<tf.PadV2Attrs>(
    "PadV2",
    (recorder, { x }, { paddings, constantValue }) => pad(recorder, x, paddings, constantValue),
  ),
  kernel<tf.MirrorPadAttrs>("MirrorPad", (recorder, { x }, attributes) => mirror(recorder, x, attributes)),
  kernel<tf.SpaceToBatchNDAttrs>(
    "SpaceToBatchND",
    (recorder, { x }, attributes) => spaceToBatch(recorder, x, attributes),
  ),
  kernel<tf.BatchToSpaceNDAttrs>(
    "BatchToSpaceND",
    (recorder, { x }, attributes) => batchToSpace(recorder, x, attributes),
  ),
  kernel<tf.DepthToSpaceAttrs>("DepthToSpace", (recorder, { x }, { blockSize, dataFormat }) => {
    if (dataFormat !== "NHWC") {
      throw new RangeError(
        `Cannot trace DepthToSpace as dataFormat must be NHWC: current value is ${dataFormat}`,
      );
    }
    const [batch, height, width, depth] = x.value.shape, channels = depth / blockSize ** 2;
    const split = recorder.reshape(x, [batch, height, width, blockSize, blockSize, channels]);
    const moved = recorder.transpose(split, [0, 1, 3, 2, 4, 5]);
    return recorder.reshape(moved, [batch, height * blockSize, width * blockSize, channels]);
  }),
];
