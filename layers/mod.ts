/** The vocabulary of layers. */
export { gelu, leakyRelu, relu, selu, sigmoid, silu, tanh, times } from "./activations.ts";
export { type AttentionOptions, causalAttention } from "./attention.ts";
export { batchNorm, type BatchNormOptions } from "./batch_norm.ts";
export { conv2d, type Conv2dOptions } from "./conv2d.ts";
export { conv2dTranspose } from "./conv2d_transpose.ts";
export { dropout } from "./dropout.ts";
export { embedding, positions } from "./embedding.ts";
export { groupNorm, type GroupNormOptions } from "./group_norm.ts";
export {
  chain,
  type Layer,
  type LayerMaker,
  type LayerRow,
  type Network,
  parallel,
  residual,
  retitled,
  sequential,
  type Shape,
  trained,
  type Training,
  type Values,
  type WeightSpec,
} from "./layer.ts";
export { layerNorm } from "./layer_norm.ts";
export { linear, type LinearOptions } from "./linear.ts";
export { averagePool, globalMaxPool, maxPool, type PoolOptions } from "./pool.ts";
export { oneHotLinear } from "./one_hot_linear.ts";
export {
  gated,
  type GatedCell,
  type GatedOptions,
  type GateStart,
  type StackState,
  throughStack,
} from "./recurrent.ts";
export { flatten, reshape } from "./reshape.ts";
export { sign } from "./sign.ts";
export {
  type Fill,
  HE_NORMAL,
  identityFirst,
  normalOfVariance,
  type Start,
  UNIFORM,
  uniform,
  uniformOfVariance,
  zeros,
} from "./starts.ts";
