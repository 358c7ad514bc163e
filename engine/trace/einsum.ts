/** Sums of products by subscripts, and their gradient, which tfjs lacks. */
import * as tf from "@tensorflow/tfjs";
import { sizeOf } from "../graph.ts";
import { kernel, type TraceKernel } from "./kernel.ts";
import { matmul } from "./matmul.ts";
import type { Recorder, Traced } from "./recorder.ts";

/** "ab,bc->ac": the subscripts of the operands, and of the result. */
function termsOf(equation: string): { readonly inputs: readonly string[]; readonly output: string } {
  const [inputs, output] = equation.replace(/\s/g, "").split("->");
  return { inputs: inputs.split(","), output };
}

/** x, whose axes are called `term`, with the axes `kept` in that order; the others are summed. */
function arrange(recorder: Recorder, x: Traced, term: string, kept: string): Traced {
  const axes = [...term].flatMap((label, axis) => (kept.includes(label) ? [] : [axis]));
  const left = [...term].filter((label) => kept.includes(label)).join("");
  const summed = axes.length === 0 ? x : recorder.reduce("sum", x, { axes, keepDims: false });
  return recorder.transpose(summed, [...kept].map((label) => left.indexOf(label)));
}

function einsum(recorder: Recorder, operands: readonly Traced[], equation: string): Traced {
  const { inputs, output } = termsOf(equation), extents = new Map<string, number>();
  const { allDims, idDims } = tf.backend_util.decodeEinsumEquation(equation, operands.length);
  const shapes = operands.map(({ value }) => ({ shape: [...value.shape] }) as unknown as tf.Tensor);
  tf.backend_util.checkEinsumDimSizes(allDims.length, idDims, shapes);
  inputs.forEach((term, i) =>
    [...term].forEach((label, axis) => extents.set(label, operands[i].value.shape[axis]))
  );
  const shapeOf = (labels: string) => [...labels].map((label) => extents.get(label)!);
  if (operands.length === 1) return arrange(recorder, operands[0], inputs[0], output);
  const [a, b] = inputs;
  const pick = (from: string, holds: (label: string) => boolean) => [...from].filter(holds).join("");
  const batch = pick(a, (label) => b.includes(label) && output.includes(label));
  const inner = pick(a, (label) => b.includes(label) && !output.includes(label));
  const rows = pick(a, (label) => !b.includes(label) && output.includes(label));
  const columns = pick(b, (label) => !a.includes(label) && output.includes(label));
  const [count, m, k, n] = [batch, rows, inner, columns].map((labels) => sizeOf(shapeOf(labels)));
  const left = recorder.reshape(arrange(recorder, operands[0], a, batch + rows + inner), [count, m, k]);
  const right = recorder.reshape(arrange(recorder, operands[1], b, batch + inner + columns), [count, k, n]);
  const product = recorder.reshape(matmul(recorder, left, right), shapeOf(batch + rows + columns));
  return arrange(recorder, product, batch + rows + columns, output);
}

tf.registerGradient({
  kernelName: "Einsum",
  saveAllInputs: true,
  gradFunc: (dy, saved, attributes) => {
    const { inputs, output } = termsOf((attributes as unknown as { equation: string }).equation);
    return Object.fromEntries(inputs.map((term, i) => {
      const other = inputs.length === 2 ? inputs[1 - i] : undefined;
      // What was summed in this operand alone has the same gradient everywhere.
      const kept = [...term].filter((label) => output.includes(label) || other?.includes(label)).join("");
      const gradient = (): tf.Tensor => {
        const result = other === undefined
          ? tf.einsum(`${output}->${kept}`, dy as tf.Tensor)
          : tf.einsum(`${output},${other}->${kept}`, dy as tf.Tensor, saved[1 - i]);
        const spread = [...term].map((label, axis) => (kept.includes(label) ? saved[i].shape[axis] : 1));
        return tf.broadcastTo(tf.reshape(result, spread), saved[i].shape);
      };
      return [String(i), gradient];
    }));
  },
});

/** The kernel. */
export const sumsOfProducts: readonly TraceKernel[] = [
  kernel<{ readonly equation: string }>(
    "Einsum",
    (recorder, inputs, { equation }) => einsum(recorder, Object.values(inputs), equation),
  ),
];
