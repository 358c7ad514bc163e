/**
 * The built-in image set: handwriting-like digits that are drawn, not downloaded. 28x28 grey levels on black,
 * ink in a box of about 20x20, ten classes, 60,000 + 10,000 images: the shape and the variety of MNIST.
 *
 * A digit is a skeleton (a few smooth pen curves), of one of several styles, whose points are jittered, bent,
 * slanted, turned and stretched, then scaled into the box and inked with a round pen of varying width.
 * Image `i` of a split depends on nothing but the split and `i`. Only + - * / and square roots are used, which
 * every machine rounds alike, so the bytes are the same everywhere.
 */
import { type Random, stream } from "../base/random.ts";
import type { Images, Split } from "./image_set.ts";

/** Height and width of a digit in pixels. */
export const DIGIT_SIZE = 28;
/** How many digits each split holds. */
export const DIGIT_COUNTS: Readonly<Record<Split, number>> = { train: 60_000, test: 10_000 };

const CLASSES = 10;
/** Fixed for ever: another seed would be another data set. */
const SEED = 20_250_621;

/**
 * The styles of each digit: how often one is written, then its pen curves, x right and y down, in hundredths of
 * the digit's height. ";" ends a curve; a point named twice is one point, so curves stay joined when it is moved;
 * a curve that ends where it began is closed and smooth.
 */
const STYLES: readonly (readonly (readonly [weight: number, curves: string])[])[] = [
  [
    [4, "30 0, 4 15, -6 50, 4 85, 30 100, 56 85, 66 50, 56 15, 30 0"],
    [3, "42 2, 16 6, -4 44, 2 82, 28 100, 56 84, 66 48, 56 12, 34 2, 22 10"],
    [2, "20 6, -2 32, -2 70, 20 98, 48 92, 66 58, 60 20, 38 0, 20 2"],
  ],
  [
    [7, "0 0, 0 50, 0 100"],
    [2, "-20 24, 0 0; 0 0, 1 50, 0 100"],
    [1, "-18 20, 0 0; 0 0, 0 100; -24 100, 0 100, 26 99"],
  ],
  [
    [4, "2 20, 12 4, 34 0, 52 14, 48 40, 28 70, 0 98; 0 98, 30 96, 62 98"],
    [4, "2 18, 18 2, 40 2, 54 20, 44 50, 24 80, 8 96, 0 88, 10 78, 32 88, 48 98, 66 92"],
    [2, "6 12, 26 0, 48 8, 50 30, 30 62, 4 94; 4 94, 22 88, 44 98, 66 90"],
  ],
  [
    [4, "4 14, 22 0, 46 8, 46 32, 20 46; 20 46, 50 56, 54 82, 32 100, 0 90"],
    [3, "6 8, 28 0, 48 14, 38 38, 18 48, 22 42, 44 52, 54 76, 36 98, 6 98, -2 90"],
    [1, "4 4, 28 2, 50 2; 50 2, 22 40; 22 40, 48 50, 54 76, 34 98, 2 92"],
  ],
  [
    [4, "8 2, 4 30, 0 54; 0 54, 28 56, 60 50; 52 0, 48 50, 44 100"],
    [3, "12 4, 2 36, 4 54, 26 58, 50 44; 54 2, 50 44, 46 100"],
    [2, "44 0, 22 32, 0 64; 0 64, 30 64, 66 62; 44 0, 44 50, 42 100"],
  ],
  [
    [4, "56 2, 34 4, 12 4; 12 4, 6 44; 6 44, 32 36, 56 54, 52 82, 28 100, 0 90"],
    [3, "58 0, 24 4, 12 20, 12 40, 38 48, 54 68, 42 92, 16 100, 0 92"],
    [2, "14 10, 8 46; 8 46, 36 42, 54 62, 46 90, 22 100, 0 92; 16 6, 40 6, 64 0"],
  ],
  [
    [4, "44 0, 20 20, 4 52, 4 84, 26 100, 50 86, 48 62, 26 54, 6 70"],
    [3, "30 0, 10 32, 0 70, 12 96, 34 96, 46 80, 34 66, 8 74"],
    [2, "56 4, 34 4, 10 30, 0 66, 14 96, 42 96, 54 74, 38 56, 12 64, 4 78"],
  ],
  [
    [4, "0 6, 30 4, 58 2; 58 2, 40 40, 22 100"],
    [2, "0 6, 30 4, 58 2; 58 2, 40 42, 24 100; 16 50, 56 46"],
    [2, "0 20, 4 2; 4 2, 30 6, 60 2; 60 2, 42 44, 34 100"],
    [2, "0 12, 18 2, 46 2, 54 16, 40 52, 26 100"],
  ],
  [
    [4, "52 14, 30 0, 8 14, 22 42, 48 64, 50 88, 26 100, 2 86, 8 64, 40 38, 52 14"],
    [3, "28 0, 8 12, 10 36, 28 46, 48 36, 48 12, 28 0; 28 46, 4 60, 2 86, 28 100, 54 86, 52 60, 28 46"],
    [2, "56 8, 34 0, 10 14, 22 40, 44 60, 44 88, 22 100, 6 86, 16 62, 44 36, 60 12"],
  ],
  [
    [4, "48 14, 26 2, 4 20, 6 44, 26 50, 46 32, 50 8; 50 8, 48 50, 44 100"],
    [3, "50 18, 30 0, 6 14, 2 38, 22 50, 46 36, 52 14, 54 50, 44 86, 22 100, 6 92"],
    [2, "54 8, 30 2, 6 20, 4 40, 26 48, 50 24, 54 8, 44 44, 24 100"],
  ],
];

