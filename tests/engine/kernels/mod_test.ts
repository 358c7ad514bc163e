import assert from "node:assert/strict";
import { stream, wordsToNormals } from "../../../base/random.ts";
import type { DType, Op, Program, Shape, TypedArray, Window } from "../../../engine/graph.ts";
import { execute, infer, KERNELS } from "../../../engine/kernels/mod.ts";
import type { Tensor } from "../../../engine/kernels/kernel.ts";
import { biased, identity, plain } from "../builder.ts";

function tensor(shape: Shape, data: readonly number[], dtype: DType = "float32"): Tensor {
  return { shape, dtype, data: dtype === "float32" ? Float32Array.from(data) : Int32Array.from(data) };
}
function int(shape: Shape, ...data: number[]): Tensor {
  return tensor(shape, data, "int32");
}
function apply(op: Op, inputs: readonly Tensor[], asked?: Shape): { shape: Shape; data: TypedArray }[] {
  const outputs = infer(op, inputs, asked).map(({ shape, dtype }) =>
    tensor(shape, new Array(shape.reduce((a, b) => a * b, 1)).fill(NaN), dtype)
  );
  execute(op, inputs, outputs);
  return outputs;
}
function check(op: Op, inputs: readonly Tensor[], expected: Tensor): void {
  const [{ shape, data }] = apply(op, inputs, expected.shape);
  assert.deepEqual({ shape, data }, { shape: expected.shape, data: expected.data });
}

