import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { deviceTest, evaluate } from "../devices.ts";

const EXTENTS: Record<string, number> = { b: 2, h: 3, i: 4, j: 5, d: 2 };
const wave = (shape: readonly number[], phase: number) => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(3 * i + phase)),
});

deviceTest("einsum and its gradient agree with their definition", async (device) => {
  for (const equation of ["bhid,bhjd->bhij", "ij,bd->b", "bij->jb", "bij,bj->bi", "i,j->ij"]) {
    const [left, out] = equation.split("->"), terms = left.split(",");
    const operands = Object.fromEntries(
      terms.map((term, i) => [`x${i}`, wave([...term].map((label) => EXTENTS[label]), i)]),
    );
    const fn = (x: Readonly<Record<string, tf.Tensor>>) => {
      const tensors = Object.values(x);
      const loss = (...x: tf.Tensor[]) => tf.sum(tf.square(tf.einsum(equation, ...x))) as tf.Scalar;
      const gradients = tf.grads(loss)(tensors);
      return {
        y: tf.einsum(equation, ...tensors),
        ...Object.fromEntries(gradients.map((g, i) => [`g${i}`, g])),
      };
    };
    const result = await evaluate(device, operands, fn);
    // By its definition, over all values of all labels.
    const labels = [...new Set(left.replace(",", ""))], sizes = labels.map((label) => EXTENTS[label]);
    const at = (term: string, index: number[]) =>
      [...term].reduce((sum, label) => sum * EXTENTS[label] + index[labels.indexOf(label)], 0);
    const total = sizes.reduce((a, b) => a * b, 1),
      all = Array.from({ length: total }, (_, flat) => {
        const index = sizes.map(() => 0);
        for (let axis = sizes.length - 1, rest = flat; axis >= 0; axis--) {
          index[axis] = rest % sizes[axis];
          rest = Math.floor(rest / sizes[axis]);
        }
        return index;
      });
    const y = result.y.map(() => 0), data = terms.map((_, i) => operands[`x${i}`].data);
    for (const index of all) {
      y[at(out, index)] += terms.reduce((p, term, i) => p * data[i][at(term, index)], 1);
    }
    const gradients = terms.map((_, i) => [...data[i]].map(() => 0));
    for (const index of all) {
      terms.forEach((term, i) => {
        const others = terms.reduce((p, other, k) => (k === i ? p : p * data[k][at(other, index)]), 1);
        gradients[i][at(term, index)] += 2 * y[at(out, index)] * others;
      });
    }
    [y, ...gradients].forEach((expected, which) => {
      const actual = which === 0 ? result.y : result[`g${which - 1}`];
      assert.equal(actual.length, expected.length);
      expected.forEach((value, i) =>
        assert.ok(
          Math.abs(actual[i] - value) < 1e-4 * (1 + Math.abs(value)),
          `${equation}, ${which}: ${actual[i]} for ${value}`,
        )
      );
    });
  }
});
