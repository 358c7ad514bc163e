import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { optimize } from "../../../engine/passes/mod.ts";
import { oneHot } from "../../../engine/passes/one_hot.ts";
import { print } from "../../../engine/print.ts";
import { trace } from "../../../engine/trace/trace.ts";
import type { Graph, Value } from "../../../engine/graph.ts";
import { Builder } from "../builder.ts";
import { assertSame, checkPass } from "./check.ts";

await tf.setBackend("cpu");

/** Tokens [4, 2] as rows [4, 6] of zeros and ones. */
function bits(g: Builder, tokens: Value, numbers = Int32Array.of(0, 1, 2)): Value {
  const equal = g.map("equal", g.reshape(tokens, [4, 2, 1]), g.constant(numbers));
  return g.reshape(g.map("to_float32", equal), [4, 6]);
}

Deno.test("products with one-hot rows become bags and their gradient", () => {
  const g = new Builder(), tokens = g.input("tokens", [4, 2], "int32"), kernel = g.variable([6, 5], "kernel");
  const dy = g.input("dy", [4, 5]), rows = bits(g, tokens);
  g.output("y", g.matmul(rows, kernel));
  g.output("gradient", g.matmul(rows, dy, { a: true }));
  checkPass(oneHot, g.graph(), {
    before: [
      "%3 int32[4,2,1] = reshape(tokens)",
      "%5 int32[4,2,3] = (%3 == %4)",
      "%6 float32[4,2,3] = to_float32(%5)",
      "%7 float32[4,6] = reshape(%6)",
      "%8 float32[4,5] = matmul(%7, kernel)",
      "%9 float32[6,5] = matmul(%7ᵀ, dy)",
      "output y = %8",
      "output gradient = %9",
    ],
    after: [
      "%3 int32[4,2,1] = reshape(tokens)",
      "%5 int32[4,2,3] = (%3 == %4)",
      "%6 float32[4,2,3] = to_float32(%5)",
      "%7 float32[4,6] = reshape(%6)",
      "%10 int32[4,2] = reshape(%3)",
      "%8 float32[4,5] = embedding_bag(%10, kernel)",
      "%11 int32[4,2] = reshape(%3)",
      "%9 float32[6,5] = embedding_bag_grad(%11, dy)",
      "output y = %8",
      "output gradient = %9",
    ],
  });
});

Deno.test("other products stay", () => {
  const of = (build: (g: Builder, tokens: Value, kernel: Value) => Value): Graph => {
    const g = new Builder(), tokens = g.input("tokens", [4, 2], "int32");
    g.output("y", build(g, tokens, g.variable([6, 6])));
    return g.graph();
  };
  const graphs = [
    // Not all symbols in order, one-hot rows on the right, a kernel that lies the other way, rows that are no longer one-hot.
    of((g, tokens, kernel) => g.matmul(bits(g, tokens, Int32Array.of(0, 2, 1)), kernel)),
    of((g, tokens, kernel) => g.matmul(kernel, bits(g, tokens), { b: true })),
    of((g, tokens, kernel) => g.matmul(bits(g, tokens), kernel, { b: true })),
    of((g, tokens, kernel) => g.matmul(g.map("neg", bits(g, tokens)), kernel)),
  ];
  for (const graph of graphs) assert.equal(oneHot(graph), graph);
});

/** Rows [4, 6] of which the trace knows that all are of tokens of one number, or of three that stand along the symbols. */
function repeated(g: Builder, tokens: Value): Value {
  const program = {
    operands: 2,
    instructions: [{ op: "equal", args: [0, 1], dtype: "int32" }],
    results: [2],
  } as const;
  const equal = g.one({ kind: "map", program }, [tokens, g.constant(Int32Array.of(0, 1, 2))], [4, 2, 3]);
  return g.reshape(g.map("to_float32", equal), [4, 6]);
}

Deno.test("one token for all is repeated; tokens that stand along the symbols are none", () => {
  for (const [shape, kind] of [[[], "embedding_bag"], [[1, 1], "embedding_bag"], [[3], "matmul"]] as const) {
    const g = new Builder(), tokens = g.input("tokens", shape, "int32");
    g.output("y", g.matmul(repeated(g, tokens), g.variable([6, 5])));
    const graph = g.graph(), after = oneHot(graph);
    assert.equal(after.nodes.at(-1)!.op.kind, kind);
    assertSame(graph, after);
  }
});

Deno.test("a layer of one-hot symbols is a bag with its bias and activation", () => {
  const kernel = tf.variable(tf.randomNormal([6, 5]) as tf.Tensor2D, true, "w");
  const bias = tf.variable(tf.randomNormal([5]) as tf.Tensor1D, true, "b");
  const { graph } = trace(({ tokens }) => {
    const { value, grads } = tf.variableGrads(() => {
      const rows = tf.reshape(tf.cast(tf.oneHot(tokens as tf.Tensor2D, 3), "float32"), [4, 6]);
      return tf.sum(tf.square(tf.relu(tf.add(tf.matMul(rows as tf.Tensor2D, kernel), bias)))) as tf.Scalar;
    }, [kernel]);
    return { loss: value, gradient: grads.w };
  }, { tokens: { shape: [4, 2], dtype: "int32" } });
  kernel.dispose();
  bias.dispose();
  const after = optimize(graph),
    lines = print(after).split("\n").map((line) => line.replaceAll(/%\d+/g, "%"));
  assert.ok(lines.includes("% float32[4,5] = embedding_bag(tokens, w) then relu((_ + b))"), lines.join("\n"));
  assert.ok(lines.some((line) => /^% float32\[6,5\] = embedding_bag_grad\(tokens, %\)$/.test(line)));
  assert.ok(!lines.some((line) => /==|matmul/.test(line)));
  assertSame(graph, after);
});
