/** Opens a device by name. */
import * as tf from "@tensorflow/tfjs";
import { CompiledDevice, type Observer } from "./compiled_device.ts";
import type { Device, DeviceChoice } from "./device.ts";
import { openTfjs } from "./tfjs.ts";
import { openWebGpu } from "./webgpu/executor.ts";

/** What was measured about a GPU, kept from one process to the next where permissions allow. */
const GPU_CHOICES = ".cache/webgpu-tiles.json";

const CHOICES: readonly DeviceChoice[] = ["auto", "webgpu", "wasm", "tfjs"];

/** How to open a device. */
export interface OpenOptions {
  /** Threads of the wasm device; absent: one a core. */
  readonly threads?: number;
  /**
   * Is shown every function that a compiled device compiles: for `deno task explain`.
   *
   * @internal
   */
  readonly observe?: Observer;
}

/**
 * Opens the device `choice`; `auto` takes the fastest there is. The caller closes it (`await using`).
 *
 * @throws {Error} where the device that was asked for is not to be had, saying why and what to choose instead.
 */
export async function openDevice(choice: DeviceChoice, options: OpenOptions = {}): Promise<Device> {
  if (!CHOICES.includes(choice)) {
    throw new RangeError(
      `Cannot open a device as its name must be ${CHOICES.join(", ")}: current value is ${choice}`,
    );
  }
  if (choice === "tfjs") return await openTfjs();
  // tfjs itself only makes tensors and traces from here on.
  await tf.setBackend("cpu");
  if (choice !== "wasm") {
    const gpu = await openWebGpu({ allowFallback: choice === "webgpu", choices: GPU_CHOICES });
    if (gpu !== null) return new CompiledDevice(gpu, options.observe);
    if (choice === "webgpu") {
      throw new Error("Cannot open the device webgpu as there is no graphics adapter: use --device wasm");
    }
  }
  // Imported here, as a bundle leaves workers and .wasm files out and must run on WebGPU alone.
  const { openWasm } = await import("./wasm/executor.ts");
  return new CompiledDevice(await openWasm(options), options.observe);
}
