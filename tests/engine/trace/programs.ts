/** Small tfjs programs, one or more for every kernel that can be traced: what the trace is tested with. */
import * as tf from "@tensorflow/tfjs";

/** An operand: a shape of float32 numbers in -2 ... 2, or what is said. */
export type Operand =
  | readonly number[]
  | {
    readonly shape: readonly number[];
    readonly dtype?: "float32" | "int32";
    readonly low: number;
    readonly high: number;
  };

/** A program, and whether its gradient is one as well. */
export interface Program {
  readonly name: string;
  readonly operands: readonly Operand[];
  readonly run: (...x: tf.Tensor[]) => tf.Tensor | tf.Tensor[];
  readonly differentiable: boolean;
}

/** Whatever shapes the operands have, TypeScript need not know. */
// deno-lint-ignore no-explicit-any
type Run = (...x: any[]) => tf.Tensor | tf.Tensor[];

const plain = (name: string, operands: readonly Operand[], run: Run): Program => ({
  name,
  operands,
  run,
  differentiable: false,
});
const smooth = (name: string, operands: readonly Operand[], run: Run): Program => ({
  name,
  operands,
  run,
  differentiable: true,
});

const between = (low: number, high: number, ...shape: number[]): Operand => ({ shape, low, high });
const ints = (low: number, high: number, ...shape: number[]): Operand => ({
  shape,
  dtype: "int32",
  low,
  high,
});

type Name = {
  [K in keyof typeof tf]: (typeof tf)[K] extends (...args: never[]) => unknown ? K : never;
}[keyof typeof tf];
const call = (name: Name) => tf[name] as unknown as (...x: tf.Tensor[]) => tf.Tensor;

const unary = (names: readonly Name[], operand: Operand, kind: typeof plain = smooth) =>
  names.map((name) => kind(name, [operand], call(name)));
const binary = (names: readonly Name[], operands: readonly Operand[], kind: typeof plain) =>
  names.map((name) => kind(`${name} ${JSON.stringify(operands)}`, operands, call(name)));

