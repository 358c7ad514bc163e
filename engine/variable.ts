/** Variables with names that people know them by. */
import * as tf from "@tensorflow/tfjs";

/**
 * A variable that starts as `initial`, which it does not dispose. tfjs's names are unique among living variables: where
 * another has this one, a number is added.
 */
export function namedVariable(
  name: string,
  initial: tf.Tensor,
  { trainable = false }: { readonly trainable?: boolean } = {},
): tf.Variable {
  const taken = tf.engine().state.registeredVariables;
  let free = name;
  for (let number = 2; free in taken; number++) free = `${name} (${number})`;
  return tf.variable(initial, trainable, free);
}
