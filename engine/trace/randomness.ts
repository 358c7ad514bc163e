/** The engine's own random kernels, and tfjs's one, drawn from the engine's generator. */
import type * as tf from "@tensorflow/tfjs";
import type { Shape } from "../graph.ts";
import type { Key } from "../../base/random.ts";
import { CATEGORICAL_KERNEL, RANDOM_KERNEL } from "../random.ts";
import { kernel, type TraceKernel } from "./kernel.ts";

/** What `EngramRandom` is asked for. */
interface RandomAttributes {
  readonly shape: Shape;
  readonly distribution: "uniform" | "normal";
  readonly key: Key;
}

/** The random kernels. */
export const randomness: readonly TraceKernel[] = [
  kernel<RandomAttributes>(
    RANDOM_KERNEL,
    (recorder, { counter }, { shape, distribution, key }) =>
      recorder.node({ kind: "random", distribution, key }, [counter], shape, "float32"),
  ),
  kernel<{ readonly key: Key }>(
    CATEGORICAL_KERNEL,
    (recorder, { logits, counter }, { key }) =>
      recorder.node({ kind: "categorical", key }, [logits, counter], [logits.value.shape[0]], "int32"),
  ),
  kernel<tf.MultinomialAttrs>("Multinomial", (recorder, { logits }, { numSamples, normalized }) => {
    const [rows, classes] = logits.value.shape, floats = recorder.cast(logits, "float32");
    const logs = normalized ? recorder.map("log", [floats], "float32") : floats;
    const spread = recorder.broadcast(recorder.reshape(logs, [rows, 1, classes]), [
      rows,
      numSamples,
      classes,
    ]);
    const flat = recorder.reshape(spread, [rows * numSamples, classes]), { key } = recorder.nextDraw();
    const drawn = recorder.node(
      { kind: "categorical", key },
      [flat, recorder.counter()],
      [rows * numSamples],
      "int32",
    );
    return recorder.reshape(drawn, [rows, numSamples]);
  }),
];
