import { share } from "../../../engine/passes/share.ts";
import { Builder } from "../builder.ts";
import { checkPass } from "./check.ts";

Deno.test("equal nodes on equal inputs are one; sums and products in either order", () => {
  const g = new Builder();
  const x = g.input("x", [3]), y = g.input("y", [3]);
  g.output("sum", g.map("mul", g.map("add", x, y), g.map("add", y, x)));
  g.output("difference", g.map("mul", g.map("sub", x, y), g.map("sub", y, x)));
  g.output("constant", g.map("add", g.map("mul", x, g.constant(2)), g.map("mul", x, g.constant(2))));
  checkPass(share, g.graph(), {
    before: [
      "%2 float32[3] = (x + y)",
      "%3 float32[3] = (y + x)",
      "%4 float32[3] = (%2 * %3)",
      "%5 float32[3] = (x - y)",
      "%6 float32[3] = (y - x)",
      "%7 float32[3] = (%5 * %6)",
      "%9 float32[3] = (x * 2)",
      "%11 float32[3] = (x * 2)",
      "%12 float32[3] = (%9 + %11)",
      "output sum = %4",
      "output difference = %7",
      "output constant = %12",
    ],
    after: [
      "%2 float32[3] = (x + y)",
      "%4 float32[3] = (%2 * %2)",
      "%5 float32[3] = (x - y)",
      "%6 float32[3] = (y - x)",
      "%7 float32[3] = (%5 * %6)",
      "%9 float32[3] = (x * 2)",
      "%12 float32[3] = (%9 + %9)",
      "output sum = %4",
      "output difference = %7",
      "output constant = %12",
    ],
  });
});
