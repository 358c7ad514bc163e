/** Devices for tests that hold on every executor: the same calls on WebAssembly and on (software) WebGPU. */
import * as tf from "@tensorflow/tfjs";
import { CompiledDevice } from "../../engine/compiled_device.ts";
import { compile, type Device, type InputSpecs } from "../../engine/device.ts";
import type { TypedArray } from "../../engine/graph.ts";
import { openWasm } from "../../engine/wasm/executor.ts";
import { gpuTest } from "./webgpu/gpu.ts";

/** One test a device, the GPU's ignored (or failing) where there is none. */
export function deviceTest(name: string, test: (device: Device) => Promise<void>): void {
  Deno.test(`${name}, wasm`, async () => {
    await tf.setBackend("cpu");
    await using device = new CompiledDevice(await openWasm({ threads: 2 }));
    await test(device);
  });
  gpuTest(`${name}, WebGPU`, async (executor) => {
    await tf.setBackend("cpu");
    // The device closes the executor, which may be closed twice.
    await using device = new CompiledDevice(executor);
    await test(device);
  });
}

/** What a function is computed of. */
export type Operands = Readonly<
  Record<string, { readonly data: TypedArray; readonly shape: readonly number[] }>
>;

/** A vector of numbers that a compiled function is given. */
export function floats(...numbers: number[]): { data: Float32Array; shape: number[] } {
  return { data: Float32Array.from(numbers), shape: [numbers.length] };
}

/** The same of whole numbers. */
export function ints(...numbers: number[]): { data: Int32Array; shape: number[] } {
  return { data: Int32Array.from(numbers), shape: [numbers.length] };
}

/** Operands under another shape. */
export function shaped<T extends { readonly data: TypedArray }>(of: T, ...shape: number[]): T {
  return { ...of, shape };
}

/** The results of one run of `fn`, as lists, whose operands the compiler does not know. */
export async function evaluate(
  device: Device,
  operands: Operands,
  fn: (x: Readonly<Record<string, tf.Tensor>>) => Readonly<Record<string, tf.Tensor>>,
): Promise<Record<string, number[]>> {
  const specs: Record<string, InputSpecs[string]> = {}, inputs: Record<string, TypedArray> = {};
  for (const [name, { data, shape }] of Object.entries(operands)) {
    specs[name] = { shape, dtype: data instanceof Int32Array ? "int32" : "float32" };
    inputs[name] = data;
  }
  const compiled = await compile(device, fn, specs);
  await compiled.run(inputs as never);
  const results = Object.entries<TypedArray>(await compiled.read());
  compiled.dispose();
  return Object.fromEntries(results.map(([name, data]) => [name, [...data]]));
}
