import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-wasm";
import { stream } from "../../base/random.ts";
import { bernoulli, categorical, dropout, normal, uniform } from "../../engine/random.ts";
import { interpret } from "../../engine/reference.ts";
import { trace } from "../../engine/trace/trace.ts";

await tf.setBackend("cpu");

const random = stream(7).fork("draws");
const at = (step: number) => ({ random, counter: tf.scalar(step, "int32") });

Deno.test("uniform gives the stream's numbers of the step that the counter names", () => {
  const source = random.at(12);
  const expected = Float32Array.from({ length: 10 }, () => source.uniform());
  assert.deepEqual(uniform([2, 5], at(12)).dataSync(), expected);
  assert.notDeepEqual(uniform([2, 5], at(13)).dataSync(), expected);
});

Deno.test("normal has mean 0 and variance 1", () => {
  const numbers = normal([10001], at(1));
  const { mean, variance } = tf.moments(numbers);
  assert.ok(Math.abs(mean.dataSync()[0]) < 0.04, `${mean}`);
  assert.ok(Math.abs(variance.dataSync()[0] - 1) < 0.05, `${variance}`);
});

Deno.test("dropout drops its rate and keeps the mean", () => {
  const kept = dropout(tf.ones([10000]), 0.3, at(2)).dataSync();
  const zeros = kept.filter((value) => value === 0).length / kept.length;
  assert.ok(Math.abs(zeros - 0.3) < 0.02, `${zeros}`);
  assert.ok(kept.every((value) => value === 0 || Math.abs(value - 1 / 0.7) < 1e-6));
  assert.throws(() => dropout(tf.ones([2]), 1, at(2)), /rate must be in 0\.\.1, below 1: current value is 1/);
});

Deno.test("dropout passes the gradient of what it keeps", () => {
  const x = tf.ones([50]), draw = at(3);
  const slope = tf.grad((y) => dropout(y, 0.5, draw))(x);
  assert.deepEqual(slope.dataSync(), dropout(x, 0.5, draw).dataSync());
});

Deno.test("categorical draws each class as often as softmax says, and never an impossible one", () => {
  const probabilities = [0.5, 0.2, 0.3];
  const logits = tf.tile(tf.tensor2d([[...probabilities.map(Math.log), -Infinity]]), [
    20000,
    1,
  ]) as tf.Tensor2D;
  const draws = categorical(logits, at(4)).dataSync();
  for (const [value, probability] of [...probabilities, 0].entries()) {
    const share = draws.filter((drawn) => drawn === value).length / draws.length;
    assert.ok(Math.abs(share - probability) < 0.012, `${value}: ${share}`);
  }
});

Deno.test("a counter that no compiled function can be given is refused", () => {
  const counter = tf.scalar(1) as tf.Scalar;
  assert.throws(
    () => uniform([2], { random, counter }),
    /counter must be an int32 scalar: current value is float32/,
  );
});

function everything(counter: tf.Scalar): Record<string, tf.Tensor> {
  const draw = (label: string) => ({ random: random.fork(label), counter });
  const logits = tf.reshape(tf.linspace(-1, 2, 15), [5, 3]) as tf.Tensor2D;
  return {
    uniform: uniform([3, 3], draw("uniform")),
    normal: normal([7], draw("normal")),
    bernoulli: bernoulli([9], 0.4, draw("bernoulli")),
    categorical: categorical(logits, draw("categorical")),
    slope: tf.grad((x) =>
      tf.mul(x, tf.cast(categorical(x as tf.Tensor2D, draw("slope")), "float32").expandDims(1))
    )(
      logits,
    ),
  };
}

for (const backend of ["cpu", "wasm"]) {
  Deno.test(`a traced function draws what the ${backend} backend draws`, async () => {
    const { graph } = trace(({ counter }) => everything(counter as tf.Scalar), {
      counter: { shape: [], dtype: "int32" },
    });
    await tf.setBackend(backend);
    assert.equal(tf.getBackend(), backend);
    for (const step of [0, 1, -5]) {
      const { outputs } = interpret(graph, [Int32Array.of(step)]);
      const eager = tf.tidy(() =>
        Object.values(everything(tf.scalar(step, "int32"))).map((tensor) => Array.from(tensor.dataSync()))
      );
      eager.forEach((expected, index) => {
        expected.forEach((value, place) => {
          assert.ok(Math.abs(outputs[index][place] - value) < 1e-6, `${graph.outputs[index].name}[${place}]`);
        });
      });
    }
    await tf.setBackend("cpu");
  });
}
