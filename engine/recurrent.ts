/**
 * A whole sequence through a recurrent cell, as one operation with its gradient: on the compiled devices thousands of
 * steps are one node. Plain tfjs elsewhere: `tf.variableGrads` sees through it, and the stock backends compute it on the
 * host, slowly, in float64.
 *
 * The cells, with columns of the kernels in the order of the gates as they stand here (PyTorch's), W = kernel,
 * U = recurrent kernel, b = bias, d = recurrent bias, s = sigmoid:
 *
 * - `lstm`   i, f, g, o = s, s, tanh, s of (x W + b + h U + d);  c' = f c + i g;  h' = o tanh(c')
 *   (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000)
 * - `gru`    r, z = s of (x W + b + h U + d);  n = tanh(x W + b + r (h U + d));  h' = (1 - z) n + z h
 *   (Cho et al. 2014 with the reset gate after the product, as PyTorch's nn.GRU, cuDNN, and Keras with reset_after; the
 *   other convention, n = tanh(x W + b + (r h) U), is not offered: it needs two products one after the other a step)
 * - `simple` h' = tanh(x W + b + h U + d)  (Elman 1990)
 *
 * An affine map before the cell and the kernel are one linear map: multiply the two small matrices first, instead of
 * every step's input.
 */
import * as tf from "@tensorflow/tfjs";
import type { RecurrentCell, TypedArray } from "./graph.ts";
import type { OpOf, Tensor } from "./kernels/kernel.ts";
import { BIASES, GATES, recurrent as reference } from "./kernels/recurrent.ts";
import { recurrentGrad as referenceGrad } from "./kernels/recurrent_grad.ts";

export type { RecurrentCell };

/** The weights of a cell of H units with I inputs; G is 4 (lstm), 3 (gru) or 1 (simple). */
export interface RecurrentWeights {
  /** [I, G * H]. */
  readonly kernel: tf.Tensor;
  /** [H, G * H]. */
  readonly recurrentKernel: tf.Tensor;
  /** [G * H]. Absent: 0. */
  readonly bias?: tf.Tensor;
  /** [G * H]. Absent: 0. Only in the gru does it differ from the bias, in its last third. */
  readonly recurrentBias?: tf.Tensor;
}

/** What a sequence leaves behind, or begins with. */
export type RecurrentState = {
  /** [B, H]. */
  readonly hidden: tf.Tensor2D;
  /** [B, H]; the lstm has it, others do not. */
  readonly cell?: tf.Tensor2D;
};

/** How a sequence is taken through a cell. */
export interface RecurrentOptions {
  /** Which cell, as `RecurrentCell` has it. */
  readonly cell: RecurrentCell;
  /** The state before the first step. Absent: 0. */
  readonly initial?: RecurrentState;
  /**
   * int32 [B]: how many steps each row takes, 0..T; beyond either it is T or 0. A step past a row's end keeps its state,
   * and passes no gradient. Absent: all take T.
   */
  readonly lengths?: tf.Tensor;
}

/** Name of the kernel: inputs as a list, those of the graph's op; attributes { cell, sequence, lengths }. */
export const RECURRENT_KERNEL = "EngramRecurrent";
/** Name of the kernel: those inputs and the gradients of the results; the same attributes. */
export const RECURRENT_GRAD_KERNEL = "EngramRecurrentGrad";

/** The attributes of both kernels. */
export interface RecurrentAttributes {
  readonly cell: RecurrentCell;
  /** Whether all hidden states are asked for, or the last. */
  readonly sequence: boolean;
  readonly lengths: boolean;
}

/** The results of the kernel, in order. */
export function resultsOf({ cell, sequence }: RecurrentAttributes): ("states" | "hidden" | "cellState")[] {
  return [sequence ? "states" : "hidden", ...(cell === "lstm" ? ["cellState" as const] : [])];
}

/** The results of the gradient's kernel, in order. */
export function gradientsOf(
  { cell }: RecurrentAttributes,
): ("x" | "kernel" | "recurrentKernel" | "bias" | "hidden" | "cellState")[] {
  return [
    "x",
    "kernel",
    "recurrentKernel",
    "bias",
    "hidden",
    ...(cell === "lstm" ? ["cellState" as const] : []),
  ];
}

/**
 * Takes x [B, T, I] through a cell: the hidden state after each step, [B, T, H], and the state after the last.
 *
 * @throws {RangeError} where shapes do not fit together.
 */
export function recurrent(
  x: tf.Tensor3D,
  weights: RecurrentWeights,
  options: RecurrentOptions,
): RecurrentState & { readonly states: tf.Tensor3D } {
  return tf.tidy(() => {
    const [states, cell] = run(x, weights, { ...options, sequence: true }) as [tf.Tensor3D, tf.Tensor2D?];
    const [batch, time, units] = states.shape;
    const hidden = tf.reshape(
      tf.slice(states, [0, time - 1, 0], [batch, 1, units]),
      [batch, units],
    ) as tf.Tensor2D;
    return { states, hidden, ...(cell === undefined ? {} : { cell }) };
  });
}

/**
 * Takes x [B, T, I] through a cell and gives the state after the last step alone. With T = 1 it is one step: how
 * sequences are generated.
 *
 * @throws {RangeError} where shapes do not fit together.
 */
export function lastState(
  x: tf.Tensor3D,
  weights: RecurrentWeights,
  options: RecurrentOptions,
): RecurrentState {
  return tf.tidy(() => {
    const [hidden, cell] = run(x, weights, { ...options, sequence: false }) as [tf.Tensor2D, tf.Tensor2D?];
    return { hidden, ...(cell === undefined ? {} : { cell }) };
  });
}

