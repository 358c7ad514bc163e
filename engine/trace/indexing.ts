/** Kernels that read or write where an integer tensor says. */
import * as tf from "@tensorflow/tfjs";
import { type Shape, sizeOf } from "../graph.ts";
import { kernel, type TraceKernel } from "./kernel.ts";
import { type Recorder, stridesOf, type Traced, type TracedType } from "./recorder.ts";

const iota = (count: number, step = 1) => Int32Array.from({ length: count }, (_, index) => index * step);

/** What tfjs's shape rules look at of a tensor. */
function like({ value, dtype }: Traced): tf.Tensor {
  return { shape: [...value.shape], dtype, rank: value.shape.length, size: sizeOf(value.shape) } as tf.Tensor;
}

/** x [L..., A, R...], indices [I...] -> [L..., I..., R...]. */
export function gather(recorder: Recorder, x: Traced, indices: Traced, axis: number): Traced {
  const shape = x.value.shape;
  const result = [...shape.slice(0, axis), ...indices.value.shape, ...shape.slice(axis + 1)];
  return recorder.node({ kind: "gather", axis }, [x, recorder.cast(indices, "int32")], result, x.dtype);
}

/** The rows of `updates` [I, R...] by segment, [segments, R...]: their sums, or the last of each. */
export function scatter(
  recorder: Recorder,
  { indices, updates, segments, reducer }: {
    readonly indices: Traced;
    readonly updates: Traced;
    readonly segments: number;
    readonly reducer: "sum" | "last";
  },
): Traced {
  const shape = [segments, ...updates.value.shape.slice(1)];
  const inputs = [recorder.cast(indices, "int32"), updates];
  return recorder.node({ kind: "scatter", reducer }, inputs, shape, updates.dtype);
}

/** Whether indices are in 0 ... extents-1. */
function within(recorder: Recorder, indices: Traced, extents: Traced): Traced {
  const low = recorder.map("greater_equal", [indices, recorder.scalar(0, "int32")], "bool");
  return recorder.map("and", [low, recorder.map("less", [indices, extents], "bool")], "bool");
}

/** `rows` where `inside` holds, and elsewhere an index that is outside of everything. */
function orNowhere(recorder: Recorder, inside: Traced, rows: Traced): Traced {
  return recorder.map("select", [inside, rows, recorder.scalar(-1, "int32")], "int32");
}

/** gather with the first `batchDims` axes of both in step, as one gather over all batches' rows. */
function gatherBatches(
  recorder: Recorder,
  x: Traced,
  indices: Traced,
  { axis, batchDims }: { axis: number; batchDims: number },
): Traced {
  const shape = x.value.shape, batchShape = shape.slice(0, batchDims), batch = sizeOf(batchShape);
  const outer = sizeOf(shape.slice(batchDims, axis)),
    extent = shape[axis],
    inner = sizeOf(shape.slice(axis + 1));
  const rest = indices.value.shape.slice(batchDims), count = sizeOf(rest);
  const split = recorder.reshape(x, [batch, outer, extent, inner]);
  const rows = recorder.reshape(recorder.transpose(split, [0, 2, 1, 3]), [batch * extent, outer, inner]);
  const starts = recorder.constant(iota(batch, extent), [batch, 1], "int32");
  const flat = recorder.reshape(recorder.cast(indices, "int32"), [batch, count]);
  // An index outside must not reach into the next batch.
  const inside = within(recorder, flat, recorder.scalar(extent, "int32"));
  const places = recorder.map("add", [flat, starts], "int32");
  const chosen = gather(recorder, rows, orNowhere(recorder, inside, places), 0);
  const moved = recorder.transpose(chosen, [0, 2, 1, 3]);
  return recorder.reshape(moved, [...shape.slice(0, axis), ...rest, ...shape.slice(axis + 1)]);
}

/**
 * Where tuples of indices [..., K] into the first K axes of `shape` point, as rows of those axes flattened: [N].
 * A tuple with an index outside its axis points nowhere.
 */
