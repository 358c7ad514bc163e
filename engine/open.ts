/** Opens a device by name. */
import type { Device, DeviceChoice } from "./device.ts";
import { openTfjs } from "./tfjs.ts";

/** How to open a device. */
export interface OpenOptions {
  /** Threads of the wasm device; absent: one a core. */
  readonly threads?: number;
}

/**
 * Opens the device `choice`; `auto` takes the fastest there is. The caller closes it (`await using`).
 *
 * @throws {Error} where the device that was asked for is not to be had, saying why and what to choose instead.
 */
export async function openDevice(choice: DeviceChoice, _options: OpenOptions = {}): Promise<Device> {
  if (choice === "webgpu" || choice === "wasm") {
    throw new Error(
      `Cannot open the device ${choice} as this version does not have it yet: use --device tfjs`,
    );
  }
  return await openTfjs();
}