/** Elementwise programs. */
const elementwise: readonly Program[] = [
  ...unary(
    ["abs", "neg", "square", "exp", "expm1", "sigmoid", "tanh", "erf", "relu", "relu6", "elu", "selu"],
    [3, 5],
  ),
  ...unary([
    "softplus",
    "sin",
    "cos",
    "tan",
    "atan",
    "sinh",
    "cosh",
    "asinh",
    "sign",
    "ceil",
    "floor",
    "round",
  ], [7]),
  ...unary(["sqrt", "rsqrt", "log", "log1p", "reciprocal"], between(0.2, 3, 2, 3)),
  ...unary(["asin", "acos", "atanh"], between(-0.9, 0.9, 5)),
  ...unary(["acosh"], between(1.1, 4, 5)),
  ...unary(["step", "isNaN", "isInf", "isFinite", "zerosLike", "onesLike", "clone"], [2, 3], plain),
  ...unary(["abs", "neg", "square", "sign", "relu", "relu6"], ints(-7, 9, 6), plain),
  plain("isFinite of what is not", [[4]], (x) => [tf.isFinite(tf.div(1, tf.floor(x))), tf.isNaN(tf.log(x))]),
  plain("isInf of an infinity", [between(0, 0.9, 4)], (x) => tf.isInf(tf.div(1, tf.floor(x)))),
  smooth("leakyRelu", [[9]], (x) => tf.leakyRelu(x, 0.3)),
  smooth("prelu", [[4, 3], [3]], (x, slope) => tf.prelu(x, slope)),
  smooth("clipByValue", [[9]], (x) => tf.clipByValue(x, -0.5, 0.75)),
  plain("clipByValue of integers", [ints(-9, 9, 9)], (x) => tf.clipByValue(x, -2, 3)),
  plain("step with a slope", [[6]], (x) => tf.step(x, 0.5)),
  plain("sign and step of NaN", [[8]], (x) => {
    const root = tf.sqrt(x);
    return [tf.sign(root), tf.step(root), tf.step(root, 0.5)];
  }),
  plain("cast to integers", [between(-5, 5, 9)], (x) => tf.cast(x, "int32")),
  plain("cast to truth and back", [between(-1.5, 1.5, 9)], (x) => {
    const truth = tf.cast(tf.round(x), "bool");
    return [truth, tf.cast(truth, "int32"), tf.cast(truth, "float32")];
  }),
  plain("cast of integers", [ints(-3, 3, 5)], (x) => [tf.cast(x, "float32"), tf.cast(x, "bool")]),
  ...binary(["add", "sub", "mul", "squaredDifference", "maximum", "minimum"], [[3, 4], [3, 4]], smooth),
  ...binary(["add", "sub", "mul", "div"], [[2, 1, 4], between(0.5, 2, 3, 1)], smooth),
  ...binary(["div", "pow", "mod"], [between(0.5, 3, 5), between(0.5, 2, 5)], smooth),
  ...binary(["atan2", "mod"], [[4, 3], between(-1.9, -0.3, 4, 1)], plain),
  ...binary(["add", "sub", "mul", "maximum", "minimum", "squaredDifference"], [
    ints(-9, 9, 5),
    ints(-9, 9, 5),
  ], plain),
  ...binary(["floorDiv", "mod", "pow"], [ints(-9, 9, 7), ints(1, 4, 7)], plain),
  ...binary(["floorDiv"], [[5], between(0.3, 0.9, 5)], plain),
  ...binary(["equal", "notEqual", "greater", "greaterEqual", "less", "lessEqual"], [
    ints(0, 3, 8),
    ints(0, 3, 8),
  ], plain),
  ...binary(["greater", "lessEqual"], [[4, 1], [3]], plain),
  plain("integers overflow", [ints(60000, 70000, 3)], (x) => tf.add(tf.mul(x, 30000), x)),
  plain(
    "mixed types",
    [ints(-4, 4, 5), [5]],
    (x, y) => [tf.add(x, y), tf.mul(y, x), tf.div(x, tf.scalar(3, "int32"))],
  ),
  plain("logic", [ints(0, 2, 9), ints(0, 2, 9)], (x, y) => {
    const a = tf.cast(x, "bool"), b = tf.cast(y, "bool");
    return [tf.logicalAnd(a, b), tf.logicalOr(a, b), tf.logicalNot(a), tf.logicalXor(a, b)];
  }),
  plain("where", [[3, 4], [3, 4]], (x, y) => tf.where(tf.greater(x, y), tf.mul(x, 2), y)),
  smooth(
    "where by a constant",
    [[2, 3], [2, 3]],
    (x, y) => tf.where(tf.tensor2d([1, 0, 0, 1, 1, 0], [2, 3], "bool"), tf.mul(x, 2), y),
  ),
  plain(
    "where of rows",
    [ints(0, 2, 3), [3, 2], [3, 2]],
    (c, x, y) => tf.where(tf.cast(tf.reshape(c, [3, 1]), "bool"), x, y),
  ),
  smooth("addN", [[2, 3], [2, 3], [2, 3]], (...x) => tf.addN(x)),
  smooth(
    "an expression with scalars",
    [[2, 5]],
    (x) => tf.div(tf.sub(tf.mul(x, 3), 1), tf.add(tf.square(x), 2)),
  ),
];

