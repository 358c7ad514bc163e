import assert from "node:assert/strict";
import { prune } from "../../../engine/passes/prune.ts";
import { Builder } from "../builder.ts";
import { checkPass } from "./check.ts";

Deno.test("nodes, results and residents that nothing needs are dropped; updates keep their variable", () => {
  const g = new Builder();
  const unused = g.variable([3], "unused"), x = g.input("x", [3]), w = g.variable([3], "w");
  g.map("exp", g.map("neg", unused));
  const program = {
    operands: 2,
    instructions: [{ op: "add", args: [0, 1], dtype: "float32" }, { op: "exp", args: [0], dtype: "float32" }],
    results: [2, 3],
  } as const;
  g.update(w, g.program(program, [x, w]));
  const after = checkPass(prune, g.graph(), {
    before: [
      "%3 float32[3] = neg(unused)",
      "%4 float32[3] = exp(%3)",
      "%5 float32[3], %6 float32[3] = (x + w), exp(x)",
      "w <- %5",
    ],
    after: ["%5 float32[3] = (x + w)", "w <- %5"],
  });
  assert.deepEqual(after.residents.map(({ name }) => name), ["w"]);
});
