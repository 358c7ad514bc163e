/** How weights start. */
import type { Random } from "../base/random.ts";

/** The first values of a weight of `size` numbers, in a layer whose units each sum `inputs` numbers. */
export type Fill = (
  random: Random,
  weight: { readonly size: number; readonly inputs: number },
) => Float32Array;

/** How a layer's kernel and biases start. */
export interface Start {
  readonly kernel: Fill;
  readonly bias: Fill;
}

/** All 0. */
export function zeros(_random: Random, { size }: { readonly size: number }): Float32Array {
  return new Float32Array(size);
}

/** Uniform in ±scale / sqrt(inputs); absent, `scale` is 1. */
export function uniform(scale = 1): Fill {
  return (random, { size, inputs }) => random.uniforms(size, scale / Math.sqrt(inputs));
}

/** Uniform of variance `gain` / inputs: 2 keeps the variance through ReLUs (He et al. 2015), 1 without them. */
export function uniformOfVariance(gain: number): Fill {
  return (random, { size, inputs }) => random.uniforms(size, Math.sqrt(3 * (gain / inputs)));
}

/** Normal of variance `gain` / inputs. */
export function normalOfVariance(gain: number): Fill {
  return (random, { size, inputs }) => random.normals(size, Math.sqrt(gain / inputs));
}

/**
 * The first filters of a square convolution, one for each channel that comes in, hand their channel on as it is (PyTorch's
 * `dirac_`); the others are uniform in ±1 / sqrt(inputs). `kernel` is the odd height and width.
 */
export function identityFirst(kernel: number): Fill {
  return (random, { size, inputs }) => {
    const filters = size / inputs, channels = inputs / kernel ** 2, passed = Math.min(channels, filters);
    const values = uniform()(random, { size, inputs });
    for (let at = 0; at < inputs; at++) values.fill(0, at * filters, at * filters + passed);
    const centre = (kernel ** 2 - 1) / 2 * channels;
    for (let channel = 0; channel < passed; channel++) values[(centre + channel) * filters + channel] = 1;
    return values;
  };
}

/**
 * Kernels normal of variance 2 / inputs (He et al. 2015), biases 0. In PyTorch `kaiming_normal_`, in Keras
 * `he_normal`, there without the cut at two deviations.
 */
export const HE_NORMAL: Start = Object.freeze({ kernel: normalOfVariance(2), bias: zeros });

/** Kernels and biases alike uniform in ±1 / sqrt(inputs): what PyTorch's nn.Linear and nn.Conv2d start with. */
export const UNIFORM: Start = Object.freeze({ kernel: uniform(), bias: uniform() });

/** Kernels normal of variance 1 / inputs, biases 0: what SELU was made for (Klambauer et al. 2017); `lecun_normal`. */
export const LECUN_NORMAL: Start = Object.freeze({ kernel: normalOfVariance(1), bias: zeros });

/**
 * Kernels normal of variance `gain` / inputs, biases `bias`: above 0 for ReLUs that are not to be 0 for every image at the
 * start. A ReLU that is has no gradient, and stays so.
 */
export function awake({ gain, bias }: { readonly gain: number; readonly bias: number }): Start {
  return {
    kernel: normalOfVariance(gain),
    bias: (_random, { size }) => new Float32Array(size).fill(bias),
  };
}
