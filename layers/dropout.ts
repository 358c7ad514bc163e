import { dropout as drop } from "../engine/random.ts";
import { extents, type LayerMaker } from "./layer.ts";

/**
 * While it learns, sets each number to 0 with probability `rate` and scales the others by 1 / (1 - rate) (Srivastava et
 * al. 2014); in evaluation, nothing. As nn.Dropout and Keras's Dropout, but drawn from the engine's generator: the same
 * seed and step drop the same numbers on every device. `name` tells the draws of two such layers apart.
 */
export function dropout(name: string, rate: number): LayerMaker {
  return (input) => ({
    rows: [{ type: `Dropout ${rate}`, output: extents(input) }],
    output: input,
    apply: (_weights, x, training) =>
      training === undefined
        ? x
        : drop(x, rate, { random: training.random.fork(name), counter: training.counter }),
  });
}
