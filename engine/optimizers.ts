/**
 * Optimizers in plain tfjs operations whose rate is a tensor, so that a compiled step can change it.
 * Where tfjs has the same optimizer, the updates are equal to tfjs's own (epsilon outside the root, as there).
 *
 * Slots (momenta) and the powers of beta are variables: a checkpoint that keeps `optimizer.slots` resumes exactly.
 */
import * as tf from "@tensorflow/tfjs";
import { namedVariable } from "./variable.ts";

/** A model's trainable variables under their own names (`layer/kernel`); tfjs's names are unique in a process instead. */
export type Weights = Readonly<Record<string, tf.Variable>>;

/** Updates a fixed set of variables from their gradients. */
export interface Optimizer {
  /** Everything that must be kept to go on, named after the weights: `layer/kernel/m`. */
  readonly slots: Weights;
  /**
   * One update of every variable that has a gradient.
   *
   * @param gradients by variable name, as `tf.variableGrads` gives them.
   * @param rate the step size, a scalar.
   */
  applyGradients(gradients: tf.NamedTensorMap, rate: tf.Scalar): void;
  /** Gives the slots back. */
  dispose(): void;
}

/** The slots of one kind, a variable for each weight and named after it: zeros, if `initial` does not say more. */
function slotsOf(
  weights: Weights,
  kind: string,
  initial = (weight: tf.Variable): tf.Tensor => tf.zeros(weight.shape),
): [string, tf.Variable][] {
  return Object.entries(weights).map(([of, weight]) => {
    const name = `${of}/${kind}`;
    return [name, tf.tidy(() => namedVariable(name, initial(weight)))];
  });
}

/** The variables alone. */
function variablesOf(slots: readonly [string, tf.Variable][]): tf.Variable[] {
  return slots.map(([, variable]) => variable);
}

function eachGradient(
  weights: Weights,
  gradients: tf.NamedTensorMap,
  update: (weight: tf.Variable, gradient: tf.Tensor, index: number) => void,
): void {
  Object.values(weights).forEach((weight, index) => {
    const gradient = gradients[weight.name];
    if (gradient) update(weight, gradient, index);
  });
}

/** Stochastic gradient descent. */
export function sgd(weights: Weights): Optimizer {
  return {
    slots: {},
    applyGradients: (gradients, rate) =>
      tf.tidy(() =>
        eachGradient(weights, gradients, (weight, gradient) => {
          weight.assign(tf.sub(weight, tf.mul(rate, gradient)));
        })
      ),
    dispose: () => {},
  };
}

/** Settings of `momentum`. */
export interface MomentumOptions {
  /** Share of the gradients accumulated so far that a step keeps. */
  readonly momentum: number;
  /** Whether to step by gradient + momentum a, one step ahead (Nesterov 1983). Absent: no. */
  readonly nesterov?: boolean;
  /** That many times the weight is added to its gradient, vectors not excepted: PyTorch's `weight_decay`. Absent: 0. */
  readonly weightDecay?: number;
}

/** Gradient descent with momentum: a <- momentum a + gradient, x <- x - rate a (Polyak 1964). */
export function momentum(weights: Weights, options: MomentumOptions): Optimizer {
  const { nesterov = false, weightDecay = 0 } = options;
  const slots = slotsOf(weights, "momentum"), accumulators = variablesOf(slots);
  return {
    slots: Object.fromEntries(slots),
    applyGradients: (gradients, rate) =>
      tf.tidy(() =>
        eachGradient(weights, gradients, (weight, gradient, index) => {
          const slope = weightDecay > 0 ? tf.add(gradient, tf.mul(weight, weightDecay)) : gradient;
          const accumulated = tf.add(tf.mul(accumulators[index], options.momentum), slope);
          accumulators[index].assign(accumulated);
          const update = nesterov ? tf.add(slope, tf.mul(accumulated, options.momentum)) : accumulated;
          weight.assign(tf.sub(weight, tf.mul(rate, update)));
        })
      ),
    dispose: () => tf.dispose(accumulators),
  };
}

/** Settings of `adam` and `adamw`. */
export interface AdamOptions {
  /** Decay of the mean of the gradients. Absent: 0.9. */
  readonly beta1?: number;
  /** Decay of the mean of their squares. Absent: 0.999. */
  readonly beta2?: number;
  /** What keeps the quotient finite. Absent: 1e-7, as in Keras. */
  readonly epsilon?: number;
  /** Decoupled weight decay per unit of rate (Loshchilov and Hutter 2019); vectors (biases, gains) are left alone. */
  readonly weightDecay?: number;
  /** Factors of the rate, by the weight's name, for weights that are to move slower or faster. Absent: 1. */
  readonly factors?: Readonly<Record<string, number>>;
}

