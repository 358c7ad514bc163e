/**
 * How samples and real data cover each other, by balls around each point that reach to its k-th neighbour: precision and
 * recall (Kynkäänniemi et al. 2019), density and coverage (Naeem et al. 2020).
 */

/** Shares in 0..1; density may exceed 1. */
export interface Neighbourhoods {
  /** Samples within the ball of some real point. */
  readonly precision: number;
  /** Real points within the ball of some sample. */
  readonly recall: number;
  /** How many real balls a sample lies in, divided by k: 1 for samples like the real data. */
  readonly density: number;
  /** Real points whose ball holds a sample. */
  readonly coverage: number;
}

/**
 * Compares samples [M, size] with real features [N, size] by Euclidean distances; a point is not its own neighbour, and
 * a ball holds its edge. Takes time N M + N² + M².
 *
 * @throws {RangeError} unless both hold more than `neighbours` rows.
 */
export function neighbourhoods(real: ArrayLike<number>, samples: ArrayLike<number>, options: {
  readonly size: number;
  readonly neighbours: number;
}): Neighbourhoods {
  const { size, neighbours } = options;
  const count = real.length / size, drawn = samples.length / size;
  if (
    !(Number.isInteger(count) && Number.isInteger(drawn) && Math.min(count, drawn) > neighbours &&
      neighbours >= 1)
  ) {
    throw new RangeError(
      `Cannot find ${neighbours} neighbours as both sets must hold more rows of ${size} than that: ` +
        `they hold ${count} and ${drawn}`,
    );
  }
  const realRadii = radii(real, options), sampleRadii = radii(samples, options);
  const covered = new Uint8Array(count), recalled = new Uint8Array(count);
  let precise = 0, balls = 0;
  for (let j = 0; j < drawn; j++) {
    let within = 0;
    for (let i = 0; i < count; i++) {
      const distance = squaredDistance(real, i, samples, j, size);
      if (distance <= realRadii[i]) {
        within++;
        covered[i] = 1;
      }
      if (distance <= sampleRadii[j]) recalled[i] = 1;
    }
    balls += within;
    if (within > 0) precise++;
  }
  const share = (marks: Uint8Array) => marks.reduce((sum, mark) => sum + mark, 0) / count;
  return {
    precision: precise / drawn,
    recall: share(recalled),
    density: balls / (neighbours * drawn),
    coverage: share(covered),
  };
}

/** Squared distance of each point to its k-th nearest other point. */
function radii(
  points: ArrayLike<number>,
  { size, neighbours }: { readonly size: number; readonly neighbours: number },
): Float64Array {
  const count = points.length / size;
  return Float64Array.from({ length: count }, (_, i) => {
    const distances = Float64Array.from(
      { length: count },
      (_, j) => squaredDistance(points, i, points, j, size),
    );
    distances[i] = Infinity;
    return distances.sort()[neighbours - 1];
  });
}

function squaredDistance(
  a: ArrayLike<number>,
  i: number,
  b: ArrayLike<number>,
  j: number,
  size: number,
): number {
  let sum = 0;
  for (let index = 0; index < size; index++) sum += (a[i * size + index] - b[j * size + index]) ** 2;
  return sum;
}
