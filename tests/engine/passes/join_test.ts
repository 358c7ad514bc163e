import { join } from "../../../engine/passes/join.ts";
import { Builder } from "../builder.ts";
import { checkPass } from "./check.ts";

Deno.test("maps that share a result become one node", () => {
  const g = new Builder();
  const w = g.variable([3], "w"), m = g.variable([3], "m"), dw = g.input("dw", [3]);
  const moved = g.map("add", m, dw);
  g.update(m, moved);
  g.update(w, g.map("sub", w, moved));
  checkPass(join, g.graph(), {
    before: ["%3 float32[3] = (m + dw)", "%4 float32[3] = (w - %3)", "m <- %3", "w <- %4"],
    after: ["%3 float32[3], %4 float32[3] = t0 = (m + dw); t0, (w - t0)", "m <- %3", "w <- %4"],
  });
});

Deno.test("maps with a node between them stay apart", () => {
  const g = new Builder();
  const x = g.input("x", [2, 2]), y = g.map("neg", x);
  g.output("y", g.map("add", y, g.matmul(y, y)));
  const lines = [
    "%1 float32[2,2] = neg(x)",
    "%2 float32[2,2] = matmul(%1, %1)",
    "%3 float32[2,2] = (%1 + %2)",
    "output y = %3",
  ];
  checkPass(join, g.graph(), { before: lines, after: lines });
});
