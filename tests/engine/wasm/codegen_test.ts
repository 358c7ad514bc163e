import assert from "node:assert/strict";
import type { Executor } from "../../../engine/executor.ts";
import type { Program, TypedArray } from "../../../engine/graph.ts";
import { planMemory } from "../../../engine/plan.ts";
import { openWasm } from "../../../engine/wasm/executor.ts";
import { Builder } from "../builder.ts";
import { Devices, numbers } from "./compare.ts";

/** Shorter than the four vectors that programs with copied functions take at a time, as long, and longer by a little. */
const LENGTHS = [1, 3, 4, 5, 12, 15, 16, 17, 19, 20, 31, 32, 33, 64, 67];

/**
 * Of a row, a number and whole numbers: functions of each and of another function's value, two results, one of them
 * whole, an operation between that all need, and functions that are called rather than copied.
 */
const MIXED: Program = {
  operands: 3,
  instructions: [
    { op: "exp", args: [0], dtype: "float32" }, // 3
    { op: "tanh", args: [1], dtype: "float32" },
    { op: "sigmoid", args: [2], dtype: "float32" },
    { op: "mul", args: [3, 4], dtype: "float32" }, // 6
    { op: "erf", args: [6], dtype: "float32" },
    { op: "atan2", args: [7, 5], dtype: "float32" },
    { op: "sin", args: [8], dtype: "float32" }, // 9
    { op: "abs", args: [0], dtype: "float32" },
    { op: "log", args: [10], dtype: "float32" },
    { op: "add", args: [9, 11], dtype: "float32" }, // 12
    { op: "exp", args: [2], dtype: "int32" },
  ],
  results: [12, 13, 3],
};

function mixed(builder: Builder, inputs: Parameters<Builder["node"]>[1]) {
  return builder.node({ kind: "maps", program: MIXED, count: 1 }, inputs);
}

async function run(device: Executor, data: readonly [Float32Array, Float32Array, Int32Array]) {
  const builder = new Builder(), [{ length }] = data;
  const inputs = [
    builder.input("x", [length]),
    builder.input("s", []),
    builder.input("i", [length], "int32"),
  ];
  mixed(builder, inputs).forEach((value, i) => builder.output(`y${i}`, value));
  const executable = await device.prepare(planMemory(builder.graph()), []);
  await executable.run(data);
  const results: TypedArray[] = await executable.read();
  executable.dispose();
  return results;
}

Deno.test("programs with functions equal the reference whatever the length of a row", async () => {
  await using devices = await Devices.open();
  for (const n of LENGTHS) {
    // Of rows apart, of which the second operand has one number each, and of one long row.
    await devices.check(
      `5 rows of ${n}`,
      { relative: 1e-5, absolute: 1e-5 },
      (builder, input) =>
        mixed(builder, [
          input(numbers([5, n]), [5, n]),
          input(numbers([5, 1]), [5, 1]),
          input(numbers([n], "int32"), [n]),
        ]),
    );
  }
});

for (const relaxed of [true, false]) {
  Deno.test(`an element's value does not depend on its place in the row, fused or not (${relaxed})`, async () => {
    await using device = await openWasm({ threads: 1, relaxed });
    for (const n of LENGTHS) {
      // Three numbers in turn meet every place in a vector and among vectors.
      const results = await run(device, [
        Float32Array.from({ length: n }, (_, i) => [0.3, -1.7, 2.9][i % 3]),
        Float32Array.of(0.7),
        Int32Array.from({ length: n }, (_, i) => [1, -2, 3][i % 3]),
      ]);
      for (const y of results) {
        y.forEach((value, i) =>
          assert.ok(Object.is(value, y[i % 3]), `element ${i} of ${n}: ${value}, ${y[i % 3]}`)
        );
      }
      assert.deepEqual(
        [...results[1].slice(0, 3)],
        [2, 0, 20].slice(0, n),
        "e, e^-2 and e^3 as whole numbers",
      );
    }
  });
}

Deno.test("results may take the place of operands", async () => {
  await using devices = await Devices.open();
  for (const n of LENGTHS) {
    // What is in a value's place is last needed where the next takes it.
    await devices.check(`${n}`, { relative: 1e-5, absolute: 1e-5 }, (builder, input) => {
      let value = input(numbers([n]), [n]);
      for (const op of ["tanh", "exp", "erf", "sigmoid"] as const) value = builder.map(op, value);
      return [value];
    });
  }
});
