import assert from "node:assert/strict";
import { stream } from "../../../../base/random.ts";
import type { Executor } from "../../../../engine/executor.ts";
import {
  type DType,
  type Op,
  type OpKind,
  type Program,
  type Shape,
  sizeOf,
  type TypedArray,
  type Window,
} from "../../../../engine/graph.ts";
import { KERNELS } from "../../../../engine/kernels/mod.ts";
import { planMemory } from "../../../../engine/plan.ts";
import type { Tolerance } from "../../accuracy.ts";
import { biased, Builder, identity, matmul, plain, skewed } from "../../builder.ts";
import { assertLikeReference, gpuTest } from "../gpu.ts";

/** An input: its shape (of normal numbers), or its elements. */
type Given = Shape | { readonly shape: Shape; readonly data: TypedArray };
/** One use of an op. `asked` is the output's shape where it must be said. */
interface Case {
  readonly op: Op;
  readonly inputs: readonly Given[];
  readonly asked?: Shape;
  readonly tolerance?: Tolerance;
}

const random = stream(7).fork("webgpu kernels");
const ints = (shape: Shape, ...data: number[]): Given => ({ shape, data: Int32Array.from(data) });
const floats = (shape: Shape, ...data: number[]): Given => ({ shape, data: Float32Array.from(data) });
const integers = (shape: Shape, limit: number): Given => ({
  shape,
  data: Int32Array.from({ length: sizeOf(shape) }, () => random.integer(limit)),
});

/** Normal numbers, of which two in three are NaN. */
const holed = (shape: Shape): Given => ({
  shape,
  data: random.normals(sizeOf(shape)).map((value, i) => (i % 3 === 0 ? value : NaN)),
});

/** Runs each case as a graph of one node. */
async function check(executor: Executor, cases: readonly Case[]): Promise<void> {
  for (const { op, inputs, asked, tolerance } of cases) {
    const builder = new Builder();
    const data = inputs.map((given) => "data" in given ? given.data : random.normals(sizeOf(given as Shape)));
    const values = inputs.map((given, i) =>
      builder.input(
        `input ${i}`,
        "shape" in given ? given.shape : given,
        data[i] instanceof Int32Array ? "int32" : "float32" as DType,
      )
    );
    builder.node(op, values, asked).forEach((value, i) => builder.output(`${i}`, value));
    const shapes = values.map(({ shape }) => `[${shape}]`).join(" ");
    await assertLikeReference(executor, builder.graph(), {
      inputs: data,
      tolerance,
      what: `${op.kind} ${shapes}`,
    });
  }
}

const squared: Program = {
  operands: 2,
  instructions: [
    { op: "sub", args: [0, 1], dtype: "float32" },
    { op: "square", args: [2], dtype: "float32" },
  ],
  results: [3],
};
const adam: Program = {
  operands: 4,
  instructions: [
    { op: "mul", args: [1, 3], dtype: "float32" },
    { op: "add", args: [0, 4], dtype: "float32" },
    { op: "mul", args: [5, 2], dtype: "float32" },
  ],
  results: [5, 6],
};
const same: Window = { strides: [1, 1], padding: [1, 1], dilation: [1, 1] };
/** Sums of hundreds of products of normal numbers. */
const LONG: Tolerance = { absolute: 2e-4, relative: 1e-4 };

function reduce(
  domain: Shape,
  axes: readonly number[],
  program = identity,
  reducer: "sum" | "prod" | "max" | "min" = "sum",
): Op {
  return { kind: "reduce", reducer, domain, axes, program };
}
function flat(shape: Shape): number[] {
  return shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
}