function rowsOf(
  recorder: Recorder,
  indices: Traced,
  shape: Shape,
): { rows: Traced; depth: number; count: number } {
  const own = indices.value.shape, depth = own.length > 1 ? own[own.length - 1] : 1;
  const count = sizeOf(own) / depth;
  const tuples = recorder.reshape(recorder.cast(indices, "int32"), [count, depth]);
  if (depth === 1) return { rows: recorder.reshape(tuples, [count]), depth, count };
  const strides = recorder.constant(stridesOf(shape.slice(0, depth)), [depth], "int32");
  const terms = recorder.map("mul", [tuples, strides], "int32");
  const over = { axes: [1], keepDims: false },
    extents = recorder.constant(shape.slice(0, depth), [depth], "int32");
  const inside = recorder.reduce("min", within(recorder, tuples, extents), over);
  return { rows: orNowhere(recorder, inside, recorder.reduce("sum", terms, over)), depth, count };
}

/** `updates` where `indices` point (their sums, or the last), and 0 elsewhere; with how often each row was pointed at. */
function scatterRows(
  recorder: Recorder,
  indices: Traced,
  updates: Traced,
  { shape, reducer }: { readonly shape: Shape; readonly reducer: "sum" | "last" },
): { rows: Traced; hits: () => Traced } {
  const { rows, depth, count } = rowsOf(recorder, indices, shape);
  const segments = sizeOf(shape.slice(0, depth)), rest = shape.slice(depth);
  const spread = recorder.reshape(
    recorder.broadcast(updates, [
      ...indices.value.shape.slice(0, indices.value.shape.length > 1 ? -1 : undefined),
      ...rest,
    ]),
    [count, ...rest],
  );
  return {
    rows: recorder.reshape(
      scatter(recorder, { indices: rows, updates: spread, segments, reducer }),
      shape,
    ),
    hits: () => {
      const ones = recorder.fill(1, [count], "int32");
      const hits = scatter(recorder, { indices: rows, updates: ones, segments, reducer: "last" });
      return recorder.reshape(hits, [...shape.slice(0, depth), ...rest.map(() => 1)]);
    },
  };
}

/** `updates` where `indices` point, the last of those that point to one row, and `others` elsewhere. */
function overwrite(
  recorder: Recorder,
  others: Traced,
  indices: Traced,
  updates: Traced,
  shape: Shape,
): Traced {
  const { rows, hits } = scatterRows(recorder, indices, updates, { shape, reducer: "last" });
  return recorder.map("select", [hits(), rows, others], updates.dtype);
}

/** How often (or with what weight) each of 0 ... size-1 occurs in the rows of x [B, N]. */
function bincount(
  recorder: Recorder,
  { x, weights }: Readonly<Record<string, Traced>>,
  { size, binaryOutput = false }: { size: number; binaryOutput?: boolean },
): Traced {
  const [batch, count] = x.value.shape.length === 2 ? x.value.shape : [1, sizeOf(x.value.shape)];
  const numbers = recorder.reshape(recorder.cast(x, "int32"), [batch, count]);
  // Numbers outside are counted in a segment of their own, which is cut off.
  const end = recorder.scalar(size, "int32");
  const limited = recorder.map("select", [within(recorder, numbers, end), numbers, end], "int32");
  const starts = recorder.constant(iota(batch, size + 1), [batch, 1], "int32");
  const segments = recorder.reshape(recorder.map("add", [limited, starts], "int32"), [batch * count]);
  const weighted = sizeOf(weights.value.shape) > 0 && !binaryOutput;
  const updates = weighted
    ? recorder.reshape(weights, [batch * count])
    : recorder.fill(1, [batch * count], weights.dtype);
  const sums = recorder.reshape(
    scatter(recorder, { indices: segments, updates, segments: batch * (size + 1), reducer: "sum" }),
    [batch, size + 1],
  );
  const counts = recorder.slice(sums, [0, 0], [batch, size]);
  const shaped = x.value.shape.length === 2 ? counts : recorder.reshape(counts, [size]);
  return binaryOutput ? recorder.cast(recorder.cast(shaped, "bool"), weights.dtype) : shaped;
}

