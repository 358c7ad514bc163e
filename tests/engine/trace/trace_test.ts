import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { stream } from "../../../base/random.ts";
import type { InputSpecs } from "../../../engine/device.ts";
import { sizeOf, type TypedArray } from "../../../engine/graph.ts";
import { infer } from "../../../engine/kernels/mod.ts";
import { optimize } from "../../../engine/passes/mod.ts";
import { interpret } from "../../../engine/reference.ts";
import { trace } from "../../../engine/trace/trace.ts";
import { type Operand, type Program, PROGRAMS } from "./programs.ts";

await tf.setBackend("cpu");

interface Named {
  readonly shape: readonly number[];
  readonly dtype: "float32" | "int32";
  readonly data: TypedArray;
}

/** Numbers for an operand; equal places give equal numbers. */
function draw(operand: Operand, place: number): Named {
  const random = stream(place).fork("operand");
  if (!("low" in operand)) return draw({ shape: operand, low: -2, high: 2 }, place);
  const { shape, dtype = "float32", low, high } = operand, size = sizeOf(shape);
  const data = dtype === "int32"
    ? Int32Array.from({ length: size }, () => low + random.integer(high - low))
    : Float32Array.from({ length: size }, () => low + (high - low) * random.uniform());
  return { shape, dtype, data };
}

const outputsOf = (result: tf.Tensor | tf.Tensor[]) => Array.isArray(result) ? result : [result];

/** The gradient of a program's outputs, each weighted element by element, with respect to its float operands. */
function gradient({ operands, run }: Program): (...x: tf.Tensor[]) => tf.Tensor[] {
  return (...x) =>
    tf.grads((...given: tf.Tensor[]) => {
      const [output] = outputsOf(run(...given));
      const weights = tf.reshape(tf.linspace(-1, 2, output.size), output.shape);
      return tf.sum(tf.mul(tf.cast(output, "float32"), weights));
    })(x.slice(0, operands.length));
}

function close(actual: number, expected: number): boolean {
  if (Object.is(actual, expected) || actual === expected) return true;
  return Math.abs(actual - expected) <= 3e-5 + 3e-5 * Math.abs(expected);
}

/** Traces `run`, interprets the graph, and compares every output with what tfjs computes. */
function compare(name: string, operands: readonly Operand[], run: (...x: tf.Tensor[]) => tf.Tensor[]): void {
  const data = operands.map(draw);
  const eager = tf.tidy(() =>
    run(...data.map(({ data, shape, dtype }) => tf.tensor(data, [...shape], dtype))).map((tensor) => ({
      shape: tensor.shape,
      dtype: tensor.dtype,
      data: tensor.dataSync(),
    }))
  );
  const specs: InputSpecs = Object.fromEntries(data.map((operand, index) => [`x${index}`, operand]));
  const { graph } = trace((inputs) => {
    const outputs = run(...data.map((_, index) => inputs[`x${index}`]));
    return Object.fromEntries(outputs.map((tensor, index) => [`y${index}`, tensor]));
  }, specs);
  for (const { op, inputs, outputs } of graph.nodes) {
    const inferred = infer(op, inputs, outputs[0].shape);
    assert.deepEqual(inferred, outputs.map(({ shape, dtype }) => ({ shape, dtype })), `${name}: ${op.kind}`);
  }
  for (const variant of [graph, optimize(graph)]) {
    const { outputs } = interpret(variant, data.map((operand) => operand.data));
    assert.equal(outputs.length, eager.length);
    eager.forEach(({ shape, dtype, data: expected }, index) => {
      const { value } = variant.outputs[index];
      assert.deepEqual(value.shape, shape, `${name}: shape of output ${index}`);
      assert.equal(
        value.dtype,
        dtype === "float32" ? "float32" : "int32",
        `${name}: type of output ${index}`,
      );
      expected.forEach((number, at) => {
        const actual = outputs[index][at];
        assert.ok(close(actual, number), `${name}: output ${index}[${at}] is ${actual} instead of ${number}`);
      });
    });
  }
}

for (const program of PROGRAMS) {
  Deno.test(`trace ${program.name}`, () => {
    const before = tf.memory().numTensors;
    compare(program.name, program.operands, (...x) => outputsOf(program.run(...x)));
    if (program.differentiable) compare(`gradient of ${program.name}`, program.operands, gradient(program));
    assert.equal(tf.memory().numTensors, before, "tensors leaked");
  });
}

// tfjs's CPU backend reads the wrong image's gradient for all but the first of a batch.
Deno.test("trace gradient of upsampling a batch: each pixel gets the sum of its copies", () => {
  const weights = Float32Array.from({ length: 2 * 4 * 6 }, (_, index) => index * index % 17);
  const { graph } = trace(({ x }) => ({
    slope: tf.grad((image) =>
      tf.sum(
        tf.mul(
          tf.image.resizeNearestNeighbor(image as tf.Tensor4D, [4, 6]),
          tf.tensor4d(weights, [2, 4, 6, 1]),
        ),
      )
    )(x),
  }), { x: { shape: [2, 2, 3, 1] } });
  const expected = Float32Array.from({ length: 12 }, (_, index) => {
    const corner = 24 * Math.floor(index / 6) + 12 * (Math.floor(index / 3) % 2) + 2 * (index % 3);
    return weights[corner] + weights[corner + 1] + weights[corner + 6] + weights[corner + 7];
  });
  assert.deepEqual(interpret(graph, [new Float32Array(12)]).outputs, [expected]);
});
