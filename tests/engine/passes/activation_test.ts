import { activation } from "../../../engine/passes/activation.ts";
import { Builder } from "../builder.ts";
import { checkPass } from "./check.ts";

Deno.test("a gradient's mask is read off the activation's result", () => {
  const g = new Builder();
  const x = g.input("x", [8]), dy = g.input("dy", [8]);
  const slope = g.constant(0.1), zero = g.constant(0);
  g.output("y", g.map("prelu", x, slope));
  g.output("dx", g.map("select", g.map("greater", x, zero), dy, g.map("mul", dy, slope)));
  checkPass(activation, g.graph(), {
    before: [
      "%4 float32[8] = prelu(x, 0.1)",
      "%5 int32[8] = (x > 0)",
      "%6 float32[8] = (dy * 0.1)",
      "%7 float32[8] = select(%5, dy, %6)",
      "output y = %4",
      "output dx = %7",
    ],
    after: [
      "%4 float32[8] = prelu(x, 0.1)",
      "%5 int32[8] = (%4 > 0)",
      "%6 float32[8] = (dy * 0.1)",
      "%7 float32[8] = select(%5, dy, %6)",
      "output y = %4",
      "output dx = %7",
    ],
  });
});

Deno.test("a step, and so the gradient of relu, is read off the activation's result", () => {
  const g = new Builder();
  const x = g.input("x", [8]);
  g.output("y", g.map("relu", x));
  g.output("step", g.map("step", x));
  checkPass(activation, g.graph(), {
    before: ["%1 float32[8] = relu(x)", "%2 float32[8] = step(x)", "output y = %1", "output step = %2"],
    after: ["%1 float32[8] = relu(x)", "%2 float32[8] = step(%1)", "output y = %1", "output step = %2"],
  });
});

Deno.test("a falling slope turns the sign round: nothing changes", () => {
  const g = new Builder();
  const x = g.input("x", [8]);
  g.output("y", g.map("prelu", x, g.constant(-0.1)));
  g.output("mask", g.map("greater", x, g.constant(0)));
  const lines = [
    "%2 float32[8] = prelu(x, -0.1)",
    "%4 int32[8] = (x > 0)",
    "output y = %2",
    "output mask = %4",
  ];
  checkPass(activation, g.graph(), { before: lines, after: lines });
});
