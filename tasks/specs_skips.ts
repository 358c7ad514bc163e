/** The specs of tfjs that may fail, and why. */

/** Specs whose full name, or what went wrong with them, the pattern finds. */
export interface Skip {
  readonly pattern: RegExp;
  readonly reason: string;
}

const ENGINE: readonly Skip[] = [
  {
    pattern: /Kernel 'Complex' not registered/,
    reason: "the engine has no complex numbers, so no Fourier transform",
  },
  {
    pattern:
      /Kernel 'St(ring|atic)\w+' not registered|current value is string|Fill as value must be a number/,
    reason: "the engine has no strings",
  },
  {
    pattern: /Kernel '(Ragged|Sparse)\w+' not registered/,
    reason: "the engine has no ragged or sparse tensors",
  },
  {
    pattern: /Kernel '\w+3D\w*' not registered/,
    reason: "the engine has no convolution or pooling of volumes",
  },
  {
    pattern: /Kernel '(CropAndResize|NonMaxSuppressionV.|Transform|LRN|Dilation2D)' not registered/,
    reason: "image operations that no model here uses",
  },
  {
    pattern: /Kernel '(Unique|SearchSorted)' not registered/,
    reason: "operations whose results' shapes or order depend on values",
  },
  {
    pattern: /Kernel '(MaxPoolWithArgmax|BroadcastArgs|BitwiseAnd)' not registered/,
    reason: "operations that the engine lacks yet",
  },
  { pattern: /dataFormat must be NHWC/, reason: "the engine's images are NHWC only" },
  {
    pattern: /Kernel 'Multinomial' not registered/,
    reason: "draws on the host, with tfjs's own seed; the engine has categorical()",
  },
  {
    pattern: /^gather throws when index is out of bound\n/,
    reason: "an index is seen on the device only, where nothing can throw: one out of bound gathers zeros",
  },
  {
    pattern: /^avgPool gradient x=\[3,3,1\] f=\[3,3\] s=1 p=explicit\n/,
    reason:
      "tfjs's gradient counts the padding, its mean does not; the engine's gradient is that of the mean",
  },
  {
    pattern: /^conv2dTranspose input=8x8x8,output=4x4x8,f=8/,
    reason: "shapes that do not belong together, of which tfjs uses a part",
  },
];

/** By backend. */
export const SKIPS: Readonly<Record<string, readonly Skip[]>> = {
  cpu: [],
  reference: ENGINE,
  wasm: ENGINE,
  webgpu: [...ENGINE, {
    pattern: /^tan numbers exceed float32 precision\n.*= 30144\.17/,
    reason:
      "asks for 30144.1753 to 0.001, where numbers of float32 are 0.002 apart: the engine is one of them off",
  }],
};
