/** Runs a workload's tfjs code operation by operation on the active backend of stock tfjs. */
import * as tf from "@tensorflow/tfjs";
import type { Loaded } from "./protocol.ts";
import type { Step } from "./tfjs.ts";

/** A workload that is ready to be timed; only the last loss is read. */
export function stock(step: Step, description: string): Loaded {
  let runs = 0;
  const run = (): tf.Tensor =>
    tf.tidy(() => {
      const data = step.feed(runs++);
      const inputs = Object.entries(step.inputs).map(([name, { shape, dtype }]) =>
        [name, tf.tensor(data[name], [...shape], dtype)] as const
      );
      return step.fn(Object.fromEntries(inputs)).loss;
    });
  return {
    description,
    run: async (steps) => {
      for (let count = steps * step.runs; count > 1; count--) run().dispose();
      const loss = run();
      const [value] = await loss.data();
      loss.dispose();
      return value;
    },
  };
}
