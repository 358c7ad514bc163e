/** Recurrent sequences and their gradient. */
import {
  gradientsOf,
  RECURRENT_GRAD_KERNEL,
  RECURRENT_KERNEL,
  type RecurrentAttributes,
  resultsOf,
} from "../recurrent.ts";
import type { Op } from "../graph.ts";
import { infer } from "../kernels/mod.ts";
import { type Inputs, kernel, type TraceKernel } from "./kernel.ts";
import type { Recorder, Traced } from "./recorder.ts";

function record(recorder: Recorder, op: Op, inputs: readonly Traced[]): Traced[] {
  const types = infer(op, inputs.map(({ value }) => value));
  return recorder.nodeOf(op, inputs, types.map(({ shape }) => [shape, "float32"] as const));
}

/** The tensors of a kernel whose inputs are a list. */
function listOf(inputs: Inputs): Traced[] {
  return Object.values(inputs);
}

/** Whether a gradient is the zeros that tfjs makes where nothing depends on a result. */
function isNone(recorder: Recorder, gradient: Traced): boolean {
  return recorder.elements(gradient)?.every((element: number) => element === 0) ?? false;
}

/** The kernels of `recurrent.ts`. */
export const recurrence: readonly TraceKernel[] = [
  kernel<RecurrentAttributes>(RECURRENT_KERNEL, (recorder, inputs, attributes) => {
    const { cell, lengths } = attributes;
    return record(
      recorder,
      { kind: "recurrent", cell, lengths, results: resultsOf(attributes) },
      listOf(inputs),
    );
  }),
  kernel<RecurrentAttributes>(RECURRENT_GRAD_KERNEL, (recorder, inputs, attributes) => {
    const { cell, lengths } = attributes, all = listOf(inputs), named = resultsOf(attributes);
    const first = all.length - named.length;
    const given = named.filter((_, i) => !isNone(recorder, all[first + i]));
    return record(recorder, {
      kind: "recurrent_grad",
      cell,
      lengths,
      given,
      results: gradientsOf(attributes),
    }, [...all.slice(0, first), ...given.map((name) => all[first + named.indexOf(name)])]);
  }),
];