/** The kernels that index. */
export const indexing: readonly TraceKernel[] = [
  kernel<tf.GatherV2Attrs>("GatherV2", (recorder, { x, indices }, { axis, batchDims = 0 }) => {
    const [along] = tf.util.parseAxisParam(axis, [...x.value.shape]);
    if (batchDims !== 0) {
      tf.backend_util.segment_util.collectGatherOpShapeInfo(like(x), like(indices), along, batchDims);
    }
    return batchDims === 0
      ? gather(recorder, x, indices, along)
      : gatherBatches(recorder, x, indices, { axis: along, batchDims });
  }),
  kernel("GatherNd", (recorder, { params, indices }) => {
    tf.gather_util.prepareAndValidate(like(params), like(indices));
    const shape = params.value.shape, own = indices.value.shape;
    const { rows, depth } = rowsOf(recorder, indices, shape);
    const table = recorder.reshape(params, [sizeOf(shape.slice(0, depth)), ...shape.slice(depth)]);
    const chosen = gather(recorder, table, rows, 0);
    return recorder.reshape(chosen, [...own.slice(0, -1), ...shape.slice(depth)]);
  }),
  kernel<tf.ScatterNdAttrs>(
    "ScatterNd",
    (recorder, { indices, updates }, { shape }) =>
      scatterRows(recorder, indices, updates, { shape, reducer: "sum" }).rows,
  ),
  kernel(
    "TensorScatterUpdate",
    (recorder, { tensor, indices, updates }) =>
      overwrite(recorder, tensor, indices, updates, tensor.value.shape),
  ),
  kernel<tf.SparseToDenseAttrs>(
    "SparseToDense",
    (recorder, inputs, { outputShape }) =>
      overwrite(recorder, inputs.defaultValue, inputs.sparseIndices, inputs.sparseValues, outputShape),
  ),
  kernel<tf.UnsortedSegmentSumAttrs>("UnsortedSegmentSum", (recorder, { x, segmentIds }, { numSegments }) => {
    const count = sizeOf(segmentIds.value.shape), rest = x.value.shape.slice(segmentIds.value.shape.length);
    const indices = recorder.reshape(segmentIds, [count]);
    const updates = recorder.reshape(x, [count, ...rest]);
    return scatter(recorder, { indices, updates, segments: numSegments, reducer: "sum" });
  }),
  kernel<tf.OneHotAttrs>("OneHot", (recorder, { indices }, { depth, onValue, offValue, dtype }) => {
    const type = (dtype ?? "int32") as TracedType;
    const column = recorder.reshape(recorder.cast(indices, "int32"), [...indices.value.shape, 1]);
    const hot = recorder.map("equal", [column, recorder.constant(iota(depth), [depth], "int32")], "bool");
    if (onValue === 1 && offValue === 0) return recorder.cast(hot, type);
    return recorder.map(
      "select",
      [hot, recorder.scalar(onValue, type), recorder.scalar(offValue, type)],
      type,
    );
  }),
  kernel<tf.TopKAttrs>("TopK", (recorder, { x }, { k }) => {
    const shape = [...x.value.shape.slice(0, -1), k];
    return recorder.nodeOf({ kind: "topk" }, [x], [[shape, x.dtype], [shape, "int32"]]);
  }),
  kernel<tf.BincountAttrs>(
    "Bincount",
    (recorder, inputs, attributes) => bincount(recorder, inputs, attributes),
  ),
  kernel<tf.DenseBincountAttrs>(
    "DenseBincount",
    (recorder, inputs, attributes) => bincount(recorder, inputs, attributes),
  ),
  kernel("Diag", (recorder, { x }) => {
    // Rows one longer than the matrix is wide, read with the matrix's width, move the first column to the diagonal.
    const count = sizeOf(x.value.shape);
    const rows = recorder.node(
      { kind: "pad", before: [0, 0], value: 0 },
      [recorder.reshape(x, [count, 1])],
      [count, count + 1],
      x.dtype,
    );
    const flat = recorder.slice(recorder.reshape(rows, [count * (count + 1)]), [0], [count * count]);
    return recorder.reshape(flat, [...x.value.shape, ...x.value.shape]);
  }),
];
