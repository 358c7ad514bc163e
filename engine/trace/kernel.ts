/** How a tfjs kernel is written for the trace: as a rule from traced tensors to traced tensors. */
import type { Recorder, Traced } from "./recorder.ts";

/** A kernel's tensors by the name that tfjs gives them; optional ones may be missing. */
export type Inputs = Readonly<Record<string, Traced>>;

/** One tfjs kernel: appends nodes to the recorder and returns what they make. */
export interface TraceKernel {
  /** tfjs's name. */
  readonly name: string;
  readonly rule: (
    recorder: Recorder,
    inputs: Inputs,
    attributes: unknown,
  ) => Traced | readonly Traced[];
}

/** A kernel whose attributes are `A`; the cast is the boundary to tfjs, which hands attributes over untyped. */
export function kernel<A = unknown>(
  name: string,
  rule: (recorder: Recorder, inputs: Inputs, attributes: A) => Traced | readonly Traced[],
): TraceKernel {
  return { name, rule: (recorder, inputs, attributes) => rule(recorder, inputs, attributes as A) };
}
