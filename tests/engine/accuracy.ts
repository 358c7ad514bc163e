/** How near results must come: numbers to numbers, and elementary functions to their definition. */
import assert from "node:assert/strict";
import type { Executor } from "../../engine/executor.ts";
import type { TypedArray } from "../../engine/graph.ts";
import { planMemory } from "../../engine/plan.ts";
import { ELEMENTWISE, type Elementwise } from "../../engine/program.ts";
import { Builder } from "./builder.ts";

/** How far a number may be from what it must be: |difference| <= absolute + relative * |expected|. */
export interface Tolerance {
  readonly absolute: number;
  readonly relative: number;
}
export const EXACT: Tolerance = { absolute: 0, relative: 0 };

/** NaN equals NaN, an infinity only itself. */
export function assertClose(
  actual: TypedArray,
  expected: TypedArray,
  { tolerance, what }: { readonly tolerance: Tolerance; readonly what: string },
): void {
  assert.equal(actual.length, expected.length, `${what}: length`);
  assert.equal(actual.constructor, expected.constructor, `${what}: type`);
  for (let i = 0; i < actual.length; i++) {
    if (Object.is(actual[i], expected[i]) || actual[i] === expected[i]) continue;
    const far = Math.abs(actual[i] - expected[i]);
    if (far <= tolerance.absolute + tolerance.relative * Math.abs(expected[i]) && far < Infinity) continue;
    assert.fail(`${what}: element ${i} of ${actual.length} is ${actual[i]}, must be ${expected[i]}`);
  }
}

/** An operation of one operand, the numbers that it is tried on, and its largest error in units of the last place. */
export type Bound = readonly [op: Elementwise, from: number, to: number, ulp: number];

const SMALLEST = 2 ** -149, SMALLEST_NORMAL = 2 ** -126;
/** The distance from float32 to float32 at `x`. */
function ulp(x: number): number {
  return Math.max(SMALLEST, 2 ** (Math.floor(Math.log2(Math.abs(x))) - 23));
}

/** Numbers between the limits: evenly, and by powers of two towards 0. */
function grid(from: number, to: number): Float32Array {
  const even = Array.from({ length: 60_000 }, (_, i) => from + (to - from) * i / 59_999);
  const scaled = Array.from({ length: 40_000 }, (_, i) => (i % 2 ? to : from) * 2 ** (-i / 150));
  return Float32Array.from([...even, ...scaled]).filter((x) => x >= from && x <= to);
}

/** An operation of one operand on `x`. */
export async function compute(executor: Executor, op: Elementwise, x: Float32Array): Promise<TypedArray> {
  const builder = new Builder();
  builder.output("y", builder.map(op, builder.input("x", [x.length])));
  const executable = await executor.prepare(planMemory(builder.graph()), []);
  await executable.run([x]);
  const [y] = await executable.read();
  executable.dispose();
  return y;
}

/** `flushes`: whether numbers below the normal ones may be taken for 0. */
export async function assertBound(
  executor: Executor,
  [op, from, to, bound]: Bound,
  { flushes }: { readonly flushes: boolean },
): Promise<void> {
  const x = grid(from, to), y = await compute(executor, op, x);
  let worst = 0, at = 0;
  x.forEach((value, i) => {
    const expected = ELEMENTWISE[op].apply(value, 0, 0);
    if (flushes && Math.min(Math.abs(value), Math.abs(expected)) < SMALLEST_NORMAL) return;
    const error = Math.abs(y[i] - expected) / ulp(expected);
    // An expected value beyond float32 must be infinite.
    if (Math.fround(expected) === y[i] || error <= worst) return;
    worst = error;
    at = i;
  });
  assert.ok(worst <= bound, `${op}(${x[at]}) is ${y[at]}: ${worst.toFixed(2)} ulp off`);
}