/** Adam (Kingma and Ba 2015), algorithm 1 with bias correction; with `weightDecay`, AdamW. */
export function adam(weights: Weights, options: AdamOptions = {}): Optimizer {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7, weightDecay = 0, factors = {} } = options;
  const factorOf = Object.keys(weights).map((name) => factors[name] ?? 1);
  const means = slotsOf(weights, "m"), squares = slotsOf(weights, "v");
  const first = variablesOf(means), second = variablesOf(squares);
  const names = ["beta1_power", "beta2_power"];
  const powers = [beta1, beta2].map((beta, index) =>
    tf.tidy(() => namedVariable(names[index], tf.scalar(beta)))
  );
  return {
    slots: Object.fromEntries([...means, ...squares, ...names.map((name, index) => [name, powers[index]])]),
    applyGradients: (gradients, rate) =>
      tf.tidy(() => {
        const correction1 = tf.sub(1, powers[0]), correction2 = tf.sub(1, powers[1]);
        eachGradient(weights, gradients, (weight, gradient, index) => {
          const m = tf.add(tf.mul(first[index], beta1), tf.mul(gradient, 1 - beta1));
          const v = tf.add(tf.mul(second[index], beta2), tf.mul(tf.square(gradient), 1 - beta2));
          first[index].assign(m);
          second[index].assign(v);
          const update = tf.div(
            tf.div(m, correction1),
            tf.add(tf.sqrt(tf.div(v, correction2)), epsilon),
          );
          const own = factorOf[index] === 1 ? rate : tf.mul(rate, factorOf[index]);
          const kept = weightDecay > 0 && weight.rank > 1
            ? tf.mul(weight, tf.sub(1, tf.mul(own, weightDecay)))
            : weight;
          weight.assign(tf.sub(kept, tf.mul(own, update)));
        });
        powers[0].assign(tf.mul(powers[0], beta1));
        powers[1].assign(tf.mul(powers[1], beta2));
      }),
    dispose: () => tf.dispose([...first, ...second, ...powers]),
  };
}

/** Slow weights that follow the trained ones. */
export interface Averages {
  /** Everything that must be kept to go on, named after the weights: `layer/kernel/average`. */
  readonly slots: Weights;
  /**
   * Moves the averages, a <- decay a + (1 - decay) x, and the weights to where the averages are. A decay of 1 leaves the
   * averages where they are, which ends a training.
   */
  update(decay: tf.Scalar): void;
  dispose(): void;
}

/**
 * Averages of `weights`, buffers not excepted, from which training goes on each time they are updated: Lookahead (Zhang,
 * Lucas, Hinton, Ba 2019). They start as the weights are now.
 */
export function averaged(weights: Weights): Averages {
  const slots = slotsOf(weights, "average", (weight) => tf.clone(weight)), averages = variablesOf(slots);
  return {
    slots: Object.fromEntries(slots),
    update: (decay) =>
      tf.tidy(() =>
        Object.values(weights).forEach((weight, index) => {
          const average = tf.add(weight, tf.mul(decay, tf.sub(averages[index], weight)));
          averages[index].assign(average);
          weight.assign(average);
        })
      ),
    dispose: () => tf.dispose(averages),
  };
}

/** Averages beside the trained weights, which they do not move. */
export interface MovingAverages {
  /** Everything that must be kept to go on, named after the weights: `layer/kernel/average`. */
  readonly slots: Weights;
  /** Moves the averages: a <- decay a + (1 - decay) x. */
  update(decay: tf.Scalar): void;
  /** Puts the averages in the place of the weights, in tfjs: push the weights where a device owns them. */
  adopt(): void;
  dispose(): void;
}

/** Exponential averages of `weights` (Polyak and Juditsky 1992), buffers not excepted; they start as the weights are now. */
export function movingAverages(weights: Weights): MovingAverages {
  const slots = slotsOf(weights, "average", (weight) => tf.clone(weight)), averages = variablesOf(slots);
  const entries = Object.values(weights).map((weight, index) => ({ weight, average: averages[index] }));
  return {
    slots: Object.fromEntries(slots),
    update: (decay) =>
      tf.tidy(() => {
        for (const { weight, average } of entries) {
          average.assign(tf.add(weight, tf.mul(decay, tf.sub(average, weight))));
        }
      }),
    adopt: () => {
      for (const { weight, average } of entries) tf.tidy(() => weight.assign(tf.clone(average)));
    },
    dispose: () => tf.dispose(averages),
  };
}

/**
 * The decay of averages after `step` = 0, 1, … when it warms up to `most`: what the first steps left is soon forgotten,
 * as averages never reach further back than a tenth of the steps made.
 */
export function warmDecay(step: number, most: number): number {
  return Math.min(most, (1 + step) / (10 + step));
}

/**
 * The rate at step `step` of `steps` in one cycle (Smith 2018): up in a line from `start` times the peak, which is reached
 * after the share `rise` of the steps, and down in a line to `end` times the peak.
 */
export function oneCycleRate(
  step: number,
  options: {
    readonly steps: number;
    readonly peak: number;
    readonly rise: number;
    readonly start: number;
    readonly end: number;
  },
): number {
  const { steps, peak, rise, start, end } = options;
  // Where the number of steps is still being chosen, the cycle has only begun.
  const done = steps === Infinity ? 0 : Math.min(1, step / steps);
  return peak *
    (done < rise ? start + (1 - start) * done / rise : 1 + (end - 1) * (done - rise) / (1 - rise));
}

/**
 * The rate at step `step` of `steps`: linear warm-up, then half a cosine to zero (Loshchilov and Hutter 2017).
 */
export function cosineRate(
  step: number,
  options: { readonly steps: number; readonly peak: number; readonly warmup?: number },
): number {
  const { steps, peak, warmup = 0 } = options;
  const rise = warmup > 0 ? Math.min(1, (step + 1) / warmup) : 1;
  return peak * rise * 0.5 * (1 + Math.cos(Math.PI * Math.min(1, step / steps)));
}
