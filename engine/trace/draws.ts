/**
 * tfjs's random operations (`randomUniform`, `randomNormal`, `truncatedNormal`, and through them dropout and noise
 * layers) draw on the host, element by element. Inside a compiled function they are answered by the engine's
 * generator instead: what tfjs's generators are asked for is noted, and becomes a node.
 *
 * tfjs keeps its generators to itself. All that can be seen of them from outside is that they assign a property
 * `random`, which is how their prototypes are found, once.
 */
import * as tf from "@tensorflow/tfjs";

/** One of tfjs's generators: uniform in min ... min + range, or normal. */
export interface Generator {
  readonly min?: number;
  readonly range?: number;
  readonly mean?: number;
  readonly stdDev?: number;
  readonly truncated?: boolean;
  nextValue(): number;
}

function prototypeOf(draw: () => unknown): Generator | undefined {
  let found: Generator | undefined;
  const stop = new Error("found");
  Object.defineProperty(Object.prototype, "random", {
    configurable: true,
    set(this: object) {
      found = Object.getPrototypeOf(this);
      throw stop;
    },
  });
  try {
    draw();
  } catch (error) {
    if (error !== stop) throw error;
  } finally {
    Reflect.deleteProperty(Object.prototype, "random");
  }
  return found;
}

const PROTOTYPES = [prototypeOf(() => tf.randomUniform([1])), prototypeOf(() => tf.randomNormal([1]))]
  .filter((prototype) => prototype !== undefined);

/** Whether tfjs is inside its dropout, whose seed in stock tfjs gives one mask for all steps. */
function inDropout(): boolean {
  const { scopeStack } = tf.engine().state as unknown as { scopeStack: readonly { readonly name: string }[] };
  return scopeStack.some(({ name }) => name.startsWith("dropout"));
}

/**
 * Runs `action`, in which `draw` gives the numbers of tfjs's generators. Those that were given a seed of their own
 * stay as they are, for they give the same numbers in every call, but in dropout.
 */
export function withDraws<T>(draw: (generator: Generator) => number, action: () => T): T {
  const random = Math.random, originals = PROTOTYPES.map(({ nextValue }) => nextValue);
  const known = new WeakMap<Generator, boolean>();
  let unseeded = false;
  Math.random = () => {
    unseeded = true;
    return random();
  };
  PROTOTYPES.forEach((prototype, index) => {
    prototype.nextValue = function (this: Generator): number {
      let ours = known.get(this);
      if (ours === undefined) {
        ours = unseeded || inDropout();
        unseeded = false;
        known.set(this, ours);
      }
      return ours ? draw(this) : originals[index].call(this);
    };
  });
  try {
    return action();
  } finally {
    Math.random = random;
    PROTOTYPES.forEach((prototype, index) => prototype.nextValue = originals[index]);
  }
}
