import { fold } from "../../../engine/passes/fold.ts";
import { Builder } from "../builder.ts";
import { checkPass } from "./check.ts";

Deno.test("what depends on constants alone is a constant", () => {
  const g = new Builder();
  const x = g.input("x", [3]);
  g.output("y", g.map("mul", x, g.map("add", g.constant(2), g.constant(3))));
  checkPass(fold, g.graph(), {
    before: ["%3 float32[] = (2 + 3)", "%4 float32[3] = (x * %3)", "output y = %4"],
    after: ["%4 float32[3] = (x * 5)", "output y = %4"],
  });
});

Deno.test("arithmetic with constants is simplified where that gives the same bits", () => {
  const g = new Builder();
  const x = g.input("x", [3]), c = (number: number) => g.constant(number);
  g.output("times one", g.map("neg", g.map("mul", c(1), x)));
  g.output("minus zero", g.map("neg", g.map("sub", x, c(0))));
  g.output("plus zero", g.map("neg", g.map("add", x, c(0))));
  g.output("plus minus zero", g.map("neg", g.map("add", x, c(-0))));
  g.output("eighth", g.map("div", x, c(8)));
  g.output("third", g.map("div", x, c(3)));
  g.output("square", g.map("pow", x, c(2)));
  g.output("negative", g.map("mul", x, c(-1)));
  g.output("chosen", g.map("neg", g.map("select", c(0), x, x)));
  g.output("same type", g.map("neg", g.map("to_float32", x)));
  g.output("to another type", g.map("to_int32", x));
  checkPass(fold, g.graph(), {
    before: [
      "%2 float32[3] = (1 * x)",
      "%3 float32[3] = neg(%2)",
      "%5 float32[3] = (x - 0)",
      "%6 float32[3] = neg(%5)",
      "%8 float32[3] = (x + 0)",
      "%9 float32[3] = neg(%8)",
      "%11 float32[3] = (x + -0)",
      "%12 float32[3] = neg(%11)",
      "%14 float32[3] = (x / 8)",
      "%16 float32[3] = (x / 3)",
      "%18 float32[3] = pow(x, 2)",
      "%20 float32[3] = (x * -1)",
      "%22 float32[3] = select(0, x, x)",
      "%23 float32[3] = neg(%22)",
      "%24 float32[3] = to_float32(x)",
      "%25 float32[3] = neg(%24)",
      "%26 int32[3] = to_int32(x)",
      "output times one = %3",
      "output minus zero = %6",
      "output plus zero = %9",
      "output plus minus zero = %12",
      "output eighth = %14",
      "output third = %16",
      "output square = %18",
      "output negative = %20",
      "output chosen = %23",
      "output same type = %25",
      "output to another type = %26",
    ],
    after: [
      "%2 float32[3] = x",
      "%3 float32[3] = neg(%2)",
      "%5 float32[3] = x",
      "%6 float32[3] = neg(%5)",
      "%8 float32[3] = (x + 0)",
      "%9 float32[3] = neg(%8)",
      "%11 float32[3] = x",
      "%12 float32[3] = neg(%11)",
      "%14 float32[3] = (x * 0.125)",
      "%16 float32[3] = (x / 3)",
      "%18 float32[3] = square(x)",
      "%20 float32[3] = neg(x)",
      "%22 float32[3] = x",
      "%23 float32[3] = neg(%22)",
      "%24 float32[3] = x",
      "%25 float32[3] = neg(%24)",
      "%26 int32[3] = to_int32(x)",
      "output times one = %3",
      "output minus zero = %6",
      "output plus zero = %9",
      "output plus minus zero = %12",
      "output eighth = %14",
      "output third = %16",
      "output square = %18",
      "output negative = %20",
      "output chosen = %23",
      "output same type = %25",
      "output to another type = %26",
    ],
  });
});

Deno.test("a broadcast of a constant stays a broadcast", () => {
  const g = new Builder();
  g.output("y", g.copy(g.constant(2), [2, 2], [0, 0]));
  checkPass(fold, g.graph(), {
    before: ["%1 float32[2,2] = copy(2, offset: 0, strides: [0,0])", "output y = %1"],
    after: ["%1 float32[2,2] = copy(2, offset: 0, strides: [0,0])", "output y = %1"],
  });
});