const linear: readonly Program[] = [
  smooth("matMul", [[3, 4], [4, 5]], (a, b) => tf.matMul(a, b)),
  smooth("matMul transposed left", [[4, 3], [4, 5]], (a, b) => tf.matMul(a, b, true)),
  smooth("matMul transposed right", [[3, 4], [5, 4]], (a, b) => tf.matMul(a, b, false, true)),
  smooth("matMul transposed both", [[4, 3], [5, 4]], (a, b) => tf.matMul(a, b, true, true)),
  smooth("batched matMul", [[2, 3, 4], [2, 4, 1]], (a, b) => tf.matMul(a, b)),
  plain("broadcast matMul", [[2, 3, 3, 4], [1, 3, 4, 2]], (a, b) => tf.matMul(a, b)),
  plain("matMul over nothing", [[3, 0], [0, 5]], (a, b) => tf.matMul(a, b)),
  plain(
    "fused matMul over nothing",
    [[2, 3, 0], [2, 0, 5], [5]],
    (a, b, bias) => tf.fused.matMul({ a, b, bias, activation: "relu" }),
  ),
  plain("matMul of a batch and a matrix", [[2, 3, 4], [4, 2]], (a, b) => tf.matMul(a, b)),
  smooth("dot", [[5], [5, 2]], (a, b) => tf.dot(a, b)),
  smooth("outerProduct", [[3], [4]], (a, b) => tf.outerProduct(a, b)),
  ...(["linear", "relu", "relu6", "elu", "sigmoid"] as const).map((activation) =>
    smooth(
      `fused matMul, ${activation}`,
      [[3, 4], [4, 5], [5]],
      (a, b, bias) => tf.fused.matMul({ a, b, bias, activation }),
    )
  ),
  plain(
    "fused matMul, leakyrelu",
    [[3, 4], [4, 5]],
    (a, b) => tf.fused.matMul({ a, b, activation: "leakyrelu", leakyreluAlpha: 0.3 }),
  ),
  plain(
    "fused matMul, prelu",
    [[3, 4], [4, 5], [5]],
    (a, b, slope) => tf.fused.matMul({ a, b, activation: "prelu", preluActivationWeights: slope }),
  ),
  smooth("conv2d valid", [[2, 5, 6, 3], [3, 2, 3, 4]], (x, f) => tf.conv2d(x, f, 1, "valid")),
  smooth("conv2d same, stride 2", [[1, 7, 5, 2], [3, 3, 2, 3]], (x, f) => tf.conv2d(x, f, 2, "same")),
  smooth(
    "conv2d padded, unlike strides",
    [[1, 6, 7, 1], [2, 3, 1, 2]],
    (x, f) => tf.conv2d(x, f, [2, 1], [[0, 0], [1, 0], [2, 1], [0, 0]]),
  ),
  smooth("conv2d with one number of padding", [[1, 5, 5, 2], [3, 3, 2, 2]], (x, f) => tf.conv2d(x, f, 1, 1)),
  plain("conv2d dilated", [[1, 7, 7, 2], [3, 3, 2, 2]], (x, f) => tf.conv2d(x, f, 1, "same", "NHWC", 2)),
  smooth("conv2d of a point", [[2, 3, 3, 4], [1, 1, 4, 2]], (x, f) => tf.conv2d(x, f, 1, "same")),
  smooth("conv2d of one image", [[4, 4, 1], [2, 2, 1, 2]], (x, f) => tf.conv2d(x, f, 1, "same")),
  smooth("conv1d", [[2, 8, 3], [3, 3, 2]], (x, f) => tf.conv1d(x, f, 2, "same")),
  smooth(
    "fused conv2d",
    [[1, 5, 5, 2], [3, 3, 2, 3], [3]],
    (x, filter, bias) => tf.fused.conv2d({ x, filter, bias, strides: 1, pad: "same", activation: "relu" }),
  ),
  smooth(
    "conv2dTranspose same",
    [[1, 3, 4, 3], [3, 3, 2, 3]],
    (x, f) => tf.conv2dTranspose(x, f, [1, 6, 8, 2], 2, "same"),
  ),
  smooth(
    "conv2dTranspose valid",
    [[2, 3, 3, 2], [2, 3, 1, 2]],
    (x, f) => tf.conv2dTranspose(x, f, [2, 4, 5, 1], 1, "valid"),
  ),
  smooth("depthwiseConv2d", [[1, 5, 6, 3], [3, 3, 3, 2]], (x, f) => tf.depthwiseConv2d(x, f, 2, "same")),
  plain(
    "fused depthwise conv2d",
    [[1, 4, 4, 2], [2, 2, 2, 1], [2]],
    (x, filter, bias) =>
      tf.fused.depthwiseConv2d({ x, filter, bias, strides: 1, pad: "valid", activation: "relu6" }),
  ),
  smooth(
    "separableConv2d",
    [[1, 5, 5, 2], [3, 3, 2, 2], [1, 1, 4, 3]],
    (x, depth, point) => tf.separableConv2d(x, depth, point, 1, "same"),
  ),
  smooth("maxPool", [[2, 6, 7, 2]], (x) => tf.maxPool(x, 2, 2, "valid")),
  smooth("maxPool same, overlapping", [[1, 5, 5, 3]], (x) => tf.maxPool(x, 3, 2, "same")),
  smooth("maxPool leaves NaN out", [[1, 3, 4, 1]], (x) => {
    const holes = tf.tensor4d([NaN, 0, 0, NaN, 0, NaN, NaN, NaN, NaN, 0, 0, NaN], [1, 3, 4, 1]);
    return tf.maxPool(tf.add(x, holes), 2, 1, "valid");
  }),
  // tf.avgPool takes float32 alone, its kernel any type.
  plain(
    "avgPool of integers",
    [ints(-9, 9, 1, 5, 7, 2)],
    (x) => tf.engine().runKernel("AvgPool", { x }, { filterSize: 2, strides: 1, pad: "same" }),
  ),
  smooth("avgPool", [[2, 6, 4, 2]], (x) => tf.avgPool(x, 2, 2, "valid")),
  // tfjs divides this gradient by the whole window at the border, where its forward pass does not.
  plain("avgPool same, overlapping", [[1, 5, 7, 1]], (x) => tf.avgPool(x, [3, 2], [2, 1], "same")),
  plain("dilated pool", [[1, 6, 6, 1]], (x) => tf.pool(x, 2, "max", "same", 2, 1)),
];

