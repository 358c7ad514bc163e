/** Convolutions and their gradients, channels last. */
import * as tf from "@tensorflow/tfjs";
import type { Op, Shape, Window } from "../graph.ts";
import { type Activation, finish } from "./elementwise.ts";
import { kernel, type TraceKernel } from "./kernel.ts";
import type { Recorder, Traced } from "./recorder.ts";

type Shape4 = [number, number, number, number];

/** What tfjs says of the window in every convolution kernel. */
interface Geometry {
  readonly strides: [number, number] | number;
  readonly pad: "valid" | "same" | number | tf.backend_util.ExplicitPadding;
  readonly dataFormat?: "NHWC" | "NCHW" | null;
  readonly dilations?: [number, number] | number | null;
  readonly dimRoundingMode?: "floor" | "round" | "ceil";
}

interface Fused extends Geometry, Omit<Activation, "preluActivationWeights"> {}

/** The window, and the shape of what it yields, for an image and a filter. */
function geometry(
  recorder: Recorder,
  sizes: { readonly image: Shape; readonly filter: Shape; readonly depthwise: boolean },
  { strides, pad, dataFormat, dilations, dimRoundingMode }: Geometry,
): { readonly window: Window; readonly output: Shape } {
  // tfjs leaves out what has its default, or says null.
  if ((dataFormat ?? "NHWC") !== "NHWC") {
    throw new RangeError(
      `Cannot trace ${recorder.kernel} as dataFormat must be NHWC: current value is ${dataFormat}`,
    );
  }
  const info = tf.backend_util.computeConv2DInfo(
    [...sizes.image] as Shape4,
    [...sizes.filter] as Shape4,
    strides,
    dilations ?? 1,
    pad,
    dimRoundingMode ?? undefined,
    sizes.depthwise,
  );
  return {
    window: {
      strides: [info.strideHeight, info.strideWidth],
      padding: [info.padInfo.top, info.padInfo.left],
      dilation: [info.dilationHeight, info.dilationWidth],
    },
    output: info.outShape,
  };
}

function forward(kind: "conv2d" | "depthwise_conv2d") {
  return (
    recorder: Recorder,
    { x, filter }: Readonly<Record<string, Traced>>,
    attributes: Geometry,
  ): Traced => {
    const sizes = {
      image: x.value.shape,
      filter: filter.value.shape,
      depthwise: kind === "depthwise_conv2d",
    };
    const { window, output } = geometry(recorder, sizes, attributes);
    const inputs = [recorder.cast(x, "float32"), recorder.cast(filter, "float32")];
    return recorder.node({ kind, window }, inputs, output, "float32");
  };
}

const conv2d = forward("conv2d"), depthwise = forward("depthwise_conv2d");

function fused(name: string, convolution: typeof conv2d): TraceKernel {
  return kernel<Fused>(name, (recorder, inputs, attributes) => {
    const { bias, preluActivationWeights } = inputs;
    const product = convolution(recorder, inputs, attributes);
    return finish(recorder, product, bias as Traced | undefined, { ...attributes, preluActivationWeights });
  });
}

function inputGradient(name: string, kind: Op["kind"] & `${string}input_grad`): TraceKernel {
  return kernel<Geometry & { readonly inputShape: Shape4 }>(name, (recorder, { dy, filter }, attributes) => {
    const { inputShape } = attributes, depthwise = kind === "depthwise_conv2d_input_grad";
    const sizes = { image: inputShape, filter: filter.value.shape, depthwise };
    const { window } = geometry(recorder, sizes, attributes);
    return recorder.node({ kind, window }, [dy, filter], inputShape, "float32");
  });
}

function filterGradient(name: string, kind: Op["kind"] & `${string}filter_grad`): TraceKernel {
  return kernel<Geometry & { readonly filterShape: Shape4 }>(name, (recorder, { x, dy }, attributes) => {
    const { filterShape } = attributes, depthwise = kind === "depthwise_conv2d_filter_grad";
    const { window } = geometry(
      recorder,
      { image: x.value.shape, filter: filterShape, depthwise },
      attributes,
    );
    return recorder.node({ kind, window }, [recorder.cast(x, "float32"), dy], filterShape, "float32");
  });
}

/** The kernels of convolutions. tfjs's transposed convolution is `Conv2DBackpropInput`. */
export const convolution: readonly TraceKernel[] = [
  kernel<Geometry>("Conv2D", conv2d),
  fused("FusedConv2D", conv2d),
  inputGradient("Conv2DBackpropInput", "conv2d_input_grad"),
  filterGradient("Conv2DBackpropFilter", "conv2d_filter_grad"),
  kernel<Geometry>("DepthwiseConv2dNative", depthwise),
  fused("FusedDepthwiseConv2D", depthwise),
  inputGradient("DepthwiseConv2dNativeBackpropInput", "depthwise_conv2d_input_grad"),
  filterGradient("DepthwiseConv2dNativeBackpropFilter", "depthwise_conv2d_filter_grad"),
];
