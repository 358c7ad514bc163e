/** Notices that a variable is assigned outside of compiled functions, so that devices can take its new value. */
import * as tf from "@tensorflow/tfjs";

const versions = new WeakMap<tf.Variable, number>();
let total = 0, quiet = 0;

const original = tf.Variable.prototype.assign;
tf.Variable.prototype.assign = function (this: tf.Variable, value: tf.Tensor): void {
  original.call(this, value);
  if (quiet > 0) return;
  total++;
  versions.set(this, versionOf(this) + 1);
};

/** Grows when the variable is assigned. */
export function versionOf(variable: tf.Variable): number {
  return versions.get(variable) ?? 0;
}

/** Grows when any variable is assigned. */
export function assignments(): number {
  return total;
}

/** Runs `action`, whose assignments are the engine's own and not noticed. */
export function quietly<T>(action: () => T): T {
  quiet++;
  try {
    return action();
  } finally {
    quiet--;
  }
}