/** One hand-worked value an op; the window ops also have the adjoint tests below. */
const WORKED: { readonly [K in keyof typeof KERNELS]: () => void } = {
  map() {
    const program: Program = {
      operands: 2,
      instructions: [{ op: "mul", args: [0, 1], dtype: "float32" }, {
        op: "greater",
        args: [2, 1],
        dtype: "int32",
      }],
      results: [2, 3],
    };
    const [product, larger] = apply({ kind: "map", program }, [
      tensor([2, 1], [1, 3]),
      tensor([2], [10, -1]),
    ]);
    assert.deepEqual(product, { ...product, shape: [2, 2], data: Float32Array.of(10, -1, 30, -3) });
    assert.deepEqual(larger.data, Int32Array.of(0, 0, 1, 0));
  },
  maps() {
    const program: Program = {
      operands: 2,
      instructions: [{ op: "add", args: [0, 1], dtype: "float32" }],
      results: [2],
    };
    const inputs = [tensor([2], [1, 2]), tensor([], [10]), tensor([1], [5]), tensor([1], [6])];
    const outputs = apply({ kind: "maps", program, count: 2 }, inputs);
    assert.deepEqual(outputs.map(({ data }) => [...data]), [[11, 12], [11]]);
  },
  reduce() {
    const x = tensor([2, 3], [1, 2, 3, -4, 5, 6]),
      square: Program = {
        operands: 1,
        instructions: [{ op: "square", args: [0], dtype: "float32" }],
        results: [1],
      };
    check(
      { kind: "reduce", reducer: "sum", domain: [2, 3], axes: [0], program: square },
      [x],
      tensor([3], [17, 29, 45]),
    );
    check(
      { kind: "reduce", reducer: "max", domain: [2, 3], axes: [1], program: identity },
      [x],
      tensor([2], [3, 6]),
    );
    check(
      { kind: "reduce", reducer: "min", domain: [2, 3], axes: [0, 1], program: identity },
      [x],
      tensor([], [-4]),
    );
    check(
      { kind: "reduce", reducer: "prod", domain: [2, 3], axes: [1], program: identity },
      [x],
      tensor([2], [6, -120]),
    );
  },
  argreduce() {
    const x = tensor([2, 3], [1, 7, 7, -4, 5, -4]);
    check({ kind: "argreduce", reducer: "max", axis: 1 }, [x], int([2], 1, 1));
    check({ kind: "argreduce", reducer: "min", axis: 0 }, [x], int([3], 1, 1, 1));
  },
  matmul() {
    const a = tensor([2, 3], [1, 2, 3, 4, 5, 6]), b = tensor([3, 2], [1, 0, 0, 1, 2, 2]);
    const product = tensor([2, 2], [7, 8, 16, 17]);
    check({ kind: "matmul", transposeA: false, transposeB: false }, [a, b], product);
    const aT = tensor([3, 2], [1, 4, 2, 5, 3, 6]), bT = tensor([2, 3], [1, 0, 2, 0, 1, 2]);
    check({ kind: "matmul", transposeA: true, transposeB: true }, [aT, bT], product);
    const epilogue: Program = {
      operands: 2,
      instructions: [{ op: "add", args: [0, 1], dtype: "float32" }],
      results: [2],
    };
    check(
      { kind: "matmul", transposeA: false, transposeB: false, epilogue },
      [a, b, tensor([2], [100, 200])],
      tensor([2, 2], [107, 208, 116, 217]),
    );
    check(
      { kind: "matmul", transposeA: false, transposeB: false },
      [tensor([2, 1, 2], [1, 2, 3, 4]), tensor([2, 1], [10, 1])],
      tensor([2, 1, 1], [12, 34]),
    );
  },
  conv2d() {
    // Row [1 2 3] with filter [1 10], padded by one 0 left and right.
    check(
      { kind: "conv2d", window: { ...plain, padding: [0, 1] } },
      [tensor([1, 1, 3, 1], [1, 2, 3]), tensor([1, 2, 1, 1], [1, 10])],
      tensor([1, 1, 4, 1], [10, 21, 32, 3]),
    );
  },
  conv2d_input_grad() {
    check(
      { kind: "conv2d_input_grad", window: plain },
      [tensor([1, 1, 2, 1], [1, 2]), tensor([1, 2, 1, 1], [1, 10])],
      tensor([1, 1, 3, 1], [1, 12, 20]),
    );
  },
  conv2d_filter_grad() {
    check(
      { kind: "conv2d_filter_grad", window: plain },
      [tensor([1, 1, 3, 1], [1, 2, 3]), tensor([1, 1, 2, 1], [1, 10])],
      tensor([1, 2, 1, 1], [21, 32]),
    );
  },
  depthwise_conv2d() {
    check(
      { kind: "depthwise_conv2d", window: plain },
      [tensor([1, 1, 1, 2], [2, 3]), tensor([1, 1, 2, 2], [1, 10, 100, 1000])],
      tensor([1, 1, 1, 4], [2, 20, 300, 3000]),
    );
  },
  depthwise_conv2d_input_grad() {
    check(
      { kind: "depthwise_conv2d_input_grad", window: plain },
      [tensor([1, 1, 1, 4], [1, 2, 3, 4]), tensor([1, 1, 2, 2], [1, 10, 100, 1000])],
      tensor([1, 1, 1, 2], [21, 4300]),
    );
  },
  depthwise_conv2d_filter_grad() {
    check(
      { kind: "depthwise_conv2d_filter_grad", window: plain },
      [tensor([1, 1, 1, 2], [2, 3]), tensor([1, 1, 1, 4], [1, 2, 3, 4])],
      tensor([1, 1, 2, 2], [2, 4, 9, 12]),
    );
  },
  pool() {
    const x = tensor([1, 1, 3, 1], [1, 5, 3]), window: Window = { ...plain, strides: [1, 2] };
    check({ kind: "pool", reducer: "max", size: [1, 2], window }, [x], tensor([1, 1, 2, 1], [5, 3]));
    // The second window has one element inside the image.
    check({ kind: "pool", reducer: "mean", size: [1, 2], window }, [x], tensor([1, 1, 2, 1], [3, 3]));
    // The largest of NaN alone is that of nothing. A mean of integers is cut towards 0.
    const holes = tensor([1, 1, 3, 1], [NaN, 5, NaN]), low = int([1, 1, 3, 1], -4, -5, -6);
    check(
      { kind: "pool", reducer: "max", size: [1, 2], window },
      [holes],
      tensor([1, 1, 2, 1], [5, -Infinity]),
    );
    check({ kind: "pool", reducer: "mean", size: [1, 2], window }, [low], int([1, 1, 2, 1], -4, -6));
  },
  pool_grad() {
    const dy = tensor([1, 1, 2, 1], [10, 20]), window: Window = { ...plain, strides: [1, 2] };
    const x = tensor([1, 1, 3, 1], [5, 5, 3]);
    check(
      { kind: "pool_grad", reducer: "max", size: [1, 2], window },
      [dy, x],
      tensor([1, 1, 3, 1], [10, 0, 20]),
    );
    check(
      { kind: "pool_grad", reducer: "max", size: [1, 2], window },
      [dy, tensor([1, 1, 3, 1], [NaN, 5, NaN])],
      tensor([1, 1, 3, 1], [0, 10, 20]),
    );
    check(
      { kind: "pool_grad", reducer: "mean", size: [1, 2], window },
      [dy],
      tensor([1, 1, 3, 1], [5, 5, 20]),
    );
  },
  reshape: () => check({ kind: "reshape" }, [tensor([2, 2], [1, 2, 3, 4])], tensor([4], [1, 2, 3, 4])),
  copy() {
    const x = tensor([2, 3], [1, 2, 3, 4, 5, 6]);
    check({ kind: "copy", offset: 0, strides: [1, 3] }, [x], tensor([3, 2], [1, 4, 2, 5, 3, 6]));
    check({ kind: "copy", offset: 2, strides: [-1] }, [x], tensor([3], [3, 2, 1]));
    check({ kind: "copy", offset: 4, strides: [0] }, [x], tensor([2], [5, 5]));
    assert.throws(() => infer({ kind: "copy", offset: 4, strides: [1] }, [x], [3]), /stay inside/);
  },
  concat() {
    const a = int([2, 1], 1, 2), b = int([2, 2], 3, 4, 5, 6);
    check({ kind: "concat", axis: 1 }, [a, b], int([2, 3], 1, 3, 4, 2, 5, 6));
  },
  pad() {
    check(
      { kind: "pad", before: [1, 0], value: 9 },
      [tensor([1, 2], [1, 2])],
      tensor([3, 3], [9, 9, 9, 1, 2, 9, 9, 9, 9]),
    );
  },
  gather() {
    const x = tensor([2, 3], [1, 2, 3, 4, 5, 6]);
    check({ kind: "gather", axis: 0 }, [x, int([3], 1, 2, -1)], tensor([3, 3], [4, 5, 6, 0, 0, 0, 0, 0, 0]));
    check({ kind: "gather", axis: 1 }, [x, int([1, 2], 2, 0)], tensor([2, 1, 2], [3, 1, 6, 4]));
  },
  scatter() {
    check(
      { kind: "scatter", reducer: "sum" },
      [int([3], 1, 1, 7), tensor([3, 2], [1, 2, 3, 4, 5, 6])],
      tensor([2, 2], [0, 0, 4, 6]),
    );
  },
  embedding_bag() {
    // Two symbols at each of two places; 2 and -1 are no symbols.
    const tokens = int([3, 2], 0, 1, 1, 2, -1, 0),
      kernel = tensor([4, 2], [1, 2, 10, 20, 100, 200, 1000, 2000]);
    check(
      { kind: "embedding_bag" },
      [tokens, kernel],
      tensor([3, 2], [1001, 2002, 10, 20, 100, 200]),
    );
    check(
      { kind: "embedding_bag", epilogue: biased },
      [tokens, kernel, tensor([2], [-50, 1])],
      tensor([3, 2], [951, 2003, 0, 21, 50, 201]),
    );
    check({ kind: "embedding_bag" }, [int([1, 0]), tensor([0, 2], [])], tensor([1, 2], [0, 0]));
  },
  embedding_bag_grad() {
    const tokens = int([3, 2], 0, 1, 0, 2, -1, 1), dy = tensor([3, 2], [1, 2, 10, 20, 100, 200]);
    check(
      { kind: "embedding_bag_grad" },
      [tokens, dy],
      tensor([4, 2], [11, 22, 0, 0, 0, 0, 101, 202]),
    );
  },
  cumulate() {
    const x = tensor([2, 3], [1, 2, 3, 4, 5, 6]);
    const op = { kind: "cumulate", reducer: "sum", axis: 1, exclusive: false, reverse: false } as const;
    check(op, [x], tensor([2, 3], [1, 3, 6, 4, 9, 15]));
    check({ ...op, exclusive: true, reverse: true }, [x], tensor([2, 3], [5, 3, 0, 11, 6, 0]));
    check({ ...op, reducer: "prod", axis: 0 }, [x], tensor([2, 3], [1, 2, 3, 4, 10, 18]));
  },
  topk() {
    const [values, indices] = apply({ kind: "topk" }, [tensor([2, 3], [1, 3, 3, 5, 4, 6])], [2, 2]);
    assert.deepEqual([...values.data], [3, 3, 6, 5]);
    assert.deepEqual([...indices.data], [1, 2, 2, 0]);
  },
  softmax() {
    const x = tensor([1, 2], [Math.log(3) + 1000, 1000]);
    const [{ data }] = apply({ kind: "softmax", log: false }, [x]),
      [logs] = apply({ kind: "softmax", log: true }, [x]);
    assert.ok(Math.abs(data[0] - 0.75) < 1e-4 && Math.abs(data[1] - 0.25) < 1e-4);
    assert.ok(Math.abs(logs.data[1] - Math.log(0.25)) < 1e-4);
  },
  softmax_cross_entropy() {
    const [losses, gradient] = apply({ kind: "softmax_cross_entropy" }, [
      tensor([2, 2], [0, 0, 0, 0]),
      tensor([2, 2], [1, 0, 0.5, 1.5]),
    ]);
    assert.ok(Math.abs(losses.data[0] - Math.LN2) < 1e-6 && Math.abs(losses.data[1] - 2 * Math.LN2) < 1e-6);
    assert.deepEqual([...gradient.data], [-0.5, 0.5, 0.5, -0.5]);
  },
  random() {
    const { key } = stream(7).fork("x"), source = stream(7).fork("x").at(3);
    const words = Array.from({ length: 6 }, () => source.word());
    const draw = (
      distribution: "word" | "uniform" | "normal",
    ) => [...apply({ kind: "random", distribution, key }, [int([], 3)], [5])[0].data];
    assert.deepEqual(draw("word"), words.slice(0, 5).map((word) => word | 0));
    const uniforms = stream(7).fork("x").at(3);
    assert.deepEqual(draw("uniform"), Array.from({ length: 5 }, () => uniforms.uniform()));
    const normals = [0, 2, 4].flatMap((i) => wordsToNormals(words[i], words[i + 1]));
    assert.deepEqual(draw("normal"), normals.slice(0, 5).map(Math.fround));
  },
  recurrent() {
    // h = tanh(x + h / 2): two rows, of which the second stops after one step.
    const op: Op = { kind: "recurrent", cell: "simple", lengths: true, results: ["states", "hidden"] };
    const one = tensor([1, 1], [1]), half = tensor([1, 1], [0.5]);
    const x = tensor([2, 2, 1], [0.5, 0.25, 0.5, 0.25]);
    const [states, hidden] = apply(op, [
      x,
      one,
      half,
      tensor([1], [0]),
      tensor([2, 1], [0, 0]),
      int([2], 2, 1),
    ]);
    const first = Math.tanh(0.5), second = Math.tanh(0.25 + Math.tanh(0.5) / 2);
    assert.deepEqual(states.data, Float32Array.of(first, second, first, first));
    assert.deepEqual(hidden.data, Float32Array.of(second, first));
  },
  recurrent_grad() {
    // Of h = tanh(x k) at x = 1/2, k = 2, the first state 3 not counting: 1 - tanh(1)^2 times 2, 1/2, 3, 1, 0.
    const op: Op = {
      kind: "recurrent_grad",
      cell: "simple",
      lengths: false,
      given: ["hidden"],
      results: ["x", "kernel", "recurrentKernel", "bias", "hidden"],
    };
    const inputs = [[1, 1, 1], [1, 1], [1, 1], [1], [1, 1], [1, 1]];
    const numbers = [0.5, 2, 0, 0, 3, 1], slope = 1 - Math.tanh(1) ** 2;
    const gradients = apply(op, inputs.map((shape, i) => tensor(shape, [numbers[i]])));
    const expected = [2 * slope, slope / 2, 3 * slope, slope, 0];
    assert.deepEqual(gradients.map(({ data }) => data[0]), expected.map(Math.fround));
  },
  categorical() {
    const { key } = stream(1), rows = 4000;
    const logits = tensor(
      [rows, 3],
      Array.from({ length: rows }, () => [Math.log(0.5), -Infinity, Math.log(0.5)]).flat(),
    );
    const [{ data }] = apply({ kind: "categorical", key }, [logits, int([], 0)]);
    const ones = data.filter((drawn: number) => drawn === 2).length;
    assert.ok(!data.includes(1) && Math.abs(ones / rows - 0.5) < 5 * Math.sqrt(0.25 / rows));
    assert.equal(data[0], stream(1).uniform() < 0.5 ? 0 : 2);
  },
};

