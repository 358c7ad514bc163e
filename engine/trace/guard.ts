/** What cannot work inside a compiled function and would say so only later, or never: refused at once. */
import * as tf from "@tensorflow/tfjs";
import { atUserLine } from "./origin.ts";

const OPTIMIZERS = [
  tf.SGDOptimizer,
  tf.MomentumOptimizer,
  tf.AdadeltaOptimizer,
  tf.AdagradOptimizer,
  tf.AdamOptimizer,
  tf.AdamaxOptimizer,
  tf.RMSPropOptimizer,
];
const TRAINING = ["fit", "fitDataset", "trainOnBatch", "evaluateDataset"];

/** An optimizer of tfjs's and the rate that was compiled. */
export interface CompiledRate {
  readonly optimizer: tf.Optimizer;
  readonly rate: number;
}

/** The rate that an optimizer has now; tfjs keeps it protected. */
export function rateOf(optimizer: tf.Optimizer): number {
  return (optimizer as unknown as { readonly learningRate: number }).learningRate;
}

type Methods = Record<string, (...args: unknown[]) => unknown>;

/** Puts methods in the place of an object's for the time of `action`. */
function instead<T>(replaced: readonly (readonly [object, string, Methods[string]])[], action: () => T): T {
  const undo = replaced.map(([object, name, method]) => {
    const own = Object.getOwnPropertyDescriptor(object, name);
    (object as Methods)[name] = method;
    return () => own ? Object.defineProperty(object, name, own) : Reflect.deleteProperty(object, name);
  });
  try {
    return action();
  } finally {
    undo.reverse().forEach((act) => act());
  }
}

function refuse(what: string, remedy: string): () => never {
  return () => {
    throw new Error(
      `Cannot compile as the function calls ${what}${atUserLine(new Error().stack)}: ${remedy}`,
    );
  };
}

/** Calls `action` and gives the tfjs optimizers that it used. */
export function guarded(action: () => void): readonly CompiledRate[] {
  const rates: CompiledRate[] = [];
  const models = [tf.LayersModel.prototype, tf.Sequential.prototype].flatMap((prototype) =>
    TRAINING.filter((name) => Object.hasOwn(prototype, name)).map((name) =>
      [
        prototype,
        name,
        refuse(
          `model.${name}, which waits for values`,
          "compute the loss with model.apply and optimizer.minimize instead (docs/engine.md)",
        ),
      ] as const
    )
  );
  const measuring = ["profile", "time"].map((name) =>
    [
      tf.engine(),
      name,
      refuse(`tf.${name}, which waits for values`, "leave it out, deno task explain tells the times"),
    ] as const
  );
  const optimizers = OPTIMIZERS.map(({ prototype }) => {
    const original = prototype.applyGradients as Methods[string];
    const noted = function (this: tf.Optimizer, ...args: unknown[]) {
      rates.push({ optimizer: this, rate: rateOf(this) });
      return original.apply(this, args);
    };
    return [prototype, "applyGradients", noted] as const;
  });
  instead([...models, ...measuring, ...optimizers], action);
  return rates;
}

/** @throws {Error} where tfjs is in a mode in which it reads every result. */
export function mustNotObserve(): void {
  if (tf.env().getBool("DEBUG")) {
    throw new Error(
      "Cannot compile as tfjs's debug mode is on, which reads every result: " +
        'turn it off with tf.env().set("DEBUG", false)',
    );
  }
  if ((tf.engine().state as unknown as { readonly profiling: boolean }).profiling) {
    throw new Error(
      "Cannot compile as tf.profile is under way, which reads every result: compile outside it",
    );
  }
}
