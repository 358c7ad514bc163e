import { prune } from "../../../engine/passes/prune.ts";
import { sink } from "../../../engine/passes/sink.ts";
import { Builder } from "../builder.ts";
import { checkPass } from "./check.ts";

/** What nothing reads any more is not shown. */
const sunk: typeof sink = (graph) => prune(sink(graph));

Deno.test("maps and reductions come before reshapes of what they read", () => {
  const g = new Builder();
  const x = g.input("x", [4, 3]), w = g.variable([3, 5], "w"), bias = g.variable([5], "bias");
  const scores = g.map("add", g.reshape(g.matmul(x, w), [2, 2, 5]), bias);
  g.output("bias gradient", g.sum(scores, [0, 1]));
  g.output("over batches", g.sum(scores, [0]));
  checkPass(sunk, g.graph(), {
    before: [
      "%3 float32[4,5] = matmul(x, w)",
      "%4 float32[2,2,5] = reshape(%3)",
      "%5 float32[2,2,5] = (%4 + bias)",
      "%6 float32[5] = sum over 0,1 of [2,2,5] %5",
      "%7 float32[2,5] = sum over 0 of [2,2,5] %5",
      "output bias gradient = %6",
      "output over batches = %7",
    ],
    after: [
      "%3 float32[4,5] = matmul(x, w)",
      "%8 float32[1,5] = reshape(bias)",
      "%9 float32[4,5] = (%3 + %8)",
      "%5 float32[2,2,5] = reshape(%9)",
      "%10 float32[5] = sum over 0 of [4,5] %9",
      "%7 float32[2,5] = sum over 0 of [2,2,5] %5",
      "output bias gradient = %10",
      "output over batches = %7",
    ],
  });
});
