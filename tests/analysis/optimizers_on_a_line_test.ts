import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { engineAdam } from "../../analysis/engine_adam.ts";
import {
  ABSOLUTE,
  adamSteps,
  descend,
  landscape,
  largestBumpEscaped,
  type LineFunction,
  RELU,
  SIGMOID,
} from "../../analysis/optimizers_on_a_line.ts";

await tf.setBackend("cpu");

const RATE = 0.3;

function near(actual: number, expected: number, tolerance = 1e-12): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected} within ${tolerance}`);
}

function adamEscapes(height: number): boolean {
  return adamSteps(landscape(height), { start: 0, rate: RATE, steps: 10_000 }).some(({ x }) =>
    x >= 1 + height
  );
}

Deno.test("the landscape is continuous, h high and 2h wide, and its slope is its derivative", () => {
  const { value } = landscape(0.5);
  near(value(1) + 0.5, value(1.5)); // h high
  near(value(1), value(2)); // 2h wide
  for (const f of [landscape(0.5), RELU, SIGMOID, ABSOLUTE]) {
    for (const x of [-3.1, -0.4, 0.3, 1.2, 1.7, 4.2]) {
      near((f.value(x + 1e-5) - f.value(x - 1e-5)) / 2e-5, f.slope(x), 1e-9);
    }
    for (const kink of [0, 1, 1.5]) near(f.value(kink - 1e-12), f.value(kink), 1e-11);
  }
});

Deno.test("gradient descent swings between 0.9 and 1.2 on a bump of 0.5", () => {
  const { x } = descend(landscape(0.5), { start: 0, rate: RATE, steps: 100 });
  [0, 0.3, 0.6, 0.9, 1.2, 0.9, 1.2].forEach((expected, t) => near(x[t], expected));
  near(x[99], 0.9);
  near(x[100], 1.2);
});

Deno.test("Adam's first steps by hand, on |x|", () => {
  const [first, second] = adamSteps(ABSOLUTE, { start: 0.1, rate: RATE, steps: 2 });
  assert.deepEqual([first.t, first.g], [1, 1]);
  near(first.m, 0.1);
  near(first.v, 0.001);
  near(first.mHat, 1);
  near(first.vHat, 1);
  near(first.x, -0.2);
  assert.equal(second.g, -1);
  near(second.m, 0.09 - 0.1);
  near(second.mHat, -0.01 / 0.19);
  near(second.vHat, 1);
  near(second.x, -0.2 + 0.3 * 0.01 / 0.19);
});

Deno.test("the largest bump that Adam escapes is 0.41 high: 0.4101 lets it go, 0.4103 does not", () => {
  assert.deepEqual([0.4101, 0.4103].map(adamEscapes), [true, false]);
  const limit = largestBumpEscaped((height) =>
    adamSteps(landscape(height), { start: 0, rate: RATE, steps: 1000 }).map(({ x }) => x)
  );
  assert.equal(limit.toFixed(2), "0.41");
  assert.deepEqual([limit - 1e-6, limit + 2e-6].map(adamEscapes), [true, false]);
  assert.throws(() => largestBumpEscaped(() => [100]), /choose another rate/);
});

Deno.test("0/0 is 0: without a slope so far, Adam stays; with one, it coasts", () => {
  assert.ok(adamSteps(RELU, { start: -1, rate: RATE, steps: 30 }).every(({ x }) => x === -1));
  // Its value for every epsilon above 0.
  assert.ok(
    adamSteps(RELU, { start: -1, rate: RATE, steps: 30, epsilon: 1e-300 }).every(({ x }) => x === -1),
  );
  const [first, second] = adamSteps(RELU, { start: 0.1, rate: RATE, steps: 2 });
  assert.ok(first.x < 0 && second.g === 0 && second.x < first.x);
});

Deno.test("the engine's Adam makes the same steps", () => {
  const onBump = (height: number): [LineFunction, number, (x: tf.Scalar) => tf.Tensor] => {
    const f = landscape(height);
    return [f, 0, (x) => tf.scalar(f.slope(x.dataSync()[0]))];
  };
  const of = (f: (x: tf.Tensor) => tf.Tensor) => (x: tf.Scalar) => tf.grad(f)(x);
  const cases: readonly [LineFunction, number, (x: tf.Scalar) => tf.Tensor][] = [
    onBump(0.41),
    onBump(0.5),
    [RELU, 2, of(tf.relu)],
    [SIGMOID, 2, of(tf.sigmoid)],
    [ABSOLUTE, 2, of(tf.abs)],
  ];
  for (const [f, start, slope] of cases) {
    const engine = engineAdam(slope, { start, rate: RATE, steps: 30 });
    // float32 holds 1 - 0.999 to 6e-5 of itself.
    adamSteps(f, { start, rate: RATE, steps: 30 }).forEach(({ x }, t) => near(engine[t], x, 2e-4));
  }
});