const CASES: { readonly [K in OpKind]: readonly Case[] } = {
  map: [
    { op: { kind: "map", program: adam }, inputs: [[], [], [], []] },
    { op: { kind: "map", program: adam }, inputs: [[7], [7], [], [1]] },
    { op: { kind: "map", program: adam }, inputs: [[5, 3], [3], [5, 1], []] },
    { op: { kind: "map", program: adam }, inputs: [[2, 5, 8], [8], [2, 1, 8], [5, 1]] },
    { op: { kind: "map", program: adam }, inputs: [[3, 1, 4], [1, 5, 1], [4], [3, 5, 4]] },
    { op: { kind: "map", program: squared }, inputs: [[40000], [40000]] },
    { op: { kind: "map", program: squared }, inputs: [[0, 3], [3]] },
  ],
  maps: [{
    op: { kind: "maps", program: adam, count: 4 },
    inputs: [[3, 5], [3, 5], [3, 5], [], [1], [1], [1], [], [700], [700], [700], [], [2, 4], [4], [2, 1], []],
  }],
  reduce: [
    { op: reduce([], []), inputs: [[]] },
    { op: reduce([7], [0]), inputs: [[7]] },
    { op: reduce([3, 5], [0]), inputs: [[3, 5]] },
    { op: reduce([3, 5], [1]), inputs: [[3, 5]] },
    { op: reduce([128, 512], [0]), inputs: [[128, 512]], tolerance: LONG },
    {
      op: reduce([128, 784], [0, 1], squared),
      inputs: [[128, 784], [784]],
      tolerance: { absolute: 1e-2, relative: 1e-5 },
    },
    { op: reduce([5000, 3], [0]), inputs: [[5000, 3]], tolerance: LONG },
    { op: reduce([4, 6, 5, 3], [1, 3], squared), inputs: [[4, 6, 5, 3], [5, 1]], tolerance: LONG },
    { op: reduce([4, 6, 5, 3], [0, 2]), inputs: [[4, 6, 5, 3]] },
    { op: reduce([3, 0], [1], identity, "max"), inputs: [[3, 0]] },
    { op: reduce([3, 0], [1], identity, "prod"), inputs: [[3, 0]] },
    { op: reduce([17, 33], [1], identity, "max"), inputs: [[17, 33]] },
    { op: reduce([17, 33], [0], identity, "min"), inputs: [[17, 33]] },
    { op: reduce([6], [0], identity, "max"), inputs: [floats([6], 1, 2, NaN, 3, Infinity, -1)] },
    { op: reduce([2, 3], [1], identity, "prod"), inputs: [ints([2, 3], 1, 2, 3, -4, 5, 6)] },
    { op: reduce([2, 3], [0], identity, "max"), inputs: [ints([2, 3], 1, 2, 3, -4, 5, 6)] },
  ],
  argreduce: [
    { op: { kind: "argreduce", reducer: "max", axis: 1 }, inputs: [[13, 10]] },
    { op: { kind: "argreduce", reducer: "min", axis: 0 }, inputs: [[300, 3]] },
    { op: { kind: "argreduce", reducer: "max", axis: 0 }, inputs: [integers([50], 4)] },
    { op: { kind: "argreduce", reducer: "max", axis: 1 }, inputs: [integers([3, 700, 2], 5)] },
  ],
  matmul: [
    { op: matmul(false, false), inputs: [[1, 1], [1, 1]] },
    { op: matmul(false, false), inputs: [[3, 5], [5, 7]] },
    { op: matmul(true, false), inputs: [[40, 33], [40, 65]], tolerance: LONG },
    { op: matmul(false, true), inputs: [[33, 40], [65, 40]], tolerance: LONG },
    { op: matmul(true, true), inputs: [[17, 34], [66, 17]], tolerance: LONG },
    { op: matmul(false, false, biased), inputs: [[33, 18], [18, 10], [10]], tolerance: LONG },
    { op: matmul(false, false, biased), inputs: [[36, 20], [20, 12], [36, 1]], tolerance: LONG },
    { op: matmul(false, true, biased), inputs: [[20, 1000], [24, 1000], [24]], tolerance: LONG },
    { op: matmul(true, false, biased), inputs: [[700, 5], [700, 3], []], tolerance: LONG },
    { op: matmul(false, false, biased), inputs: [[2, 3, 5, 4], [3, 4, 6], [2, 1, 1, 6]], tolerance: LONG },
    { op: matmul(true, true), inputs: [[3, 4, 5], [1, 6, 4]], tolerance: LONG },
    { op: matmul(false, false), inputs: [[5, 0], [0, 4]] },
    { op: matmul(false, false, biased), inputs: [[5, 0], [0, 4], [4]] },
  ],
  conv2d: [
    // Sums over nothing.
    {
      op: { kind: "conv2d", window: plain, epilogue: biased },
      inputs: [[2, 5, 5, 0], [3, 3, 0, 4], [4]],
      asked: [2, 3, 3, 4],
    },
    {
      op: { kind: "conv2d", window: plain },
      inputs: [[2, 5, 6, 3], [3, 2, 3, 5]],
      asked: [2, 3, 5, 5],
      tolerance: LONG,
    },
    {
      op: { kind: "conv2d", window: same, epilogue: biased },
      inputs: [[2, 7, 5, 4], [3, 3, 4, 8], [8]],
      asked: [2, 7, 5, 8],
      tolerance: LONG,
    },
    {
      op: { kind: "conv2d", window: skewed },
      inputs: [[3, 9, 8, 2], [2, 3, 2, 4]],
      asked: [3, 4, 2, 4],
      tolerance: LONG,
    },
    {
      op: { kind: "conv2d", window: plain, epilogue: biased },
      inputs: [[2, 3, 3, 1], [1, 1, 1, 1], [2, 1, 3, 1]],
      asked: [2, 3, 3, 1],
    },
  ],
  conv2d_input_grad: [
    {
      op: { kind: "conv2d_input_grad", window: plain },
      inputs: [[2, 3, 5, 5], [3, 2, 3, 5]],
      asked: [2, 5, 6, 3],
      tolerance: LONG,
    },
    {
      op: { kind: "conv2d_input_grad", window: same, epilogue: biased },
      inputs: [[2, 7, 5, 8], [3, 3, 4, 8], [4]],
      asked: [2, 7, 5, 4],
      tolerance: LONG,
    },
    {
      op: { kind: "conv2d_input_grad", window: skewed },
      inputs: [[3, 4, 2, 4], [2, 3, 2, 4]],
      asked: [3, 9, 8, 2],
      tolerance: LONG,
    },
    // Phases of unlike many taps, in an image that they do not divide.
    {
      op: {
        kind: "conv2d_input_grad",
        window: { ...plain, strides: [2, 2], padding: [1, 0] },
        epilogue: biased,
      },
      inputs: [[2, 4, 3, 8], [3, 3, 4, 8], [7, 1, 4]],
      asked: [2, 7, 7, 4],
      tolerance: LONG,
    },
    // A long sum over few places, cut into pieces.
    {
      op: {
        kind: "conv2d_input_grad",
        window: { ...plain, strides: [3, 2], padding: [0, 2] },
        epilogue: biased,
      },
      inputs: [[1, 2, 3, 100], [5, 4, 3, 100], [3]],
      asked: [1, 8, 5, 3],
      tolerance: LONG,
    },
    // Phases without a tap: a stride above the filter's side, a dilation that shares a factor with the stride.
    {
      op: { kind: "conv2d_input_grad", window: { ...plain, strides: [3, 4] }, epilogue: biased },
      inputs: [[2, 3, 2, 3], [2, 1, 5, 3], [2, 1, 1, 5]],
      asked: [2, 9, 6, 5],
      tolerance: LONG,
    },
    {
      op: { kind: "conv2d_input_grad", window: { strides: [4, 2], padding: [3, 1], dilation: [6, 2] } },
      inputs: [[2, 3, 4, 4], [3, 2, 4, 4]],
      asked: [2, 16, 8, 4],
      tolerance: LONG,
    },
    // Fewer places than phases; of the second nothing is reached.
    {
      op: { kind: "conv2d_input_grad", window: { ...plain, strides: [5, 3] } },
      inputs: [[2, 1, 1, 4], [2, 2, 3, 4]],
      asked: [2, 2, 2, 3],
      tolerance: LONG,
    },
    {
      op: { kind: "conv2d_input_grad", window: { ...plain, strides: [5, 1], padding: [3, 0] } },
      inputs: [[2, 1, 4, 4], [2, 1, 3, 4]],
      asked: [2, 1, 4, 3],
    },
  ],
  conv2d_filter_grad: [
    // Sums over nothing.
    {
      op: { kind: "conv2d_filter_grad", window: plain },
      inputs: [[0, 5, 5, 3], [0, 3, 3, 4]],
      asked: [3, 3, 3, 4],
    },
    {
      op: { kind: "conv2d_filter_grad", window: plain },
      inputs: [[2, 5, 6, 3], [2, 3, 5, 5]],
      asked: [3, 2, 3, 5],
      tolerance: LONG,
    },
    {
      op: { kind: "conv2d_filter_grad", window: same },
      inputs: [[6, 9, 8, 4], [6, 9, 8, 8]],
      asked: [3, 3, 4, 8],
      tolerance: LONG,
    },
    {
      op: { kind: "conv2d_filter_grad", window: skewed },
      inputs: [[3, 9, 8, 2], [3, 4, 2, 4]],
      asked: [2, 3, 2, 4],
      tolerance: LONG,
    },
  ],
  depthwise_conv2d: [
    {
      op: { kind: "depthwise_conv2d", window: same },
      inputs: [[2, 5, 4, 3], [3, 3, 3, 2]],
      asked: [2, 5, 4, 6],
    },
    {
      op: { kind: "depthwise_conv2d", window: skewed },
      inputs: [[3, 9, 8, 2], [2, 3, 2, 1]],
      asked: [3, 4, 2, 2],
    },
  ],
  depthwise_conv2d_input_grad: [
    {
      op: { kind: "depthwise_conv2d_input_grad", window: same },
      inputs: [[2, 5, 4, 6], [3, 3, 3, 2]],
      asked: [2, 5, 4, 3],
    },
    {
      op: { kind: "depthwise_conv2d_input_grad", window: skewed },
      inputs: [[3, 4, 2, 2], [2, 3, 2, 1]],
      asked: [3, 9, 8, 2],
    },
  ],
  depthwise_conv2d_filter_grad: [
    {
      op: { kind: "depthwise_conv2d_filter_grad", window: same },
      inputs: [[9, 10, 9, 3], [9, 10, 9, 6]],
      asked: [3, 3, 3, 2],
      tolerance: LONG,
    },
    {
      op: { kind: "depthwise_conv2d_filter_grad", window: skewed },
      inputs: [[3, 9, 8, 2], [3, 4, 2, 2]],
      asked: [2, 3, 2, 1],
      tolerance: LONG,
    },
  ],
  pool: (["max", "mean"] as const).flatMap((reducer): Case[] => [
    {
      op: { kind: "pool", reducer, size: [2, 2], window: { ...plain, strides: [2, 2] } },
      inputs: [[2, 4, 6, 3]],
      asked: [2, 2, 3, 3],
    },
    {
      op: { kind: "pool", reducer, size: [3, 3], window: same },
      inputs: [[1, 5, 4, 2]],
      asked: [1, 5, 4, 2],
    },
    {
      op: { kind: "pool", reducer, size: [3, 3], window: same },
      inputs: [holed([1, 5, 4, 2])],
      asked: [1, 5, 4, 2],
    },
    // Sums beyond 32 bits.
    {
      op: { kind: "pool", reducer, size: [3, 2], window: { ...plain, strides: [2, 1] } },
      inputs: [
        ints([1, 3, 4, 1], ...[7, -5, 2 ** 31 - 1, -(2 ** 31), 0, -3, 9, -4, 5, 1, 2 ** 31 - 1, -(2 ** 31)]),
      ],
      asked: [1, 1, 3, 1],
    },
  ]),
  pool_grad: (["max", "mean"] as const).flatMap((reducer): Case[] => {
    const x = (given: Given) => (reducer === "max" ? [given] : []);
    return [
      {
        op: { kind: "pool_grad", reducer, size: [2, 2], window: { ...plain, strides: [2, 2] } },
        inputs: [[2, 2, 3, 3], ...x([2, 4, 6, 3])],
        asked: [2, 4, 6, 3],
      },
      // Many ties: the first largest element takes it all.
      {
        op: { kind: "pool_grad", reducer, size: [3, 3], window: same },
        inputs: [
          [1, 5, 4, 2],
          ...x({ shape: [1, 5, 4, 2], data: Float32Array.from({ length: 40 }, () => random.integer(3)) }),
        ],
        asked: [1, 5, 4, 2],
      },
      {
        op: { kind: "pool_grad", reducer, size: [3, 3], window: same },
        inputs: [[1, 5, 4, 2], ...x(holed([1, 5, 4, 2]))],
        asked: [1, 5, 4, 2],
      },
    ];
  }),
  reshape: [{ op: { kind: "reshape" }, inputs: [[2, 6]], asked: [3, 4] }],
  copy: [
    { op: { kind: "copy", offset: 0, strides: [1, 5] }, inputs: [[3, 5]], asked: [5, 3] },
    { op: { kind: "copy", offset: 11, strides: [-4, -1] }, inputs: [[3, 4]], asked: [3, 4] },
    { op: { kind: "copy", offset: 2, strides: [0, 3, 0] }, inputs: [[4, 3]], asked: [2, 4, 3] },
    { op: { kind: "copy", offset: 0, strides: [] }, inputs: [integers([1], 9)], asked: [] },
    {
      op: { kind: "copy", offset: 0, strides: flat([2, 3, 4]) },
      inputs: [integers([2, 3, 4], 99)],
      asked: [2, 3, 4],
    },
  ],
  concat: [
    { op: { kind: "concat", axis: 1 }, inputs: [[3, 2], [3, 0], [3, 5], [3, 1]] },
    { op: { kind: "concat", axis: 0 }, inputs: [integers([2, 3], 9), integers([1, 3], 9)] },
    { op: { kind: "concat", axis: 1 }, inputs: Array.from({ length: 20 }, (_, i) => [2, 1 + i % 3, 2]) },
  ],
  pad: [
    { op: { kind: "pad", before: [1, 0], value: -Infinity }, inputs: [[2, 3]], asked: [4, 5] },
    { op: { kind: "pad", before: [2], value: 3 }, inputs: [integers([3], 9)], asked: [5] },
  ],
  gather: [
    { op: { kind: "gather", axis: 0 }, inputs: [[6, 4], ints([2, 3], 5, 0, 3, -1, 6, 3)] },
    { op: { kind: "gather", axis: 1 }, inputs: [[3, 4, 5], ints([2], 3, 0)] },
    { op: { kind: "gather", axis: 1 }, inputs: [integers([3, 4], 50), ints([], 2)] },
  ],
  scatter: [
    {
      op: { kind: "scatter", reducer: "sum" },
      inputs: [integers([300], 7), [300, 5]],
      asked: [8, 5],
      tolerance: LONG,
    },
    // More workgroups than one dimension of a dispatch takes.
    { op: { kind: "scatter", reducer: "sum" }, inputs: [ints([2], 69999, 3), [2]], asked: [70000] },
    { op: { kind: "scatter", reducer: "sum" }, inputs: [ints([4], 2, -1, 9, 2), [4, 70]], asked: [3, 70] },
    { op: { kind: "scatter", reducer: "last" }, inputs: [integers([300], 7), [300, 5]], asked: [8, 5] },
    { op: { kind: "scatter", reducer: "last" }, inputs: [ints([4], 2, -1, 9, 2), [4, 70]], asked: [3, 70] },
    { op: { kind: "scatter", reducer: "sum" }, inputs: [integers([90], 4), integers([90], 10)], asked: [4] },
  ],
  embedding_bag: [
    { op: { kind: "embedding_bag" }, inputs: [integers([9, 3], 6), [12, 5]] },
    { op: { kind: "embedding_bag" }, inputs: [ints([2, 2], 1, -1, 2, 0), [4, 8]] },
    { op: { kind: "embedding_bag", epilogue: biased }, inputs: [integers([70, 4], 9), [36, 12], [12]] },
    { op: { kind: "embedding_bag", epilogue: biased }, inputs: [integers([70, 1], 9), [9, 7], [70, 1]] },
    { op: { kind: "embedding_bag", epilogue: biased }, inputs: [ints([3, 0]), [0, 4], [4]] },
  ],
  embedding_bag_grad: [
    {
      op: { kind: "embedding_bag_grad" },
      inputs: [integers([300, 3], 6), [300, 5]],
      asked: [12, 5],
      tolerance: LONG,
    },
    { op: { kind: "embedding_bag_grad" }, inputs: [ints([2, 2], 1, -1, 2, 0), [2, 70]], asked: [4, 70] },
    { op: { kind: "embedding_bag_grad" }, inputs: [ints([0, 2]), [0, 4]], asked: [6, 4] },
  ],
  cumulate: [false, true].flatMap((exclusive) =>
    [false, true].map((reverse): Case => ({
      op: { kind: "cumulate", reducer: exclusive === reverse ? "sum" : "prod", axis: 1, exclusive, reverse },
      inputs: [[3, 5, 2]],
    }))
  ),
  topk: [
    { op: { kind: "topk" }, inputs: [[5, 9]], asked: [5, 3] },
    { op: { kind: "topk" }, inputs: [integers([4, 20], 5)], asked: [4, 20] },
    { op: { kind: "topk" }, inputs: [[1]], asked: [1] },
  ],
  softmax: [1, 5, 8, 300, 1500].flatMap((width) =>
    [false, true].map((log): Case => ({ op: { kind: "softmax", log }, inputs: [[7, width]] }))
  ).concat([
    { op: { kind: "softmax", log: false }, inputs: [floats([2, 3], 1000, 999, -1000, -Infinity, 0, 0)] },
    { op: { kind: "softmax", log: true }, inputs: [[2, 3, 4]] },
  ]),
  softmax_cross_entropy: [
    { op: { kind: "softmax_cross_entropy" }, inputs: [[5, 8], [5, 8]] },
    { op: { kind: "softmax_cross_entropy" }, inputs: [[3, 600], [3, 600]], tolerance: LONG },
    { op: { kind: "softmax_cross_entropy" }, inputs: [floats([1, 2], 500, -500), floats([1, 2], 0, 1)] },
  ],
  random: (["word", "uniform", "normal"] as const).flatMap((distribution) =>
    [[], [5], [64, 3]].map((shape): Case => ({
      op: { kind: "random", distribution, key: [0x9abcdef0, 0x12345678] },
      inputs: [ints([], 41)],
      asked: shape,
      tolerance: distribution === "normal" ? undefined : { absolute: 0, relative: 0 },
    }))
  ),
  categorical: [
    { op: { kind: "categorical", key: [1, 2] }, inputs: [[500, 8], ints([], 3)] },
    { op: { kind: "categorical", key: [1, 2] }, inputs: [[3, 1], ints([], 3)] },
  ],
  // In tests/engine/recurrent_test.ts, as a gradient needs what its sequence kept.
  recurrent: [],
  recurrent_grad: [],
};

for (const kind of Object.keys(KERNELS) as OpKind[]) {
  if (kind.startsWith("recurrent")) continue;
  gpuTest(`WGSL: ${kind} agrees with its definition`, async (executor) => {
    assert(CASES[kind].length > 0);
    await check(executor, CASES[kind]);
  });
}

gpuTest("WGSL: random numbers are those of base/random.ts, bit by bit", async (executor) => {
  const { key } = stream(12).fork("bits");
  const builder = new Builder(), counter = builder.input("counter", [], "int32");
  builder.output("word", builder.one({ kind: "random", distribution: "word", key }, [counter], [1000]));
  builder.output("uniform", builder.one({ kind: "random", distribution: "uniform", key }, [counter], [1000]));
  const executable = await executor.prepare(planMemory(builder.graph()), []);
  await executable.run([Int32Array.of(5)]);
  const [words, uniforms] = await executable.read();
  const one = stream(12).fork("bits").at(5), two = stream(12).fork("bits").at(5);
  assert.deepEqual(words, Int32Array.from({ length: 1000 }, () => one.word()));
  assert.deepEqual(uniforms, Float32Array.from({ length: 1000 }, () => two.uniform()));
});
