/** Records one call of a function as a graph, and leaves tfjs as it was. */
import * as tf from "@tensorflow/tfjs";
import type { InputSpecs, InputTensors } from "../device.ts";
import type { Graph } from "../graph.ts";
import { type CreatedVariable, TRACE_BACKEND, traceBackend } from "./backend.ts";
import { quietly } from "../assignments.ts";
import { withDraws } from "./draws.ts";
import { type CompiledRate, guarded, mustNotObserve } from "./guard.ts";
import { atUserLine, withLongStacks } from "./origin.ts";
import { type Origin, Recorder, type Source, type Traced } from "./recorder.ts";

/** What `compile` is given. */
export type TracedFunction<I extends InputSpecs> = (
  inputs: InputTensors<I>,
) => Readonly<Record<string, tf.Tensor>>;

/** One call of a function. */
export interface Trace {
  readonly graph: Graph;
  /** What each of the graph's residents stands for. */
  readonly sources: readonly Source[];
  /** By node. */
  readonly origins: readonly Origin[];
  /** By resident. */
  readonly residentOrigins: readonly Origin[];
  /** Variables that the call created. They hold nothing that can be read until they are given a value. */
  readonly created: readonly CreatedVariable[];
  /** The elements of a created variable's initial value, where it is a constant. */
  readonly elements: Recorder["elements"];
  /** tfjs's optimizers that the call used, with their rates. */
  readonly rates: readonly CompiledRate[];
}

/** The variables' values, to be put back. */
function keepVariables(): () => void {
  const kept = Object.values(tf.engine().registeredVariables).map((variable) => ({
    variable,
    value: tf.keep(variable.clone()),
  }));
  return () => {
    for (const { variable, value } of kept) {
      if (!variable.isDisposed && variable.dataId !== value.dataId) variable.assign(value);
      value.dispose();
    }
  };
}

/** Lets every variable stand for itself in the graph; returns what tells the function's assignments. */
function placeVariables(recorder: Recorder): () => { variable: tf.Variable; value: Traced }[] {
  const placed = Object.values(tf.engine().registeredVariables)
    .filter((variable) => variable.dtype !== "string" && variable.dtype !== "complex64")
    .map((variable) => {
      const dtype = variable.dtype as Traced["dtype"];
      const info = traceBackend.wrap(variable.shape, dtype, () => recorder.variable(variable));
      const tensor = tf.engine().makeTensorFromTensorInfo(info);
      variable.assign(tensor);
      tensor.dispose();
      return { variable, dataId: info.dataId };
    });
  return () =>
    placed
      .filter(({ variable, dataId }) => !variable.isDisposed && variable.dataId !== dataId)
      .map(({ variable }) => ({ variable, value: traceBackend.traced(variable) }));
}

/** Calls the function and returns its outputs by name. */
function call<I extends InputSpecs>(recorder: Recorder, fn: TracedFunction<I>, specs: I): Graph["outputs"] {
  let outputs: Graph["outputs"] = [];
  tf.tidy(() => {
    const inputs: Record<string, tf.Tensor> = {};
    for (const [name, { shape, dtype = "float32" }] of Object.entries(specs)) {
      const input = recorder.input(name, shape, dtype);
      inputs[name] = tf.engine().makeTensorFromTensorInfo(traceBackend.wrap(shape, dtype, () => input));
    }
    const results: unknown = withDraws(
      (generator) => traceBackend.drawing(generator),
      () => fn(inputs as InputTensors<I>),
    );
    if (results instanceof Promise) {
      throw new TypeError("Cannot compile as the function must not be async: current value is a Promise");
    }
    if (tf.getBackend() !== TRACE_BACKEND) {
      throw new Error(
        "Cannot compile as the function changes tfjs's backend: call tf.setBackend before compile",
      );
    }
    if (typeof results !== "object" || results === null || results instanceof tf.Tensor) {
      throw new TypeError(
        `Cannot compile as the function must return tensors by name, as in { loss }: current value is ${
          results instanceof tf.Tensor ? "a tensor without a name" : results
        }`,
      );
    }
    outputs = Object.entries(results as Record<string, unknown>).map(([name, tensor]) => {
      if (!(tensor instanceof tf.Tensor)) {
        throw new TypeError(
          `Cannot compile as the function must return tensors by name: current value of ${name} is ${tensor}`,
        );
      }
      recorder.kernel = "output";
      return { name, value: traceBackend.traced(tensor).value };
    });
  });
  return outputs;
}

/** What the function did, as an error that names it; other errors as they are. */
function explain(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const missing = /^Kernel '(.+)' not registered for backend/.exec(error.message)?.[1];
  if (missing === undefined) return error;
  return new Error(
    `Cannot compile as the engine lacks tfjs's kernel ${missing}, used${atUserLine(error.stack)}: ` +
      `compute it outside the function, or run on the tfjs device`,
    { cause: error },
  );
}

/** Under tfjs's other backends a created variable is worth its initial value, or nothing if that was computed. */
function settle(recorder: Recorder, created: readonly CreatedVariable[]): void {
  for (const { variable, initial } of created) {
    const data = recorder.elements(initial);
    if (data === undefined) variable.dispose();
    else if (!variable.isDisposed) assign(variable, data);
  }
}

/** Gives a variable new elements under tfjs's current backend. */
export function assign(variable: tf.Variable, data: Float32Array | Int32Array): void {
  const tensor = tf.tensor(data, variable.shape, variable.dtype);
  variable.assign(tensor);
  tensor.dispose();
}

/**
 * Calls `fn` once and records it. Variables are afterwards what they were; those that the call created are the
 * caller's to give a value (where it throws, they have been given theirs or are disposed of).
 *
 * @param options.places whether the trace's origins tell the user's lines; absent: no, which is faster.
 */
export function trace<I extends InputSpecs>(
  fn: TracedFunction<I>,
  specs: I,
  options: { readonly places?: boolean; readonly seed?: number } = {},
): Trace {
  mustNotObserve();
  return quietly(() => record(fn, specs, options));
}

function record<I extends InputSpecs>(
  fn: TracedFunction<I>,
  specs: I,
  options: { readonly places?: boolean; readonly seed?: number },
): Trace {
  const recorder = new Recorder({ places: options.places ?? false, seed: options.seed ?? 0 }),
    previous = tf.getBackend(),
    restore = keepVariables();
  let result: Trace | undefined;
  try {
    withLongStacks(() => {
      void tf.setBackend(TRACE_BACKEND);
      traceBackend.begin(recorder);
      const assigned = placeVariables(recorder);
      let outputs: Graph["outputs"] = [];
      const rates = guarded(() => outputs = call(recorder, fn, specs));
      if (traceBackend.failure !== undefined) throw traceBackend.failure;
      recorder.kernel = "assign";
      const updates = assigned().map(({ variable, value }) => {
        const own = recorder.variable(variable).value;
        return {
          resident: recorder.residents.findIndex((resident) => resident.value === own),
          value: value.value,
        };
      }).filter(({ resident, value }) => recorder.residents[resident].value !== value);
      const { inputs, residents, nodes, origins, residentOrigins, sources } = recorder;
      const elements = (traced: Traced) => recorder.elements(traced);
      const graph = { inputs, residents, nodes, updates, outputs };
      result = { graph, sources, origins, residentOrigins, created: traceBackend.created, elements, rates };
    });
  } catch (error) {
    throw explain(error);
  } finally {
    traceBackend.end();
    void tf.setBackend(previous);
    restore();
    if (result === undefined) settle(recorder, traceBackend.created);
  }
  return result!;
}
