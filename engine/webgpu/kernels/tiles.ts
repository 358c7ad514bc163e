/**
 * The inner loop of a matrix product, in ways that differ in what an invocation holds and how factors reach it.
 *
 * Staged: strips of both factors go through workgroup memory, the next strip being fetched while the last is used;
 * what GPUs like. Direct: each invocation reads its rows and columns itself, without barriers; what a processor that
 * plays GPU likes, as its caches do the rest, and small products.
 *
 * Every element is one fused chain over the inner extent in ascending order, whatever the tile.
 */
import type { Factor, Product, Tile } from "./context.ts";

/** From the largest, with most reuse of what is loaded, to the smallest, with most workgroups. */
export const STAGED: readonly Tile[] = [
  { name: "staged 128x128", own: [8, 8], lanes: [16, 16], depth: 8 },
  { name: "staged 64x64", own: [4, 4], lanes: [16, 16], depth: 16 },
  { name: "staged 32x32", own: [4, 4], lanes: [8, 8], depth: 32 },
];
/** One for processors, where eight lanes are one vector and share their columns, and one for small products. */
export const DIRECT = {
  processor: { name: "direct 64x8", own: [8, 8], lanes: [8, 1] },
  small: { name: "direct 32x32", own: [4, 4], lanes: [8, 8] },
} as const satisfies Readonly<Record<string, Tile>>;
/** All tiles. */
export const TILES: readonly Tile[] = [...STAGED, DIRECT.processor, DIRECT.small];

/** Every strip's length divides it, and so does every piece of a cut sum but the last. */
export const CHUNK = 32;
/** Steps along the inner axis that are written out: enough to hide the loop, few enough to compile fast. */
const UNROLLED = 8;

/** Rows and columns of a tile. */
export function extentOf({ own, lanes }: Tile): { readonly rows: number; readonly columns: number } {
  return { rows: own[0] * lanes[0], columns: own[1] * lanes[1] };
}

/** By batch, how many products its sums have; one number where all batches are alike. */
export function lengthsOf(
  { inner, lengths = [inner] }: Pick<Product, "inner" | "lengths">,
): readonly number[] {
  // A product that is measured by a part of it is shorter than the whole.
  return lengths.map((length) => Math.min(length, inner));
}

/** A loop that leaves the sums of an invocation in `sum<row>_<quad>`. */
export interface Loop {
  /** Module-scope declarations. */
  readonly declarations: readonly string[];
  /** Statements; they see `first_row`, `first_column`, `batch`, `begin`, `end`, `my_row` and `my_column`. */
  readonly lines: readonly string[];
  /** The output row of an invocation's row i, and the first of its four columns j. */
  row(i: number): string;
  column(j: number): string;
}

/** The loop of a tile. */
export function writeLoop(product: Product, tile: Tile): Loop {
  return tile.depth === undefined ? direct(product, tile) : staged(product, tile, tile.depth);
}

function sums([rows, columns]: Tile["own"]): string[] {
  const lines: string[] = [];
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns / 4; j++) lines.push(`var sum${i}_${j} = vec4<f32>(0.0);`);
  }
  return lines;
}

/** One step of every chain: `left(i)` is the factor of row i, `b<j>` the four of columns j. */
function multiply([rows, columns]: Tile["own"], left: (i: number) => string): string[] {
  const lines: string[] = [];
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns / 4; j++) {
      lines.push(`sum${i}_${j} = fma(vec4<f32>(${left(i)}), b${j}, sum${i}_${j});`);
    }
  }
  return lines;
}

function staged(product: Product, tile: Tile, depth: number): Loop {
  const { rows, columns, left, right } = product, { own, lanes: [down, across] } = tile;
  const extent = extentOf(tile), size = down * across;
  // One quad of padding a strip row keeps transposing stores off each other's banks.
  const leftStride = extent.rows / 4 + 1, rightStride = extent.columns / 4 + 1;
  const fetches = [
    fetch("left", left, {
      extent: extent.rows,
      limit: rows,
      depth,
      size,
      stride: leftStride,
      first: "first_row",
    }),
    fetch("right", right, {
      extent: extent.columns,
      limit: columns,
      depth,
      size,
      stride: rightStride,
      first: "first_column",
    }),
  ];
  const steps: string[] = [];
  for (let k = 0; k < UNROLLED; k++) {
    steps.push("{");
    for (let i = 0; i < own[0] / 4; i++) {
      steps.push(`let a${i} = left_strip[(k + ${k}u) * ${leftStride}u + my_row + ${i * down}u];`);
    }
    for (let j = 0; j < own[1] / 4; j++) {
      steps.push(`let b${j} = right_strip[(k + ${k}u) * ${rightStride}u + my_column + ${j * across}u];`);
    }
    steps.push(...multiply(own, (i) => `a${i >> 2}.${"xyzw"[i & 3]}`), "}");
  }
  return {
    declarations: [
      `var<workgroup> left_strip: array<vec4<f32>, ${depth * leftStride}>;`,
      `var<workgroup> right_strip: array<vec4<f32>, ${depth * rightStride}>;`,
    ],
    lines: [
      ...sums(own),
      ...fetches.flatMap(({ variables }) => variables),
      `var strip = begin;`,
      ...fetches.flatMap(({ load }) => load),
      `for (var start = begin; start < end; start += ${depth}u) {`,
      ...fetches.flatMap(({ keep }) => keep),
      "workgroupBarrier();",
      `strip = start + ${depth}u;`,
      `if (strip < end) {`,
      ...fetches.flatMap(({ load }) => load),
      "}",
      `for (var k = 0u; k < ${depth}u; k += ${UNROLLED}u) {`,
      ...steps,
      "}",
      "workgroupBarrier();",
      "}",
    ],
    row: (i) => `first_row + ${(i >> 2) * 4 * down + (i & 3)}u + my_row * 4u`,
    column: (j) => `first_column + ${j * 4 * across}u + my_column * 4u`,
  };
}

