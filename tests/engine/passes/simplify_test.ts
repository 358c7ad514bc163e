import { simplify } from "../../../engine/passes/simplify.ts";
import { prune } from "../../../engine/passes/prune.ts";
import { Builder } from "../builder.ts";
import { checkPass } from "./check.ts";

/** What is left over when nothing reads it any more is not shown. */
const simplified: typeof simplify = (graph) => prune(simplify(graph));

Deno.test("moves that change nothing are dropped", () => {
  const g = new Builder();
  const x = g.input("x", [2, 3]);
  const padded = g.one({ kind: "pad", before: [0, 0], value: 0 }, [x], [2, 3]);
  const one = g.one({ kind: "concat", axis: 0 }, [padded]);
  const twice = g.reshape(g.reshape(one, [6]), [2, 3]);
  g.output("y", g.map("neg", g.transpose(g.transpose(twice))));
  checkPass(simplified, g.graph(), {
    before: [
      "%1 float32[2,3] = pad(x, before: [0,0], value: 0)",
      "%2 float32[2,3] = concat(%1, axis: 0)",
      "%3 float32[6] = reshape(%2)",
      "%4 float32[2,3] = reshape(%3)",
      "%5 float32[3,2] = copy(%4, offset: 0, strides: [1,3])",
      "%6 float32[2,3] = copy(%5, offset: 0, strides: [1,2])",
      "%7 float32[2,3] = neg(%6)",
      "output y = %7",
    ],
    after: [
      "%6 float32[2,3] = copy(x, offset: 0, strides: [3,1])",
      "%7 float32[2,3] = neg(%6)",
      "output y = %7",
    ],
  });
});

Deno.test("a copy of a copy is one, where strides can say it", () => {
  const g = new Builder();
  const x = g.input("x", [4, 4]);
  g.output("part of transposed", g.copy(g.transpose(x), [2, 4], [8, 1], 4));
  g.output("across its rows", g.copy(g.transpose(x), [8], [1], 4));
  checkPass(simplified, g.graph(), {
    before: [
      "%1 float32[4,4] = copy(x, offset: 0, strides: [1,4])",
      "%2 float32[2,4] = copy(%1, offset: 4, strides: [8,1])",
      "%3 float32[4,4] = copy(x, offset: 0, strides: [1,4])",
      "%4 float32[8] = copy(%3, offset: 4, strides: [1])",
      "output part of transposed = %2",
      "output across its rows = %4",
    ],
    after: [
      "%2 float32[2,4] = copy(x, offset: 1, strides: [2,4])",
      "%3 float32[4,4] = copy(x, offset: 0, strides: [1,4])",
      "%4 float32[8] = copy(%3, offset: 4, strides: [1])",
      "output part of transposed = %2",
      "output across its rows = %4",
    ],
  });
});

Deno.test("transposes before a product are its flags", () => {
  const g = new Builder();
  const a = g.input("a", [3, 2]), b = g.input("b", [4, 3]);
  g.output("y", g.matmul(g.transpose(a), g.transpose(b)));
  g.output("z", g.matmul(g.transpose(b), g.transpose(a), { a: true, b: true }));
  checkPass(simplified, g.graph(), {
    before: [
      "%2 float32[2,3] = copy(a, offset: 0, strides: [1,2])",
      "%3 float32[3,4] = copy(b, offset: 0, strides: [1,3])",
      "%4 float32[2,4] = matmul(%2, %3)",
      "%5 float32[3,4] = copy(b, offset: 0, strides: [1,3])",
      "%6 float32[2,3] = copy(a, offset: 0, strides: [1,2])",
      "%7 float32[4,2] = matmul(%5ᵀ, %6ᵀ)",
      "output y = %4",
      "output z = %7",
    ],
    after: [
      "%4 float32[2,4] = matmul(aᵀ, bᵀ)",
      "%7 float32[4,2] = matmul(b, a)",
      "output y = %4",
      "output z = %7",
    ],
  });
});

Deno.test("programs broadcast by themselves", () => {
  const g = new Builder();
  const x = g.input("x", [2, 3]), row = g.input("row", [3]), rate = g.input("rate", []);
  const rows = g.copy(row, [2, 3], [0, 1]), rates = g.copy(g.reshape(rate, [1]), [2, 3], [0, 0]);
  g.output("y", g.map("mul", g.map("add", x, rows), rates));
  g.output("small", g.map("mul", rates, rates));
  checkPass(simplified, g.graph(), {
    before: [
      "%3 float32[2,3] = copy(row, offset: 0, strides: [0,1])",
      "%4 float32[1] = reshape(rate)",
      "%5 float32[2,3] = copy(%4, offset: 0, strides: [0,0])",
      "%6 float32[2,3] = (x + %3)",
      "%7 float32[2,3] = (%6 * %5)",
      "%8 float32[2,3] = (%5 * %5)",
      "output y = %7",
      "output small = %8",
    ],
    after: [
      "%6 float32[2,3] = (x + row)",
      "%7 float32[2,3] = (%6 * rate)",
      "%8 float32[2,3] = (rate * rate)",
      "output y = %7",
      "output small = %8",
    ],
  });
});

Deno.test("a reduction over nothing is a map, one over extents of 1 as well", () => {
  const g = new Builder();
  const x = g.input("x", [3, 1]);
  g.output("y", g.map("neg", g.sum(x, [1])));
  checkPass(simplified, g.graph(), {
    before: ["%1 float32[3] = sum over 1 of [3,1] x", "%2 float32[3] = neg(%1)", "output y = %2"],
    after: ["%3 float32[3,1] = x", "%4 float32[3] = reshape(%3)", "%2 float32[3] = neg(%4)", "output y = %2"],
  });
});