/** One way to write a digit. Curves are lists of indices into `points` (x, y, x, y, …). */
interface Skeleton {
  readonly weight: number;
  readonly points: Float64Array;
  readonly curves: readonly (readonly number[])[];
}

function parseSkeleton(weight: number, text: string): Skeleton {
  const indices = new Map<string, number>();
  const points: number[] = [];
  const curves = text.split(";").map((curve) =>
    curve.split(",").map((point) => {
      const name = point.trim();
      const known = indices.get(name);
      if (known !== undefined) return known;
      const [x, y] = name.split(" ").map(Number);
      points.push(x / 100 - 0.3, y / 100 - 0.5);
      indices.set(name, indices.size);
      return indices.size - 1;
    })
  );
  return { weight, points: Float64Array.from(points), curves };
}

const SKELETONS: readonly (readonly Skeleton[])[] = STYLES.map((styles) =>
  styles.map(([weight, curves]) => parseSkeleton(weight, curves))
);

/** Straight pieces that a curve is cut into between two neighbouring points. */
const PIECES = 4;
/** Longest side of the ink in pixels, before jitter. */
const BOX = 20;
/** Width in pixels of the soft edge of a stroke. */
const SOFTNESS = 1.3;

/** Draws `count` digits from index `offset` on. */
export function drawDigits(
  { split, offset, count }: { readonly split: Split; readonly offset: number; readonly count: number },
): Images {
  const area = DIGIT_SIZE * DIGIT_SIZE;
  const pixels = new Uint8Array(count * area);
  const labels = new Uint8Array(count);
  const root = stream(SEED).fork(split);
  const shapes = root.fork("shapes");
  const orders = root.fork("labels");
  const canvas = new Canvas();
  let order: Int32Array = new Int32Array(CLASSES);
  for (let i = 0; i < count; i++) {
    const index = offset + i;
    // Each ten consecutive images hold every class once, so that any count is balanced.
    if (i === 0 || index % CLASSES === 0) order = orders.at(Math.floor(index / CLASSES)).permutation(CLASSES);
    labels[i] = order[index % CLASSES];
    drawDigit(canvas, SKELETONS[labels[i]], shapes.at(index));
    canvas.develop(pixels.subarray(i * area, (i + 1) * area));
  }
  return { height: DIGIT_SIZE, width: DIGIT_SIZE, channels: 1, classes: CLASSES, pixels, labels };
}

