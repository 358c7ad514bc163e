/** Softmax and batch normalization. */
import type * as tf from "@tensorflow/tfjs";
import { kernel, type TraceKernel } from "./kernel.ts";
import type { Recorder, Traced } from "./recorder.ts";

function softmax(recorder: Recorder, logits: Traced, options: { log: boolean; axis: number }): Traced {
  const last = logits.value.shape.length - 1;
  if (options.axis !== last && options.axis !== -1) {
    throw new RangeError(
      `Cannot trace ${recorder.kernel} as its axis must be the last, ${last}: current value is ${options.axis}`,
    );
  }
  const float = recorder.cast(logits, "float32");
  return recorder.node({ kind: "softmax", log: options.log }, [float], logits.value.shape, "float32");
}

/** The kernels that normalize. */
export const normalization: readonly TraceKernel[] = [
  kernel<tf.SoftmaxAttrs>(
    "Softmax",
    (recorder, { logits }, { dim }) => softmax(recorder, logits, { log: false, axis: dim }),
  ),
  kernel<tf.LogSoftmaxAttrs>(
    "LogSoftmax",
    (recorder, { logits }, { axis }) => softmax(recorder, logits, { log: true, axis }),
  ),
  kernel<tf.FusedBatchNormAttrs>("FusedBatchNorm", (recorder, inputs, { varianceEpsilon }) => {
    const { x, mean, variance } = inputs;
    const scale = inputs.scale as Traced | undefined, offset = inputs.offset as Traced | undefined;
    const epsilon = recorder.scalar(varianceEpsilon, "float32");
    const inverse = recorder.map("rsqrt", [recorder.map("add", [variance, epsilon], "float32")], "float32");
    const factor = scale === undefined ? inverse : recorder.map("mul", [inverse, scale], "float32");
    const centred = recorder.map("sub", [x, mean], "float32");
    const scaled = recorder.map("mul", [centred, factor], "float32");
    return offset === undefined ? scaled : recorder.map("add", [scaled, offset], "float32");
  }),
];