for (const [kind, worked] of Object.entries(WORKED)) Deno.test(`${kind}: a value worked out by hand`, worked);

const random = stream(5);
function randomTensor(shape: Shape): Tensor {
  return tensor(shape, [...random.normals(shape.reduce((a, b) => a * b, 1))]);
}
function dot(a: { data: TypedArray }, b: { data: TypedArray }): number {
  return (a.data as Float32Array).reduce((sum, value, i) => sum + value * b.data[i], 0);
}

Deno.test("convolution and its gradients are adjoint, whatever the window", () => {
  const windows: { window: Window; out: [number, number] }[] = [
    { window: { strides: [2, 1], padding: [1, 0], dilation: [1, 1] }, out: [3, 3] },
    { window: { strides: [1, 1], padding: [2, 1], dilation: [2, 1] }, out: [5, 5] },
    { window: { strides: [3, 2], padding: [0, 1], dilation: [1, 2] }, out: [2, 2] },
  ];
  for (const { window, out } of windows) {
    const x = randomTensor([2, 5, 4, 3]);
    for (const name of ["conv2d", "depthwise_conv2d"] as const) {
      const filter = randomTensor([3, 2, 3, 2]), dy = randomTensor([2, ...out, name === "conv2d" ? 2 : 6]);
      const [y] = apply({ kind: name, window }, [x, filter], dy.shape);
      const [dx] = apply({ kind: `${name}_input_grad`, window }, [dy, filter], x.shape);
      const [dw] = apply({ kind: `${name}_filter_grad`, window }, [x, dy], filter.shape);
      const expected = dot(y, dy);
      assert.ok(Math.abs(dot(dx, x) - expected) < 1e-4 && Math.abs(dot(dw, filter) - expected) < 1e-4, name);
    }
    const dy = randomTensor([2, ...out, 3]), pool = { reducer: "mean", size: [3, 2], window } as const;
    const [y] = apply({ kind: "pool", ...pool }, [x], dy.shape);
    const [dx] = apply({ kind: "pool_grad", ...pool }, [dy], x.shape);
    assert.ok(Math.abs(dot(dx, x) - dot(y, dy)) < 1e-4, "pool");
  }
});

