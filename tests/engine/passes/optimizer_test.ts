import { optimizer } from "../../../engine/passes/optimizer.ts";
import { Builder } from "../builder.ts";
import { checkPass } from "./check.ts";

Deno.test("equal updates of unlike variables are one node", () => {
  const g = new Builder();
  const rate = g.input("rate", []);
  const program = {
    operands: 3,
    instructions: [{ op: "mul", args: [1, 2], dtype: "float32" }, {
      op: "sub",
      args: [0, 3],
      dtype: "float32",
    }],
    results: [4],
  } as const;
  for (const [name, shape] of [["bias", [2]], ["kernel", [3, 2]]] as const) {
    const variable = g.variable(shape, name), gradient = g.map("neg", g.input(`d ${name}`, shape));
    g.update(variable, g.program(program, [variable, rate, gradient]));
  }
  checkPass(optimizer, g.graph(), {
    before: [
      "%3 float32[2] = neg(d bias)",
      "%4 float32[2] = (bias - (rate * %3))",
      "%7 float32[3,2] = neg(d kernel)",
      "%8 float32[3,2] = (kernel - (rate * %7))",
      "bias <- %4",
      "kernel <- %8",
    ],
    after: [
      "%3 float32[2] = neg(d bias)",
      "%7 float32[3,2] = neg(d kernel)",
      "%8 float32[3,2] = 2 maps, first: (kernel - (rate * %7))",
      "bias <- %4",
      "kernel <- %8",
    ],
  });
});

Deno.test("updates that need one another stay apart", () => {
  const g = new Builder();
  const v = g.variable([2], "v"), w = g.variable([2], "w"), doubled = g.map("add", v, v);
  g.update(v, doubled);
  g.update(w, g.map("add", doubled, doubled));
  const lines = ["%2 float32[2] = (v + v)", "%3 float32[2] = (%2 + %2)", "v <- %2", "w <- %3"];
  checkPass(optimizer, g.graph(), { before: lines, after: lines });
});
