/** Pooling over windows of an image, channels last, and its gradients. */
import * as tf from "@tensorflow/tfjs";
import type { Shape } from "../graph.ts";
import { kernel, type TraceKernel } from "./kernel.ts";

interface Geometry {
  readonly filterSize: [number, number] | number;
  readonly strides: [number, number] | number;
  readonly pad: "valid" | "same" | number | tf.backend_util.ExplicitPadding;
  readonly dimRoundingMode?: "floor" | "round" | "ceil";
}

function geometry(image: Shape, { filterSize, strides, pad, dimRoundingMode }: Geometry) {
  const shape = [...image] as [number, number, number, number];
  const info = tf.backend_util.computePool2DInfo(shape, filterSize, strides, 1, pad, dimRoundingMode);
  return {
    size: [info.effectiveFilterHeight, info.effectiveFilterWidth] as const,
    window: {
      strides: [info.strideHeight, info.strideWidth] as const,
      padding: [info.padInfo.top, info.padInfo.left] as const,
      dilation: [1, 1] as const,
    },
    output: info.outShape,
  };
}

function pool(name: string, reducer: "max" | "mean"): TraceKernel {
  return kernel<Geometry>(name, (recorder, { x }, attributes) => {
    const { size, window, output } = geometry(x.value.shape, attributes);
    // tfjs does not look at padding and strides here.
    if (size[0] === 1 && size[1] === 1 && tf.util.arraysEqual(output, [...x.value.shape])) return x;
    return recorder.node({ kind: "pool", reducer, size, window }, [x], output, x.dtype);
  });
}

/** The kernels of pooling. */
export const pooling: readonly TraceKernel[] = [
  pool("MaxPool", "max"),
  pool("AvgPool", "mean"),
  kernel<Geometry>("MaxPoolGrad", (recorder, { dy, input }, attributes) => {
    const shape = input.value.shape, { size, window } = geometry(shape, attributes);
    return recorder.node({ kind: "pool_grad", reducer: "max", size, window }, [dy, input], shape, "float32");
  }),
  kernel<Geometry>("AvgPoolGrad", (recorder, { dy, input }, attributes) => {
    const shape = input.value.shape, { size, window } = geometry(shape, attributes);
    return recorder.node({ kind: "pool_grad", reducer: "mean", size, window }, [dy], shape, "float32");
  }),
];
