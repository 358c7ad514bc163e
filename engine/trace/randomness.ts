/** The engine's own random kernels, and an answer to tfjs's host-random one. */
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
  kernel("Multinomial", () => {
    throw new Error(
      "Cannot trace Multinomial as it draws on the host: use categorical() of engine/random.ts with a counter",
    );
  }),
];