/** The code that moves one factor's strips: memory to registers (`load`), registers to workgroup memory (`keep`). */
function fetch(
  name: "left" | "right",
  factor: Factor,
  { extent, limit, depth, size, stride, first }: {
    readonly extent: number;
    readonly limit: number;
    readonly depth: number;
    readonly size: number;
    readonly stride: number;
    readonly first: string;
  },
): { readonly variables: string[]; readonly load: string[]; readonly keep: string[] } {
  const step = factor.quads ? 4 : 1, total = extent * depth / step;
  const alongOuter = factor.along === "outer";
  const perLine = (alongOuter ? extent : depth) / step;
  const variables: string[] = [], load: string[] = [], keep: string[] = [];
  for (let i = 0; i * size < total; i++) {
    const item = `(lane + ${i * size}u)`,
      fast = `(${item} % ${perLine}u * ${step}u)`,
      slow = `(${item} / ${perLine}u)`;
    const [outer, inner] = alongOuter ? [fast, slow] : [slow, fast];
    const guard = (lines: readonly string[]) =>
      total % size === 0 || (i + 1) * size <= total
        ? [...lines]
        : [`if (${item} < ${total}u) {`, ...lines, "}"];
    const register = `${name}${i}`, type = factor.quads ? "vec4<f32>" : "f32";
    variables.push(`var ${register} = ${type}(0.0);`);
    load.push(
      ...guard([
        `${register} = ${type}(0.0);`,
        `if (${first} + ${outer} < ${limit}u && strip + ${inner} < end) {`,
        `${register} = read_${name}(${first} + ${outer}, strip + ${inner}, batch);`,
        "}",
      ]),
    );
    const at = (o: string, k: string) => `${name}_strip[${k} * ${stride}u + ${o} / 4u]`;
    if (!factor.quads) keep.push(...guard([`${at(outer, inner)}[${outer} % 4u] = ${register};`]));
    else if (alongOuter) keep.push(...guard([`${at(outer, inner)} = ${register};`]));
    else {
      keep.push(
        ...guard(
          [0, 1, 2, 3].map((c) =>
            `${at(outer, `(${inner} + ${c}u)`)}[${outer} % 4u] = ${register}.${"xyzw"[c]};`
          ),
        ),
      );
    }
  }
  return { variables, load, keep };
}

function direct(product: Product, { own }: Tile): Loop {
  const { rows, columns, left, right } = product;
  const row = (i: number) => `first_row + my_row * ${own[0]}u + ${i}u`;
  const column = (j: number) => `first_column + my_column * ${own[1]}u + ${4 * j}u`;
  // What lies outside is read inside, and never stored.
  const places = (name: string, count: number, { at, limit, quads }: {
    readonly at: (i: number) => string;
    readonly limit: number;
    readonly quads: boolean;
  }) =>
    Array.from(
      { length: count / (quads ? 4 : 1) },
      (_, i) => `let ${name}${i} = min(${at(quads ? 4 * i : i)}, ${limit - (quads ? 4 : 1)}u);`,
    );
  const blocks = (factor: Factor) => factor.quads && factor.along === "outer";
  /** `steps` neighbours of the inner axis, from `k` on. */
  const block = (steps: 1 | 4) => [
    ...read("left", left, { count: own[0], steps }),
    ...read("right", right, { count: own[1], steps }),
    ...Array.from({ length: steps }, (_, k) => [
      "{",
      ...Array.from(
        { length: own[1] / 4 },
        (_, j) => `let b${j} = vec4<f32>(${[0, 1, 2, 3].map((c) => `right${k}_${4 * j + c}`).join(", ")});`,
      ),
      ...multiply(own, (i) => `left${k}_${i}`),
      "}",
    ]).flat(),
  ];
  return {
    declarations: [],
    lines: [
      ...sums(own),
      ...places("left_at", own[0], { at: row, limit: rows, quads: blocks(left) }),
      ...places("right_at", own[1], {
        at: (j) => `first_column + my_column * ${own[1]}u + ${j}u`,
        limit: columns,
        quads: blocks(right),
      }),
      "var k = begin;",
      "for (; k + 4u <= end; k += 4u) {",
      ...block(4),
      "}",
      ...(lengthsOf(product).every((length) => length % 4 === 0)
        ? []
        : ["for (; k < end; k++) {", ...block(1), "}"]),
    ],
    row,
    column,
  };
}

/** Lines that read what a factor gives to `steps` steps from `k` on: `<name><step>_<place>` are numbers. */
function read(
  name: "left" | "right",
  factor: Factor,
  { count, steps }: { readonly count: number; readonly steps: 1 | 4 },
): string[] {
  const lines: string[] = [];
  const number = (step: number, place: number, text: string) =>
    lines.push(`let ${name}${step}_${place} = ${text};`);
  for (let i = 0; i < count; i++) {
    for (let step = 0; step < steps; step++) {
      if (!factor.quads) number(step, i, `read_${name}(${name}_at${i}, k + ${step}u, batch)`);
      else if (factor.along === "inner") {
        if (step === 0) lines.push(`let ${name}_quad${i} = read_${name}(${name}_at${i}, k, batch);`);
        number(step, i, `${name}_quad${i}.${"xyzw"[step]}`);
      } else {
        const quad = `${name}_quad${i >> 2}_${step}`;
        if (i % 4 === 0) lines.push(`let ${quad} = read_${name}(${name}_at${i >> 2}, k + ${step}u, batch);`);
        number(step, i, `${quad}.${"xyzw"[i & 3]}`);
      }
    }
  }
  return lines;
}
