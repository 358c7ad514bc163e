import assert from "node:assert/strict";
import { stream } from "../../base/random.ts";
import { diagonalGaussianKl, type Gaussian, gaussianKl } from "../../metrics/gaussian.ts";

function near(actual: number, expected: number, tolerance = 1e-12): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected} within ${tolerance}`);
}

/** The example of docs/variational-autoencoder.md. */
const P: Gaussian = { mean: [1, -0.5], covariance: [2, 0.6, 0.6, 0.5] };
const Q: Gaussian = { mean: [0.2, 0], covariance: [1, -0.3, -0.3, 0.8] };

Deno.test("worked by hand: one dimension, and two with covariances", () => {
  // 1/2 (4/1 + 9/1 - 1 - ln 4)
  near(diagonalGaussianKl({ mean: [3], variance: [4] }), 6 - Math.LN2);
  near(gaussianKl({ mean: [3], covariance: [4] }, { mean: [0], covariance: [1] }), 6 - Math.LN2);
  // det P = 0.64, det Q = 0.71, Q^-1 = [[.8, .3], [.3, 1]] / .71, q - p = (-.8, .5).
  const trace = (0.8 * 2 + 0.3 * 0.6 + 0.3 * 0.6 + 1 * 0.5) / 0.71;
  const distance = (0.8 * 0.64 - 2 * 0.3 * 0.4 + 0.25) / 0.71;
  near(gaussianKl(P, Q), (trace + distance - 2 + Math.log(0.71 / 0.64)) / 2);
  near(gaussianKl(P, P), 0);
});

Deno.test("the general form reduces to the diagonal one, and that to the autoencoder's", () => {
  const random = stream(0).fork("gaussian");
  for (const size of [1, 2, 5, 16]) {
    const draw = (scale: number) => Array.from({ length: size }, () => scale * random.normal());
    const variances = () => draw(1).map(Math.exp);
    const full = (diagonal: readonly number[]) =>
      Array.from({ length: size * size }, (_, at) => at % (size + 1) === 0 ? diagonal[at / (size + 1)] : 0);
    const p = { mean: draw(1), variance: variances() }, q = { mean: draw(1), variance: variances() };
    const general = gaussianKl({ mean: p.mean, covariance: full(p.variance) }, {
      mean: q.mean,
      covariance: full(q.variance),
    });
    near(general, diagonalGaussianKl(p, q), 1e-10 * (1 + general));
    const standard = { mean: q.mean.map(() => 0), variance: q.variance.map(() => 1) };
    near(diagonalGaussianKl(p), diagonalGaussianKl(p, standard));
    near(
      diagonalGaussianKl(p),
      p.mean.reduce((sum, m, i) => sum + p.variance[i] + m * m - 1 - Math.log(p.variance[i]), 0) / 2,
      1e-10,
    );
  }
});

Deno.test("it is the mean of ln p(x) / q(x) over draws from p", () => {
  // Cholesky factor of P by hand: [[sqrt 2, 0], [.6 / sqrt 2, sqrt(.5 - .18)]].
  const a = Math.SQRT2, b = 0.6 / a, c = Math.sqrt(0.32);
  const logDensity = ({ mean, covariance }: Gaussian, x: number, y: number): number => {
    const [s, t, , u] = Array.from(covariance), det = s * u - t * t, dx = x - mean[0], dy = y - mean[1];
    return -0.5 * ((u * dx * dx - 2 * t * dx * dy + s * dy * dy) / det + Math.log(det));
  };
  const random = stream(1).fork("draws"), count = 100_000;
  let sum = 0, squares = 0;
  for (let draw = 0; draw < count; draw++) {
    const e = random.normal(), f = random.normal();
    const x = P.mean[0] + a * e, y = P.mean[1] + b * e + c * f;
    const ratio = logDensity(P, x, y) - logDensity(Q, x, y);
    sum += ratio;
    squares += ratio * ratio;
  }
  const mean = sum / count, error = Math.sqrt((squares / count - mean * mean) / count);
  const kl = gaussianKl(P, Q);
  assert.ok(Math.abs(mean - kl) < 4 * error && error < 0.01 * kl, `${mean} +- ${error} is not ${kl}`);
});

Deno.test("what is no Gaussian is refused", () => {
  const flat = { mean: [0, 0], covariance: [1, 1, 1, 1] };
  assert.throws(() => gaussianKl(flat, Q), /positive definite/);
  assert.throws(() => gaussianKl({ mean: [0, 0], covariance: [1, 0.5, 0, 1] }, Q), /symmetric/);
  assert.throws(() => gaussianKl({ mean: [0], covariance: [1] }, Q), /1 dimensions: one has 2/);
  assert.throws(() => gaussianKl(P, { mean: [0, 0], covariance: [1, 0, 1] }), /2 x 2 numbers: it holds 3/);
  assert.throws(() => diagonalGaussianKl({ mean: [0], variance: [0] }), /above 0/);
  assert.throws(() => diagonalGaussianKl({ mean: [0], variance: [1, 1] }), /dimensions/);
});