const reductions: readonly Program[] = [
  ...(["sum", "mean", "prod", "max", "min", "logSumExp", "norm"] as const).flatMap((name) => {
    const reduce = tf[name] as unknown as (x: tf.Tensor, ...rest: unknown[]) => tf.Tensor;
    const over = (axis: number | number[] | undefined, keepDims: boolean) => (x: tf.Tensor) =>
      name === "norm" ? reduce(x, "euclidean", axis, keepDims) : reduce(x, axis, keepDims);
    return [
      plain(`${name} of all`, [[3, 4]], over(undefined, false)),
      plain(`${name} of the first axis`, [[3, 4, 2]], over(0, false)),
      plain(`${name} of the last axes, kept`, [[2, 3, 4]], over([1, 2], true)),
      smooth(`${name} of the second axis`, [[5, 3]], over(1, false)),
    ];
  }),
  plain("sums of integers and truths", [ints(0, 3, 4, 3)], (x) => [
    tf.sum(x, 1),
    tf.sum(tf.equal(x, 1)),
    tf.prod(x, 0),
    tf.max(x),
    tf.mean(x),
  ]),
  plain("any and all", [ints(0, 2, 5, 3)], (x) => {
    const truth = tf.cast(x, "bool");
    return [tf.any(truth, 1), tf.all(truth, 1), tf.any(truth), tf.all(truth, 0, true)];
  }),
  plain("argMax and argMin", [[4, 5, 2]], (x) => [tf.argMax(x, 1), tf.argMin(x, -1), tf.argMax(x, 0)]),
  plain("argMax of ties", [ints(0, 2, 3, 9)], (x) => [tf.argMax(x, 1), tf.argMin(x, 1)]),
  smooth("moments", [[4, 3]], (x) => tf.moments(x, 0).variance),
  smooth("cumsum", [[3, 4]], (x) => tf.cumsum(x, 1)),
  smooth("cumsum, exclusive and reverse", [[3, 4, 2]], (x) => tf.cumsum(x, 2, true, true)),
  // tfjs's gradient of this has its axes in the wrong order.
  plain("cumsum of an inner axis", [[3, 4, 2]], (x) => tf.cumsum(x, 1, false, true)),
  plain("cumprod", [[3, 4]], (x) => [tf.cumprod(x, 0), tf.cumprod(x, 1, true)]),
  smooth("softmax", [[3, 5]], (x) => tf.softmax(x)),
  smooth("logSoftmax", [[2, 3, 4]], (x) => tf.logSoftmax(x)),
  smooth(
    "batchNorm",
    [[4, 3], [3], between(0.5, 2, 3), [3], [3]],
    (x, mean, variance, offset, scale) => tf.batchNorm(x, mean, variance, offset, scale, 1e-3),
  ),
  plain(
    "batchNorm of images",
    [[2, 3, 2, 2], [2], between(0.5, 2, 2)],
    (x, mean, variance) => tf.batchNorm(x, mean, variance),
  ),
];

