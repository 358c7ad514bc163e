/** Opens a device by name. */
import * as tf from "@tensorflow/tfjs";
import { CompiledDevice, type Observer } from "./compiled_device.ts";
import type { Device, DeviceChoice } from "./device.ts";
import { openTfjs } from "./tfjs.ts";

/** How to open a device. */
export interface OpenOptions {
  /** Threads of the wasm device; absent: one a core. */
  readonly threads?: number;
  /** Is shown every function that a compiled device compiles. */
  readonly observe?: Observer;
}

/**
 * Opens the device `choice`; `auto` takes the fastest there is. The caller closes it (`await using`).
 *
 * @throws {Error} where the device that was asked for is not to be had, saying why and what to choose instead.
 */
export async function openDevice(choice: DeviceChoice, options: OpenOptions = {}): Promise<Device> {
  if (choice === "tfjs") return await openTfjs();
  if (choice === "webgpu") {
    throw new Error("Cannot open the device webgpu as this version does not have it yet: use --device wasm");
  }
  // tfjs itself only makes tensors and traces from here on.
  await tf.setBackend("cpu");
  const { openWasm } = await import("./wasm/executor.ts");
  return new CompiledDevice(await openWasm(options), options.observe);
}