/** Bell-shaped, mean 0, standard deviation 1, never beyond 3: no outliers that nobody could read. */
function bell(random: Random): number {
  return 2 * (random.uniform() + random.uniform() + random.uniform()) - 3;
}

function chooseSkeleton(styles: readonly Skeleton[], random: Random): Skeleton {
  let total = 0;
  for (const style of styles) total += style.weight;
  let left = random.uniform() * total;
  for (const style of styles) {
    left -= style.weight;
    if (left < 0) return style;
  }
  return styles[styles.length - 1];
}

/** Writes one digit of a class on a fresh canvas. */
function drawDigit(canvas: Canvas, styles: readonly Skeleton[], random: Random): void {
  const { points, curves } = chooseSkeleton(styles, random);
  const moved = movePoints(points, random);
  const path = curves.map((curve) => flatten(curve, moved));
  const radius = 1.29 + 0.3 * bell(random);
  fit(path, random, radius);
  canvas.clear();
  // The pen presses a little harder at one end of the digit than at the other.
  const pressure = 0.12 * bell(random);
  let drawn = 0, total = 0;
  for (const line of path) total += line.length / 2;
  for (const line of path) {
    for (let at = 0; at + 3 < line.length; at += 2) {
      const thickness = radius * (1 + pressure * (2 * drawn / total - 1));
      canvas.segment(line[at], line[at + 1], line[at + 2], line[at + 3], thickness);
      drawn++;
    }
  }
}

/** The writer's hand: jitter of each point, a smooth bend of the whole, then slant, rotation and width. */
function movePoints(points: Float64Array, random: Random): Float64Array {
  const jitter = 0.049 * (1 + 0.35 * bell(random));
  const slant = 0.12 + 0.25 * bell(random);
  // Half the tangent of the angle parametrises a rotation without a sine.
  const half = 0.045 * bell(random);
  const cosine = (1 - half * half) / (1 + half * half), sine = 2 * half / (1 + half * half);
  const width = 1.08 + 0.24 * bell(random);
  const bendX = 0.2 * bell(random), bendY = 0.2 * bell(random);
  const taper = 0.28 * bell(random), lean = 0.2 * bell(random), waist = 0.14 * bell(random);
  const moved = new Float64Array(points.length);
  let strayX = 0, strayY = 0;
  for (let at = 0; at < points.length; at += 2) {
    // Neighbouring points stray together: a hand wanders, it does not tremble.
    strayX = 0.6 * strayX + 0.8 * jitter * bell(random);
    strayY = 0.6 * strayY + 0.8 * jitter * bell(random);
    const x0 = points[at] + strayX, y0 = points[at + 1] + strayY;
    const x1 = width * (x0 * (1 + taper * y0) + bendX * (y0 * y0 - 0.08)) + slant * -y0;
    const y1 = y0 + bendY * (x0 * x0 - 0.04) + lean * x0 * y0 + waist * (y0 * y0 - 0.08);
    moved[at] = cosine * x1 - sine * y1;
    moved[at + 1] = sine * x1 + cosine * y1;
  }
  return moved;
}

/** A Catmull-Rom curve through the points as a polyline x, y, x, y, … */
function flatten(curve: readonly number[], points: Float64Array): Float64Array {
  const last = curve.length - 1;
  const closed = curve[0] === curve[last];
  const line = new Float64Array(2 * (last * PIECES + 1));
  let at = 0;
  for (let i = 0; i < last; i++) {
    const before = 2 * (i > 0 ? curve[i - 1] : closed ? curve[last - 1] : curve[0]);
    const from = 2 * curve[i], to = 2 * curve[i + 1];
    const after = 2 * (i + 2 <= last ? curve[i + 2] : closed ? curve[1] : curve[last]);
    for (let piece = 0; piece < PIECES; piece++) {
      const t = piece / PIECES;
      for (let axis = 0; axis < 2; axis++) {
        const p0 = points[before + axis], p1 = points[from + axis];
        const p2 = points[to + axis], p3 = points[after + axis];
        line[at++] = p1 +
          0.5 * t * (p2 - p0 + t * (2 * p0 - 5 * p1 + 4 * p2 - p3 + t * (3 * (p1 - p2) + p3 - p0)));
      }
    }
  }
  line[at++] = points[2 * curve[last]];
  line[at] = points[2 * curve[last] + 1];
  return line;
}

