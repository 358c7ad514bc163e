/** The device of a task: whatever loop runs compiled functions on it, signals come through and progress is shown. */
import type { Device, DeviceChoice } from "../engine/device.ts";
import { openDevice } from "../engine/open.ts";
import type { Session } from "./session.ts";

/** Opens the device that a task's flags choose. Close it (`await using`). */
export async function openTaskDevice(
  flags: { readonly device: DeviceChoice; readonly threads?: number },
  session: Session,
): Promise<Device> {
  return watchedDevice(await openDevice(flags.device, flags), () => session.between());
}

/** `device`, but `between` is awaited after every run of a compiled function. */
export function watchedDevice(device: Device, between: () => Promise<void>): Device {
  return {
    kind: device.kind,
    get description() {
      return device.description;
    },
    pull: (variables) => device.pull(variables),
    push: (variables) => device.push(variables),
    async compile(fn, inputs, options) {
      const compiled = await device.compile(fn, inputs, options);
      const watched: typeof compiled = {
        get runs() {
          return compiled.runs;
        },
        set runs(count) {
          compiled.runs = count;
        },
        run: async (inputs) => {
          await compiled.run(inputs);
          await between();
        },
        read: () => compiled.read(),
        dispose: () => compiled.dispose(),
      };
      return watched;
    },
    [Symbol.asyncDispose]: () => device[Symbol.asyncDispose](),
  };
}