Deno.test("programs round after every instruction, and int32 wraps", () => {
  const program: Program = {
    operands: 2,
    instructions: [{ op: "add", args: [0, 1], dtype: "float32" }, {
      op: "sub",
      args: [2, 0],
      dtype: "float32",
    }],
    results: [3],
  };
  check({ kind: "map", program }, [tensor([1], [1e8]), tensor([1], [1])], tensor([1], [0]));
  const square: Program = {
    operands: 1,
    instructions: [{ op: "mul", args: [0, 0], dtype: "int32" }],
    results: [1],
  };
  check({ kind: "map", program: square }, [int([1], 2 ** 31 - 1)], int([1], 1));
});

Deno.test("inputs that do not suit an op are named", () => {
  assert.throws(
    () =>
      infer({ kind: "matmul", transposeA: false, transposeB: false }, [
        tensor([2, 3], []),
        tensor([2, 3], []),
      ]),
    /inner extents must be equal: current inputs are float32\[2,3\], float32\[2,3\]/,
  );
  assert.throws(() => infer({ kind: "reshape" }, [tensor([2], [1, 2])], [3]), /as many elements/);
  assert.throws(() => infer({ kind: "reshape" }, [tensor([2], [1, 2])]), /must be asked for/);
  assert.throws(
    () =>
      infer({
        kind: "map",
        program: { operands: 1, instructions: [{ op: "add", args: [0, 1], dtype: "float32" }], results: [1] },
      }, [
        tensor([2], []),
      ]),
    /add must read 2 registers below 1/,
  );
});
