/**
 * Gradient descent and Adam on functions of one number, step by step in double precision.
 * Kingma and Ba: "Adam: A Method for Stochastic Optimization" (ICLR 2015, arXiv 1412.6980), algorithm 1.
 */

/** A function of one number. */
export interface LineFunction {
  readonly value: (x: number) => number;
  /** Where the function has a kink, the slope to its right; at the tip of |x| the 0 of its symmetry. */
  readonly slope: (x: number) => number;
}

/** Where the bump of `landscape` begins: at the distance L = 1 from the start at 0. */
export const BUMP_START = 1;

/**
 * A slope downhill with a triangular bump `height` high and twice as wide: slope -1 up to x = 1, +1 up the bump to
 * x = 1 + height, -1 from there on.
 */
export function landscape(height: number): LineFunction {
  const top = BUMP_START + height;
  return {
    value: (x) => x < BUMP_START ? -x : x < top ? x - 2 * BUMP_START : 2 * height - x,
    slope: (x) => x >= BUMP_START && x < top ? 1 : -1,
  };
}

/** max(0, x). */
export const RELU: LineFunction = { value: (x) => Math.max(0, x), slope: (x) => x >= 0 ? 1 : 0 };

/** 1 / (1 + e^-x). */
export const SIGMOID: LineFunction = {
  value: (x) => 1 / (1 + Math.exp(-x)),
  slope: (x) => 1 / ((1 + Math.exp(-x)) * (1 + Math.exp(x))),
};

/** |x|. */
export const ABSOLUTE: LineFunction = { value: Math.abs, slope: Math.sign };

/** A step size, and where to start. */
export interface DescentOptions {
  readonly start: number;
  readonly rate: number;
  readonly steps: number;
}

/** `x[0]` is the start, `x[t]` where step t led; `slope[t - 1]` is what that step saw. */
export interface Descent {
  readonly x: readonly number[];
  readonly slope: readonly number[];
}

/** Plain gradient descent: x <- x - rate slope(x). */
export function descend(f: LineFunction, { start, rate, steps }: DescentOptions): Descent {
  const x = [start], slope: number[] = [];
  for (let t = 1; t <= steps; t++) {
    slope.push(f.slope(x[t - 1]));
    x.push(x[t - 1] - rate * slope[t - 1]);
  }
  return { x, slope };
}

/** What Adam computes at step t. */
export interface AdamStep {
  /** From 1. */
  readonly t: number;
  /** The slope where the step begins. */
  readonly g: number;
  /** Means of g and g², decaying by beta1 and beta2, and the same corrected for their start at 0. */
  readonly m: number;
  readonly v: number;
  readonly mHat: number;
  readonly vHat: number;
  /** Where the step leads. */
  readonly x: number;
}

/** Adam's settings; the betas are the paper's, epsilon is the assignment's 0. */
export interface AdamSettings extends DescentOptions {
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
}

/**
 * Adam, algorithm 1. With epsilon 0 the step is 0/0 as long as every slope was 0: it is 0 then, which is its value for
 * every epsilon above 0. Once a slope was not 0, v stays above 0 and there is no such case.
 */
export function adamSteps(f: LineFunction, settings: AdamSettings): AdamStep[] {
  const { start, rate, steps, beta1 = 0.9, beta2 = 0.999, epsilon = 0 } = settings;
  const taken: AdamStep[] = [];
  let x = start, m = 0, v = 0;
  for (let t = 1; t <= steps; t++) {
    const g = f.slope(x);
    m = beta1 * m + (1 - beta1) * g;
    v = beta2 * v + (1 - beta2) * g * g;
    const mHat = m / (1 - beta1 ** t), vHat = v / (1 - beta2 ** t);
    if (vHat > 0) x -= rate * mHat / (Math.sqrt(vHat) + epsilon);
    taken.push({ t, g, m, v, mHat, vHat, x });
  }
  return taken;
}

/** Heights that are tried before the bisection, which needs that all below the largest are escaped from. */
const SCAN = 0.01;
const SCANNED = 200;

/**
 * The largest height of a bump that a walk gets over, to within 1e-6: bisection between the last height of a scan up to
 * 2 that it gets over and the next.
 *
 * @param walk the positions of a walk from 0 on `landscape(height)`.
 * @throws {RangeError} where no height holds it, or one is got over above one that holds it: there is no limit then.
 */
export function largestBumpEscaped(walk: (height: number) => readonly number[]): number {
  const escapes = (height: number) => walk(height).some((x) => x >= BUMP_START + height);
  const heights = Array.from({ length: SCANNED }, (_, index) => (index + 1) * SCAN);
  const first = heights.findIndex((height) => !escapes(height));
  if (first < 0 || heights.slice(first).some(escapes)) {
    throw new RangeError(
      "Cannot bisect as bumps must hold the walk from one height up to 2 and not below: choose another rate",
    );
  }
  let low = heights[first] - SCAN, high = heights[first];
  while (high - low > 1e-6) {
    const middle = (low + high) / 2;
    if (escapes(middle)) low = middle;
    else high = middle;
  }
  return low;
}
