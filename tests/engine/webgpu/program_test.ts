import type { DType, TypedArray } from "../../../engine/graph.ts";
import { ELEMENTWISE, type Elementwise } from "../../../engine/program.ts";
import type { Tolerance } from "../accuracy.ts";
import { Builder } from "../builder.ts";
import { assertLikeReference, gpuTest } from "./gpu.ts";

const FLOATS = Float32Array.of(
  ...[0, -0, 1, -1, 0.5, -0.5, 1.5, -1.5, 2, -2, 2.5, -2.5, 3, -3, 7, -7, 0.1, -0.1, 1e-4, -1e-4, 1e-20],
  ...[0.3, -0.3, 0.49, 0.51, -0.49, -0.51, 0.7, -0.99, 0.99, 5.9, 12, -12, 19, 21, -21, 40, -40, 80, -80],
  ...[100, -100, 1000, -1000, 1e6, -1e6, 1e10, -1e10, Infinity, -Infinity, NaN],
);
const INTS = Int32Array.of(
  0,
  1,
  -1,
  2,
  -2,
  3,
  -3,
  7,
  -7,
  10,
  -10,
  46341,
  -46341,
  2147483647,
  -2147483648,
);

/** Every pair of the values, as two arrays. */
function pairs<T extends TypedArray>(values: T): [T, T] {
  const from = Array.from(values), make = values.constructor as unknown as { from(list: number[]): T };
  return [make.from(from.flatMap((x) => from.map(() => x))), make.from(from.flatMap(() => from))];
}

function toleranceOf(op: Elementwise): Tolerance {
  // The remainder's error is that of the dividend.
  if (op === "mod") return { absolute: 5e-4, relative: 1e-5 };
  if (op === "pow") return { absolute: 1e-30, relative: 2e-5 };
  return { absolute: op === "erf" ? 3e-6 : 1e-6, relative: 3e-5 };
}

/** A graph of all operations of one arity on values of one type, each an output. */
function everyOperation(ops: readonly Elementwise[], operands: readonly TypedArray[], dtype: DType) {
  const builder = new Builder();
  const inputs = operands.map((data, i) => builder.input(`x${i}`, [data.length], dtype));
  for (const op of ops) builder.output(op, builder.map(op, ...inputs));
  return builder.graph();
}

const ofArity = (arity: number) =>
  (Object.keys(ELEMENTWISE) as Elementwise[]).filter((op) => ELEMENTWISE[op].arity === arity);

gpuTest(
  "WGSL: every operation of one float agrees with its definition, extremes included",
  async (executor) => {
    for (const op of ofArity(1)) {
      for (const data of [FLOATS, FLOATS.slice(6, 9)]) {
        const graph = everyOperation([op], [data], "float32");
        await assertLikeReference(executor, graph, { inputs: [data], tolerance: toleranceOf(op), what: op });
      }
    }
  },
);

gpuTest(
  "WGSL: every operation of two floats agrees with its definition, extremes included",
  async (executor) => {
    for (const op of ofArity(2)) {
      let [x, y] = pairs(FLOATS.filter((x) => !(Math.abs(x) >= 1e10 && Number.isFinite(x))));
      if (op === "mod" || op === "floor_div") {
        // A quotient that float32 cannot tell from an integer may be rounded to it.
        const keep = Array.from(x, (_, i) => {
          const quotient = x[i] / y[i], off = Math.abs(quotient - Math.round(quotient));
          return Math.abs(quotient) < 1e3 && Math.abs(x[i]) > 1e-10 &&
            (off === 0 || off > 1e-6 * (1 + Math.abs(quotient)));
        });
        [x, y] = [x.filter((_, i) => keep[i]), y.filter((_, i) => keep[i])];
      }
      const graph = everyOperation([op], [x, y], "float32");
      await assertLikeReference(executor, graph, { inputs: [x, y], tolerance: toleranceOf(op), what: op });
    }
  },
);

gpuTest("WGSL: operations of ints agree with their definition", async (executor) => {
  const one: Elementwise[] = [
    "neg",
    "abs",
    "sign",
    "step",
    "square",
    "relu",
    "relu6",
    "not",
    "to_bool",
    "to_float32",
  ];
  const two = ofArity(2).filter((op) => !["atan2"].includes(op));
  await assertLikeReference(executor, everyOperation(one, [INTS], "int32"), { inputs: [INTS], what: "ints" });
  const [x, y] = pairs(INTS);
  for (const op of two) {
    const graph = everyOperation([op], [x, y], "int32");
    await assertLikeReference(executor, graph, { inputs: [x, y], what: `int ${op}` });
  }
});

gpuTest("WGSL: select and conversions mix types", async (executor) => {
  const builder = new Builder();
  const x = builder.input("x", [5]), i = builder.input("i", [5], "int32");
  builder.output("select", builder.map("select", i, x, builder.map("neg", x)));
  builder.output("to_int32", builder.map("to_int32", x));
  builder.output("to_float32", builder.map("to_float32", i));
  builder.output("greater", builder.map("greater", x, i));
  await assertLikeReference(executor, builder.graph(), {
    inputs: [Float32Array.of(1.7, -1.7, 0, 1e6, -0.2), Int32Array.of(0, 1, -5, 0, 3)],
    what: "mixed types",
  });
});
