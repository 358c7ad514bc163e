/** The flags of networks whose size and rate may be chosen in place of those that reach the goal. */
import { type FlagValues, integer, number } from "./flags.ts";

/** The flags. */
export const networkFlags = {
  hidden: integer({ min: 1, help: "units of a hidden layer (default: enough for the goal)" }),
  batch: integer({ min: 1, help: "examples in a step (default: the model's own)" }),
  lr: number({
    min: 1e-9,
    max: 10,
    help: "step size of Adam when its schedule is at its peak (default: the model's own)",
  }),
};
/** What they say. */
export type NetworkFlags = FlagValues<typeof networkFlags>;

/** What flags can choose of a network. */
interface Chosen {
  readonly hidden: number;
  readonly batch: number;
  readonly learningRate: number;
}

/** A network's own sizes, but for those that the flags give. */
export function chosenSizes<S extends Chosen>(
  sizes: S,
  { hidden = sizes.hidden, batch = sizes.batch, lr = sizes.learningRate }: NetworkFlags,
): Omit<S, keyof Chosen> & Chosen {
  return { ...sizes, hidden, batch, learningRate: lr };
}