const movement: readonly Program[] = [
  smooth("reshape", [[3, 4]], (x) => tf.reshape(x, [2, -1, 3])),
  smooth("expandDims and squeeze", [[3, 4]], (x) => tf.squeeze(tf.mul(tf.expandDims(x, 1), 2), [1])),
  smooth("transpose", [[2, 3, 4]], (x) => tf.transpose(x, [2, 0, 1])),
  smooth("transpose of a matrix", [[2, 3]], (x) => tf.transpose(x)),
  smooth("slice", [[4, 5]], (x) => tf.slice(x, [1, 2], [2, -1])),
  plain("stridedSlice", [[5, 6, 3]], (x) => tf.stridedSlice(x, [1, 5, 0], [5, 0, 3], [2, -2, 1])),
  plain("stridedSlice of nothing", [[5, 4]], (x) => tf.stridedSlice(x, [4, 0], [1, 4], [2, 1])),
  plain(
    "stridedSlice that shrinks",
    [[4, 3]],
    (x) => tf.stridedSlice(x, [2, 1], [3, 3], [1, 1], 0, 0, 0, 0, 1),
  ),
  smooth("reverse", [[3, 4, 2]], (x) => tf.reverse(x, [0, 2])),
  plain("flipLeftRight", [[1, 3, 4, 2]], (x) => tf.image.flipLeftRight(x)),
  smooth("tile", [[2, 3]], (x) => tf.tile(x, [2, 3])),
  smooth("tile of single elements", [[1, 3, 1]], (x) => tf.tile(x, [4, 1, 2])),
  smooth("broadcastTo", [[3, 1]], (x) => tf.broadcastTo(x, [2, 3, 4])),
  smooth("split", [[4, 6]], (x) => tf.concat(tf.split(x, [1, 2, 3], 1).reverse(), 1)),
  smooth("stack and unstack", [[3, 2]], (x) => tf.stack(tf.unstack(x, 1).reverse(), -1)),
  smooth("concat", [[2, 3], [2, 1], [2, 2]], (...x) => tf.concat(x, 1)),
  plain("concat with nothing", [[2, 3]], (x) => tf.concat([x, tf.zeros([0, 3])], 0)),
  smooth("pad", [[2, 3]], (x) => tf.pad(x, [[1, 0], [2, 3]], 0.5)),
  smooth("mirrorPad, reflect", [[3, 4]], (x) => tf.mirrorPad(x, [[2, 1], [0, 3]], "reflect")),
  smooth("mirrorPad, symmetric", [[3, 4]], (x) => tf.mirrorPad(x, [[2, 3], [1, 0]], "symmetric")),
  smooth("spaceToBatchND", [[1, 4, 5, 2]], (x) => tf.spaceToBatchND(x, [2, 2], [[0, 0], [1, 0]])),
  smooth("batchToSpaceND", [[4, 2, 3, 1]], (x) => tf.batchToSpaceND(x, [2, 2], [[0, 1], [1, 0]])),
  plain("depthToSpace", [[1, 2, 3, 8]], (x) => tf.depthToSpace(x, 2)),
  plain("diag", [[2, 3]], (x) => tf.diag(x)),
  plain("meshgrid and eye", [[3]], (x) => [...tf.meshgrid(x, tf.range(0, 2)), tf.mul(tf.eye(3), x)]),
  smooth("upsampling to the nearest", [[1, 3, 2, 2]], (x) => tf.image.resizeNearestNeighbor(x, [6, 4])),
  smooth(
    "downsampling to the nearest",
    [[1, 5, 7, 1]],
    (x) => tf.image.resizeNearestNeighbor(x, [3, 4], true),
  ),
  smooth("bilinear upsampling", [[2, 4, 4, 1]], (x) => tf.image.resizeBilinear(x, [7, 5])),
  smooth("bilinear, corners aligned", [[1, 3, 3, 2]], (x) => tf.image.resizeBilinear(x, [5, 7], true)),
  plain("bilinear, half pixels", [[1, 3, 4, 1]], (x) => tf.image.resizeBilinear(x, [6, 6], false, true)),
  plain(
    "nearest, half pixels",
    [[1, 3, 4, 1]],
    (x) => tf.image.resizeNearestNeighbor(x, [6, 6], false, true),
  ),
];

