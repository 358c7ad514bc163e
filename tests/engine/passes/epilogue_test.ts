import { epilogue } from "../../../engine/passes/epilogue.ts";
import { prune } from "../../../engine/passes/prune.ts";
import { Builder } from "../builder.ts";
import { checkPass } from "./check.ts";

/** What has become an epilogue is dropped. */
const withEpilogues: typeof epilogue = (graph) => prune(epilogue(graph));

Deno.test("bias, activation and an activation's gradient move into the products", () => {
  const g = new Builder();
  const x = g.input("x", [4, 3]), w = g.variable([3, 5], "w"), bias = g.variable([5], "bias");
  const y = g.map("relu", g.map("add", g.matmul(x, w), bias));
  g.output("dx", g.map("mul", g.matmul(y, w, { b: true }), x));
  checkPass(withEpilogues, g.graph(), {
    before: [
      "%3 float32[4,5] = matmul(x, w)",
      "%4 float32[4,5] = (%3 + bias)",
      "%5 float32[4,5] = relu(%4)",
      "%6 float32[4,3] = matmul(%5, wᵀ)",
      "%7 float32[4,3] = (%6 * x)",
      "output dx = %7",
    ],
    after: [
      "%5 float32[4,5] = matmul(x, w) then relu((_ + bias))",
      "%7 float32[4,3] = matmul(%5, wᵀ) then (_ * x)",
      "output dx = %7",
    ],
  });
});

Deno.test("convolutions have epilogues too", () => {
  const g = new Builder(), window = { strides: [1, 1], padding: [1, 1], dilation: [1, 1] } as const;
  const x = g.input("x", [1, 4, 4, 2]), filter = g.variable([3, 3, 2, 2], "filter");
  const y = g.map("relu", g.one({ kind: "conv2d", window }, [x, filter], [1, 4, 4, 2]));
  g.output("y", g.map("neg", g.one({ kind: "conv2d_input_grad", window }, [y, filter], [1, 4, 4, 2])));
  checkPass(withEpilogues, g.graph(), {
    before: [
      "%2 float32[1,4,4,2] = conv2d(x, filter)",
      "%3 float32[1,4,4,2] = relu(%2)",
      "%4 float32[1,4,4,2] = conv2d_input_grad(%3, filter)",
      "%5 float32[1,4,4,2] = neg(%4)",
      "output y = %5",
    ],
    after: [
      "%3 float32[1,4,4,2] = conv2d(x, filter) then relu(_)",
      "%5 float32[1,4,4,2] = conv2d_input_grad(%3, filter) then neg(_)",
      "output y = %5",
    ],
  });
});

Deno.test("a product that others read, or that updates a variable, keeps its map", () => {
  const g = new Builder();
  const x = g.input("x", [2, 2]), w = g.variable([2, 2], "w");
  const product = g.matmul(x, x), gradient = g.matmul(x, w);
  g.output("a", g.map("relu", product));
  g.output("b", g.map("neg", product));
  g.update(w, g.map("sub", w, gradient));
  checkPass(withEpilogues, g.graph(), {
    before: [
      "%2 float32[2,2] = matmul(x, x)",
      "%3 float32[2,2] = matmul(x, w)",
      "%4 float32[2,2] = relu(%2)",
      "%5 float32[2,2] = neg(%2)",
      "%6 float32[2,2] = (w - %3)",
      "w <- %6",
      "output a = %4",
      "output b = %5",
    ],
    after: [
      "%2 float32[2,2] = matmul(x, x)",
      "%3 float32[2,2] = matmul(x, w)",
      "%4 float32[2,2] = relu(%2)",
      "%5 float32[2,2] = neg(%2)",
      "%6 float32[2,2] = (w - %3)",
      "w <- %6",
      "output a = %4",
      "output b = %5",
    ],
  });
});