function run(
  x: tf.Tensor3D,
  weights: RecurrentWeights,
  options: RecurrentOptions & { readonly sequence: boolean },
): tf.Tensor[] {
  const { cell, lengths, sequence } = options, { kernel, recurrentKernel } = weights;
  const batch = x.shape[0], units = recurrentKernel.shape[0];
  mustHave("x", x, [batch, x.shape[1], kernel.shape[0]]);
  mustHave("kernel", kernel, [x.shape[2], GATES[cell] * units]);
  mustHave("recurrentKernel", recurrentKernel, [units, GATES[cell] * units]);
  const hidden = options.initial?.hidden ?? tf.zeros([batch, units]);
  const cells = options.initial?.cell ?? tf.zeros([batch, units]);
  mustHave("initial.hidden", hidden, [batch, units]);
  mustHave("initial.cell", cells, [batch, units]);
  if (lengths !== undefined) mustHave("lengths", lengths, [batch], "int32");
  const inputs = [
    tf.cast(x, "float32"),
    kernel,
    recurrentKernel,
    joinBiases(weights, cell, units),
    hidden,
    ...(cell === "lstm" ? [cells] : []),
    ...(lengths === undefined ? [] : [lengths]),
  ];
  const attributes: RecurrentAttributes = { cell, sequence, lengths: lengths !== undefined };
  // tfjs hands inputs on under their names; a list is named by its places.
  return tf.engine().runKernel(RECURRENT_KERNEL, inputs as unknown as tf.NamedTensorMap, {
    ...attributes,
  }) as tf.Tensor[];
}

/** [BIASES * H]: both biases, added where a cell adds them. */
function joinBiases(weights: RecurrentWeights, cell: RecurrentCell, units: number): tf.Tensor {
  const shape = [GATES[cell] * units];
  const bias = weights.bias ?? tf.zeros(shape), recurrentBias = weights.recurrentBias ?? tf.zeros(shape);
  mustHave("bias", bias, shape);
  mustHave("recurrentBias", recurrentBias, shape);
  if (BIASES[cell] === GATES[cell]) return tf.add(bias, recurrentBias);
  const both = tf.add(tf.slice(bias, [0], [2 * units]), tf.slice(recurrentBias, [0], [2 * units]));
  const candidate = (of: tf.Tensor): tf.Tensor => tf.slice(of, [2 * units], [units]);
  return tf.concat([both, candidate(bias), candidate(recurrentBias)]);
}

function mustHave(name: string, tensor: tf.Tensor, shape: readonly number[], dtype = "float32"): void {
  const right = tensor.shape.length === shape.length &&
    tensor.shape.every((extent, i) => extent === shape[i]);
  if (right && (tensor.dtype === dtype || name === "x")) return;
  throw new RangeError(
    `Cannot run a recurrent cell as ${name} must be ${dtype} [${shape}]: current value is ${tensor.dtype} [${tensor.shape}]`,
  );
}

tf.registerGradient({
  kernelName: RECURRENT_KERNEL,
  saveAllInputs: true,
  gradFunc: (dys, saved, attrs) => {
    const attributes = attrs as unknown as RecurrentAttributes;
    const given = Array.isArray(dys) ? dys : [dys];
    const gradients = tf.engine().runKernel(
      RECURRENT_GRAD_KERNEL,
      [...saved, ...given] as unknown as tf.NamedTensorMap,
      { ...attributes },
    ) as tf.Tensor[];
    // By place; lengths, the last input, have none.
    return Object.fromEntries(
      saved.map((input, place) => [place, () => gradients[place] ?? tf.zerosLike(input)]),
    );
  },
});

// The stock backends compute both on the host. Their kernels see storage, not tensors.
interface HostBackend {
  readSync(id: tf.DataId): TypedArray;
  write(values: TypedArray, shape: number[], dtype: tf.DataType): tf.DataId;
}

for (const backendName of ["cpu", "wasm"]) {
  for (const kernelName of [RECURRENT_KERNEL, RECURRENT_GRAD_KERNEL]) {
    tf.registerKernel({
      kernelName,
      backendName,
      kernelFunc: ({ inputs, attrs, backend }) => {
        const host = backend as unknown as HostBackend, attributes = attrs as unknown as RecurrentAttributes;
        const tensors = (Object.values(inputs) as tf.TensorInfo[]).map((
          { dataId, shape, dtype },
        ): Tensor => ({
          shape,
          dtype: dtype === "int32" ? "int32" : "float32",
          data: host.readSync(dataId),
        }));
        return compute(kernelName, attributes, tensors).map(({ shape, data }) => ({
          dataId: host.write(data, [...shape], "float32"),
          shape: [...shape],
          dtype: "float32" as const,
        }));
      },
    });
  }
}

/** One of the two kernels by its definition. */
function compute(kernelName: string, attributes: RecurrentAttributes, inputs: readonly Tensor[]): Tensor[] {
  const { cell, lengths } = attributes;
  const blank = (type: { shape: readonly number[] }): Tensor => ({
    shape: type.shape,
    dtype: "float32",
    data: new Float32Array(tf.util.sizeFromShape([...type.shape])),
  });
  if (kernelName === RECURRENT_KERNEL) {
    const op: OpOf<"recurrent"> = { kind: "recurrent", cell, lengths, results: resultsOf(attributes) };
    const outputs = reference.infer(op, inputs).map(blank);
    reference.run(op, inputs, outputs);
    return outputs;
  }
  const op: OpOf<"recurrent_grad"> = {
    kind: "recurrent_grad",
    cell,
    lengths,
    given: resultsOf(attributes),
    results: gradientsOf(attributes),
  };
  const outputs = referenceGrad.infer(op, inputs).map(blank);
  referenceGrad.run(op, inputs, outputs);
  return outputs;
}
