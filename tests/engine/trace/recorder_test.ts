import assert from "node:assert/strict";
import { broadcastShapes, Recorder, stridesOf } from "../../../engine/trace/recorder.ts";

const start = () => new Recorder({ places: false });

Deno.test("equal small constants are held once, by shape, type and sign of zero", () => {
  const recorder = start();
  const values = [
    recorder.scalar(1, "float32"),
    recorder.scalar(1, "float32"),
    recorder.scalar(1, "int32"),
    recorder.constant([1], [1], "float32"),
    recorder.scalar(0, "float32"),
    recorder.scalar(-0, "float32"),
    recorder.constant([1, 2], [2], "float32"),
    recorder.constant([1, 2], [2], "float32"),
  ].map(({ value }) => value);
  assert.equal(values[0], values[1]);
  assert.equal(values[6], values[7]);
  assert.equal(recorder.residents.length, 6);
});

Deno.test("a large tensor of one number is held as that number, and maps read the number", () => {
  const recorder = start(), x = recorder.input("x", [100], "float32");
  const ones = recorder.constant(new Float32Array(100).fill(1), [100], "float32");
  const sum = recorder.map("add", [x, ones], "float32");
  assert.deepEqual(recorder.residents.map(({ data }) => data), [Float32Array.of(1)]);
  assert.deepEqual(recorder.nodes[0].op, { kind: "copy", offset: 0, strides: [0] });
  assert.deepEqual(recorder.nodes[1].inputs, [x.value, recorder.residents[0].value]);
  assert.deepEqual(sum.value.shape, [100]);
  assert.deepEqual(recorder.elements(ones), new Float32Array(100).fill(1));
  assert.equal(recorder.elements(sum), undefined);
});

Deno.test("moving elements is a copy by strides, and nothing where nothing moves", () => {
  const recorder = start(), x = recorder.input("x", [2, 3, 4], "float32");
  assert.equal(recorder.transpose(x, [0, 1, 2]), x);
  assert.equal(recorder.slice(x, [0, 0, 0], [2, 3, 4]), x);
  assert.equal(recorder.reshape(x, [2, 3, 4]), x);
  assert.equal(recorder.broadcast(x, [2, 3, 4]), x);
  assert.equal(recorder.nodes.length, 0);
  recorder.transpose(x, [2, 0, 1]);
  recorder.slice(x, [1, 0, 2], [1, 2, 2]);
  recorder.broadcast(recorder.input("y", [3, 1], "float32"), [2, 3, 4]);
  assert.deepEqual(recorder.nodes.map(({ op }) => op), [
    { kind: "copy", offset: 0, strides: [1, 12, 4] },
    { kind: "copy", offset: 14, strides: [12, 4, 1] },
    { kind: "copy", offset: 0, strides: [0, 1, 0] },
  ]);
});

Deno.test("a bool is an integer of 0 and 1", () => {
  const recorder = start(), x = recorder.input("x", [2], "float32");
  const truth = recorder.cast(x, "bool");
  assert.equal(truth.value.dtype, "int32");
  assert.equal(recorder.cast(truth, "int32").value, truth.value);
  assert.equal(recorder.nodes.length, 1);
});

Deno.test("tensors that do not fit are not joined, be they empty", () => {
  const recorder = start();
  const x = recorder.input("x", [1, 1, 3], "float32"), empty = recorder.input("y", [1, 0, 4], "float32");
  assert.throws(() => recorder.concat([x, empty], 1), /the inputs must be alike but for axis 1/);
});

Deno.test("shapes broadcast at the last axis, or not at all", () => {
  assert.deepEqual(broadcastShapes([[3, 1], [2, 1, 4], []]), [2, 3, 4]);
  assert.deepEqual(broadcastShapes([]), []);
  assert.deepEqual(broadcastShapes([[0], [1]]), [0]);
  assert.throws(() => broadcastShapes([[2], [3]]), /axes must agree or be 1: current value is \[2\], \[3\]/);
  assert.deepEqual(stridesOf([2, 3, 4]), [12, 4, 1]);
});
