import { fuse } from "../../../engine/passes/fuse.ts";
import { prune } from "../../../engine/passes/prune.ts";
import { Builder } from "../builder.ts";
import { checkPass } from "./check.ts";

/** What has moved into its readers is dropped. */
const fused: typeof fuse = (graph) => prune(fuse(graph));

Deno.test("a chain of maps becomes one, and moves into the reduction that reads it", () => {
  const g = new Builder();
  const x = g.input("x", [4, 3]), row = g.input("row", [3]);
  const z = g.map("exp", g.map("add", x, row));
  g.output("y", g.map("tanh", g.map("neg", x)));
  g.output("sum", g.sum(z, [0]));
  checkPass(fused, g.graph(), {
    before: [
      "%2 float32[4,3] = (x + row)",
      "%3 float32[4,3] = exp(%2)",
      "%4 float32[4,3] = neg(x)",
      "%5 float32[4,3] = tanh(%4)",
      "%6 float32[3] = sum over 0 of [4,3] %3",
      "output y = %5",
      "output sum = %6",
    ],
    after: [
      "%5 float32[4,3] = tanh(neg(x))",
      "%6 float32[3] = sum over 0 of [4,3] exp((x + row))",
      "output y = %5",
      "output sum = %6",
    ],
  });
});

Deno.test("what several nodes read is repeated only where it is cheap", () => {
  const g = new Builder();
  const x = g.input("x", [4, 3]), mask = g.map("greater", x, g.constant(0)), z = g.map("exp", x);
  g.output("a", g.map("to_float32", mask));
  g.output("b", g.map("select", mask, x, z));
  g.output("c", g.map("neg", z));
  checkPass(fused, g.graph(), {
    before: [
      "%2 int32[4,3] = (x > 0)",
      "%3 float32[4,3] = exp(x)",
      "%4 float32[4,3] = to_float32(%2)",
      "%5 float32[4,3] = select(%2, x, %3)",
      "%6 float32[4,3] = neg(%3)",
      "output a = %4",
      "output b = %5",
      "output c = %6",
    ],
    after: [
      "%3 float32[4,3] = exp(x)",
      "%4 float32[4,3] = to_float32((x > 0))",
      "%5 float32[4,3] = select((x > 0), x, %3)",
      "%6 float32[4,3] = neg(%3)",
      "output a = %4",
      "output b = %5",
      "output c = %6",
    ],
  });
});

Deno.test("what is costly is not repeated along a broadcast", () => {
  const g = new Builder();
  const x = g.input("x", [4, 3]), rate = g.input("rate", []);
  g.output("costly", g.map("mul", x, g.map("exp", rate)));
  g.output("cheap", g.map("mul", x, g.map("neg", rate)));
  checkPass(fused, g.graph(), {
    before: [
      "%2 float32[] = exp(rate)",
      "%3 float32[4,3] = (x * %2)",
      "%4 float32[] = neg(rate)",
      "%5 float32[4,3] = (x * %4)",
      "output costly = %3",
      "output cheap = %5",
    ],
    after: [
      "%2 float32[] = exp(rate)",
      "%3 float32[4,3] = (x * %2)",
      "%5 float32[4,3] = (x * neg(rate))",
      "output costly = %3",
      "output cheap = %5",
    ],
  });
});

Deno.test("programs stay within what executors can run", () => {
  const g = new Builder();
  const terms = Array.from({ length: 20 }, (_, i) => g.input(`x${i}`, [2]));
  g.output("y", terms.reduce((sum, term) => g.map("sub", sum, term)));
  checkPass(fused, g.graph(), {
    before: [
      "%20 float32[2] = (x0 - x1)",
      "%21 float32[2] = (%20 - x2)",
      "%22 float32[2] = (%21 - x3)",
      "%23 float32[2] = (%22 - x4)",
      "%24 float32[2] = (%23 - x5)",
      "%25 float32[2] = (%24 - x6)",
      "%26 float32[2] = (%25 - x7)",
      "%27 float32[2] = (%26 - x8)",
      "%28 float32[2] = (%27 - x9)",
      "%29 float32[2] = (%28 - x10)",
      "%30 float32[2] = (%29 - x11)",
      "%31 float32[2] = (%30 - x12)",
      "%32 float32[2] = (%31 - x13)",
      "%33 float32[2] = (%32 - x14)",
      "%34 float32[2] = (%33 - x15)",
      "%35 float32[2] = (%34 - x16)",
      "%36 float32[2] = (%35 - x17)",
      "%37 float32[2] = (%36 - x18)",
      "%38 float32[2] = (%37 - x19)",
      "output y = %38",
    ],
    after: [
      "%34 float32[2] = (((((((((((((((x0 - x1) - x2) - x3) - x4) - x5) - x6) - x7) - x8) - x9) - x10) - x11) - x12) - x13) - x14) - x15)",
      "%38 float32[2] = ((((%34 - x16) - x17) - x18) - x19)",
      "output y = %38",
    ],
  });
});

Deno.test("a mean that is broadcast is scaled where it is read", () => {
  const g = new Builder();
  const x = g.input("x", [4, 3]), mean = g.reshape(g.map("mul", g.sum(x, [1]), g.constant(1 / 3)), [4, 1]);
  g.output("centred", g.map("sub", x, mean));
  checkPass(fused, g.graph(), {
    before: [
      "%1 float32[4] = sum over 1 of [4,3] x",
      "%3 float32[4] = (%1 * 0.3333333)",
      "%4 float32[4,1] = reshape(%3)",
      "%5 float32[4,3] = (x - %4)",
      "output centred = %5",
    ],
    after: [
      "%1 float32[4] = sum over 1 of [4,3] x",
      "%6 float32[4,1] = reshape(%1)",
      "%5 float32[4,3] = (x - (%6 * 0.3333333))",
      "output centred = %5",
    ],
  });
});