/** Scales the path into the ink box and centres its mass, with some jitter in size and place. */
function fit(path: readonly Float64Array[], random: Random, radius: number): void {
  let left = Infinity, right = -Infinity, top = Infinity, bottom = -Infinity;
  let massX = 0, massY = 0, mass = 0;
  for (const line of path) {
    for (let at = 0; at < line.length; at += 2) {
      const x = line[at], y = line[at + 1];
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
      if (at === 0) continue;
      const dx = x - line[at - 2], dy = y - line[at - 1];
      const length = Math.sqrt(dx * dx + dy * dy);
      massX += length * (x + line[at - 2]) / 2;
      massY += length * (y + line[at - 1]) / 2;
      mass += length;
    }
  }
  const side = BOX - 2 * radius - 1.2 * random.uniform();
  const scale = side / Math.max(right - left, bottom - top);
  // Keeps the outermost ring of pixels black, pressure and soft edge included.
  const margin = radius + 2;
  const place = (centre: number, low: number, high: number): number => {
    const wanted = DIGIT_SIZE / 2 - scale * centre + 0.5 * bell(random);
    return Math.max(margin - scale * low, Math.min(DIGIT_SIZE - margin - scale * high, wanted));
  };
  const shiftX = place(massX / mass, left, right), shiftY = place(massY / mass, top, bottom);
  for (const line of path) {
    for (let at = 0; at < line.length; at += 2) {
      line[at] = scale * line[at] + shiftX;
      line[at + 1] = scale * line[at + 1] + shiftY;
    }
  }
}

/** How deep each pixel lies in the ink: positive inside a stroke, negative outside. */
class Canvas {
  readonly #depth = new Float64Array(DIGIT_SIZE * DIGIT_SIZE);

  clear(): void {
    this.#depth.fill(-SOFTNESS);
  }

  /** Inks everything within `radius` of the segment from (x0, y0) to (x1, y1). */
  segment(x0: number, y0: number, x1: number, y1: number, radius: number): void {
    const reach = radius + SOFTNESS / 2;
    const left = Math.max(0, Math.floor(Math.min(x0, x1) - reach));
    const right = Math.min(DIGIT_SIZE - 1, Math.floor(Math.max(x0, x1) + reach));
    const top = Math.max(0, Math.floor(Math.min(y0, y1) - reach));
    const bottom = Math.min(DIGIT_SIZE - 1, Math.floor(Math.max(y0, y1) + reach));
    const dx = x1 - x0, dy = y1 - y0;
    const inverse = 1 / Math.max(dx * dx + dy * dy, 1e-12);
    for (let row = top; row <= bottom; row++) {
      const fromY = row + 0.5 - y0;
      for (let column = left; column <= right; column++) {
        const fromX = column + 0.5 - x0;
        const along = Math.max(0, Math.min(1, (fromX * dx + fromY * dy) * inverse));
        const awayX = fromX - along * dx, awayY = fromY - along * dy;
        const depth = radius - Math.sqrt(awayX * awayX + awayY * awayY);
        const at = row * DIGIT_SIZE + column;
        if (depth > this.#depth[at]) this.#depth[at] = depth;
      }
    }
  }

  /** Turns depth into grey levels with a soft edge. */
  develop(pixels: Uint8Array): void {
    for (let at = 0; at < pixels.length; at++) {
      const level = this.#depth[at] / SOFTNESS + 0.5;
      pixels[at] = level <= 0 ? 0 : level >= 1 ? 255 : Math.floor(255 * level + 0.5);
    }
  }
}