const indexing: readonly Program[] = [
  smooth("gather", [[5, 3]], (x) => tf.gather(x, tf.tensor1d([4, 0, 0, 2], "int32"))),
  smooth(
    "gather of columns",
    [[2, 4, 3]],
    (x) => tf.gather(x, tf.tensor2d([[1, 1], [3, 0]], [2, 2], "int32"), 1),
  ),
  plain("gather by an input", [[6, 2], ints(0, 6, 4)], (x, at) => tf.gather(x, at)),
  plain("gather in batches", [[3, 4, 2], ints(0, 4, 3, 5)], (x, at) => tf.gather(x, at, 1, 1)),
  plain(
    "gather in batches, beyond an axis",
    [[2, 3, 4], ints(0, 4, 2, 2)],
    (x, at) => tf.gather(x, at, 2, 1),
  ),
  plain("gatherND", [[3, 4, 2], ints(0, 3, 5, 2)], (x, at) => tf.gatherND(x, at)),
  plain("gatherND of elements", [[3, 4], ints(0, 3, 2, 3, 2)], (x, at) => tf.gatherND(x, at)),
  plain("scatterND", [ints(0, 5, 4, 1), [4, 2]], (at, x) => tf.scatterND(at, x, [6, 2])),
  plain("scatterND of elements", [ints(0, 3, 4, 2), [4]], (at, x) => tf.scatterND(at, x, [3, 3])),
  plain(
    "tensorScatterUpdate",
    [[5, 2], [2, 2]],
    (x, updates) => tf.tensorScatterUpdate(x, tf.tensor2d([[3], [0]], [2, 1], "int32"), updates),
  ),
  plain("sparseToDense", [[3]], (x) => tf.sparseToDense(tf.tensor1d([4, 1, 2], "int32"), x, [6], 7)),
  smooth(
    "unsortedSegmentSum",
    [[5, 2]],
    (x) => tf.unsortedSegmentSum(x, tf.tensor1d([2, 0, 2, 1, 0], "int32"), 4),
  ),
  plain("oneHot", [ints(-1, 4, 2, 3)], (x) => [tf.oneHot(x, 3), tf.oneHot(x, 4, 0.5, -1, "float32")]),
  plain("topk", [[3, 7]], (x) => Object.values(tf.topk(x, 3))),
  plain("topk of ties", [ints(0, 3, 9)], (x) => Object.values(tf.topk(x, 4))),
  plain(
    "bincount",
    [ints(0, 6, 9), [9]],
    (x, w) => [tf.bincount(x, w, 5), tf.bincount(x, tf.tensor1d([]), 6)],
  ),
  plain("denseBincount", [ints(0, 6, 2, 7)], (x) => [
    tf.denseBincount(x, tf.tensor2d([], [0, 0]), 5),
    tf.denseBincount(x, tf.tensor2d([], [0, 0]), 5, true),
  ]),
  plain("constants", [[2]], (x) => [
    tf.add(tf.sum(x), tf.range(0, 5)),
    tf.add(tf.sum(x), tf.range(4, 0, -1)),
    tf.add(tf.sum(x), tf.range(3, 0)),
    tf.add(tf.sum(x), tf.linspace(0, 1, 4)),
    tf.add(tf.sum(x), tf.fill([2, 2], 3)),
    tf.add(tf.sum(x), tf.tensor2d([1, 2, 3, 4], [2, 2])),
    tf.add(tf.sum(x), tf.zeros([3])),
  ]),
];

const losses: readonly Program[] = [
  smooth("softmaxCrossEntropy", [between(0, 1, 4, 3), [4, 3]], (y, z) => tf.losses.softmaxCrossEntropy(y, z)),
  smooth("sigmoidCrossEntropy", [between(0, 1, 4, 3), [4, 3]], (y, z) => tf.losses.sigmoidCrossEntropy(y, z)),
  smooth("meanSquaredError", [[4, 3], [4, 3]], (y, z) => tf.losses.meanSquaredError(y, z)),
  smooth("absoluteDifference", [[4, 3], [4, 3]], (y, z) => tf.losses.absoluteDifference(y, z)),
  smooth("huberLoss", [[4, 3], [4, 3]], (y, z) => tf.losses.huberLoss(y, z)),
  smooth("logLoss", [between(0.1, 0.9, 4), between(0.1, 0.9, 4)], (y, z) => tf.losses.logLoss(y, z)),
  smooth("cosineDistance", [[4, 3], [4, 3]], (y, z) => tf.losses.cosineDistance(y, z, 1)),
  smooth(
    "straight-through sign",
    [[5]],
    (x) => tf.customGrad((z) => ({ value: tf.sign(z as tf.Tensor), gradFunc: (dy) => dy as tf.Tensor }))(x),
  ),
];

/** Every program. */
export const PROGRAMS: readonly Program[] = [
  ...elementwise,
  ...linear,
  ...reductions,
  ...movement,
  ...indexing,
  ...losses,
];
