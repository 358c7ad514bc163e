/**
 * Products of matrices, and everything that is one in disguise (convolutions and their gradients): a workgroup
 * computes a tile of the output, its invocations a small block each in registers; strips of both factors go through
 * workgroup memory, the next strip being fetched while the last is used.
 *
 * Every element is one fused chain over the inner extent in ascending order, whatever the tile, so tiles are free to
 * differ. Where the output has too few tiles to fill a device, the inner extent is cut into pieces (their number
 * depends on the shape alone), which a second dispatch adds in ascending order.
 */
import { type DType, type Program, type Value } from "../../graph.ts";
import { broadcastStrides } from "../../kernels/strides.ts";
import { coordinates, offsetOf } from "../indexing.ts";
import { aliases, writeProgram } from "../program.ts";
import { type Dispatch, type KernelContext, type Operand, Shader } from "../shader.ts";
import { groupSize, loadOperands } from "./map.ts";

/** A tile of `rows` x `columns` outputs in strips of `depth`; an invocation owns `own[0]` x `own[1]` of them. */
interface Tile {
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly own: readonly [4 | 8, 4 | 8];
}

/** From the largest: more reuse of what is loaded. To the smallest: more workgroups. All depths divide `CHUNK`. */
const TILES: readonly Tile[] = [
  { rows: 128, columns: 128, depth: 8, own: [8, 8] },
  { rows: 64, columns: 64, depth: 16, own: [4, 4] },
  { rows: 32, columns: 32, depth: 32, own: [4, 4] },
];
const CHUNK = 32;
/** Steps along the inner axis that are written out: enough to hide the loop, few enough to compile fast. */
const UNROLLED = 8;

/** A product with fewer workgroups than this leaves a large device idle: its sum is cut. */
const ENOUGH_GROUPS = 128;
/** How many workgroups the pieces of a cut sum should make: small ones, of which a processor holds several. */
const CUT_GROUPS = 512;
/** The shortest piece of a cut sum. */
const SHORTEST_PIECE = 128;

/** One factor: the WGSL function that reads it. */
export interface Factor {
  /** The axis along which neighbours in memory lie: the output's row or column ("outer"), or the summed one. */
  readonly along: "outer" | "inner";
  /** Whether four neighbours, from a multiple of four on, can be read at once. */
  readonly quads: boolean;
  /**
   * The body of a function of (outer, inner, batch: u32) that returns f32, or vec4<f32> where `quads`. Outer and
   * inner are inside their extents.
   */
  write(shader: Shader): string;
}

/** A product to be computed. */
export interface Product {
  readonly batch: number;
  readonly rows: number;
  readonly columns: number;
  readonly inner: number;
  readonly left: Factor;
  readonly right: Factor;
  readonly output: Value;
  readonly epilogue?: Program;
  /** The epilogue's further operands, broadcast to the output, which is [batch..., rows, columns] row-major. */
  readonly operands: readonly Value[];
}

function groupsOf(product: Product, tile: Tile): number {
  return product.batch * Math.ceil(product.rows / tile.rows) * Math.ceil(product.columns / tile.columns);
}

function chooseTile(product: Product, pieces: number): Tile {
  return TILES.find((tile) =>
    groupsOf(product, tile) * pieces >= ENOUGH_GROUPS && product.rows >= tile.rows &&
    product.columns >= tile.columns
  ) ?? TILES[TILES.length - 1];
}

function piecesOf(product: Product): number {
  const groups = groupsOf(product, TILES[TILES.length - 1]);
  if (groups >= ENOUGH_GROUPS) return 1;
  const wanted = Math.floor(CUT_GROUPS / groups), possible = Math.floor(product.inner / SHORTEST_PIECE);
  return Math.max(1, Math.min(wanted, possible));
}

/** One dispatch, or two where the sum is cut. */
export function writeProduct(context: KernelContext, product: Product): Dispatch[] {
  const { batch, rows, columns } = product, size = batch * rows * columns;
  if (size === 0) return [];
  const wanted = piecesOf(product);
  const length = Math.ceil(Math.ceil(product.inner / wanted) / CHUNK) * CHUNK;
  const pieces = wanted === 1 ? 1 : Math.ceil(product.inner / length);
  const tile = chooseTile(product, pieces);
  if (pieces === 1) return [writeTiles(context, product, { tile, pieces, length: product.inner })];
  const parts = context.scratch(pieces * size);
  return [
    writeTiles(context, product, { tile, pieces, length, parts }),
    writeSum(context, product, { pieces, parts }),
  ];
}

interface Cut {
  readonly tile: Tile;
  readonly pieces: number;
  readonly length: number;
  readonly parts?: { readonly buffer: number; readonly offset: number };
}

function writeTiles(
  context: KernelContext,
  product: Product,
  { tile, pieces, length, parts }: Cut,
): Dispatch {
  const { rows, columns, inner, left, right } = product;
  const [ownRows, ownColumns] = tile.own, { depth } = tile;
  const across = tile.columns / ownColumns, down = tile.rows / ownRows, size = across * down;
  const storesQuads = columns % 4 === 0;
  const shader = new Shader(context, left.quads || right.quads || storesQuads ? 4 : 1);
  shader.declare(aliases(storesQuads ? 4 : 1));
  for (const [name, factor] of [["left", left], ["right", right]] as const) {
    shader.declare(
      `fn read_${name}(outer: u32, inner: u32, batch: u32) -> ${factor.quads ? "vec4<f32>" : "f32"} {\n${
        factor.write(shader)
      }\n}`,
    );
  }
  // One quad of padding a strip row keeps transposing stores off each other's banks.
  const leftStride = tile.rows / 4 + 1, rightStride = tile.columns / 4 + 1;
  shader.declare(`var<workgroup> left_strip: array<vec4<f32>, ${depth * leftStride}>;`);
  shader.declare(`var<workgroup> right_strip: array<vec4<f32>, ${depth * rightStride}>;`);
  const fetches = [
    fetch("left", left, {
      extent: tile.rows,
      limit: rows,
      depth,
      size,
      stride: leftStride,
      first: "first_row",
    }),
    fetch("right", right, {
      extent: tile.columns,
      limit: columns,
      depth,
      size,
      stride: rightStride,
      first: "first_column",
    }),
  ];
  const rowQuads = ownRows / 4, columnQuads = ownColumns / 4;
  const sums: string[] = [];
  for (let i = 0; i < ownRows; i++) {
    for (let j = 0; j < columnQuads; j++) sums.push(`var sum${i}_${j} = vec4<f32>(0.0);`);
  }
  const multiply: string[] = [];
  for (let k = 0; k < UNROLLED; k++) {
    multiply.push("{");
    for (let i = 0; i < rowQuads; i++) {
      multiply.push(`let a${i} = left_strip[(k + ${k}u) * ${leftStride}u + my_row + ${i * down}u];`);
    }
    for (let j = 0; j < columnQuads; j++) {
      multiply.push(`let b${j} = right_strip[(k + ${k}u) * ${rightStride}u + my_column + ${j * across}u];`);
    }
    for (let i = 0; i < ownRows; i++) {
      for (let j = 0; j < columnQuads; j++) {
        multiply.push(
          `sum${i}_${j} = fma(vec4<f32>(a${i >> 2}.${"xyzw"[i & 3]}), b${j}, sum${i}_${j});`,
        );
      }
    }
    multiply.push("}");
  }
  const tilesAcross = Math.ceil(columns / tile.columns), tilesDown = Math.ceil(rows / tile.rows);
  const groups = product.batch * pieces * tilesDown * tilesAcross;
  const stores = parts === undefined
    ? writeFinish(shader, product, storesQuads)
    : writeParts(shader, product, { parts, storesQuads });
  const body = [
    `let my_row = lane / ${across}u;`,
    `let my_column = lane % ${across}u;`,
    `let first_column = (group % ${tilesAcross}u) * ${tile.columns}u;`,
    `let first_row = (group / ${tilesAcross}u % ${tilesDown}u) * ${tile.rows}u;`,
    `let piece = group / ${tilesAcross * tilesDown}u % ${pieces}u;`,
    `let batch = group / ${tilesAcross * tilesDown * pieces}u;`,
    `let begin = piece * ${length}u;`,
    `let end = min(begin + ${length}u, ${inner}u);`,
    ...sums,
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
    ...multiply,
    "}",
    "workgroupBarrier();",
    "}",
  ];
  for (let i = 0; i < ownRows; i++) {
    const row = `first_row + ${(i >> 2) * 4 * down + (i & 3)}u + my_row * 4u`;
    body.push(`if (${row} < ${rows}u) {`);
    for (let j = 0; j < columnQuads; j++) {
      const column = `first_column + ${j * 4 * across}u + my_column * 4u`;
      if (storesQuads) {
        body.push(`if (${column} < ${columns}u) { ${stores(`sum${i}_${j}`, row, column)} }`);
      } else {
        for (let c = 0; c < 4; c++) {
          const own = `${column} + ${c}u`;
          body.push(`if (${own} < ${columns}u) { ${stores(`sum${i}_${j}.${"xyzw"[c]}`, row, own)} }`);
        }
      }
    }
    body.push("}");
  }
  return shader.finish(body.join("\n"), { size, groups });
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

type StoreWriter = (sum: string, row: string, column: string) => string;

function writeParts(
  shader: Shader,
  { batch, rows, columns }: Product,
  { parts, storesQuads }: { readonly parts: NonNullable<Cut["parts"]>; readonly storesQuads: boolean },
): StoreWriter {
  const target = shader.located(parts, "float32");
  return (sum, row, column) => {
    const index = `((piece * ${batch}u + batch) * ${rows}u + ${row}) * ${columns}u + ${column}`;
    return storesQuads ? target.storeVector(`((${index}) / 4u)`, sum) : target.store(`(${index})`, sum);
  };
}

/** Declares `finish(sum, row, column, batch)`, which runs the epilogue and stores. */
function writeFinish(shader: Shader, product: Product, storesQuads: boolean): StoreWriter {
  const { rows, columns, output, epilogue, operands } = product;
  const target = shader.operand(output);
  const index = `(batch * ${rows}u + row) * ${columns}u + column`;
  const store = (text: string) =>
    storesQuads ? target.storeVector(`((${index}) / 4u)`, text) : target.store(`(${index})`, text);
  const lines: string[] = [];
  if (epilogue === undefined) lines.push(store("sum"));
  else {
    // The output's leading axes are the batch; a convolution's are all in its rows.
    const shape = output.shape, last = shape.length - 1;
    const split = coordinates(`batch * ${rows}u + row`, shape.slice(0, last), "c");
    if (operands.some((operand) => operand.shape.slice(0, -1).some((extent) => extent > 1))) {
      lines.push(...split.lines);
    }
    const loads = operands.map((value) => {
      const strides = broadcastStrides(value.shape, shape), operand: Operand = shader.operand(value);
      const names = [...split.names, "column"];
      const text = storesQuads && strides[last] === 1
        ? operand.vector(`(${offsetOf(names, strides)} / 4u)`)
        : operand.at(offsetOf(names, strides));
      return { dtype: value.dtype, text };
    });
    const loaded = loadOperands(loads, "x");
    const sum = { text: "sum", dtype: "float32" as DType };
    const written = writeProgram(shader, epilogue, {
      operands: [sum, ...loaded.operands],
      prefix: "r",
      width: storesQuads ? 4 : 1,
    });
    lines.push(...loaded.lines, ...written.lines, store(written.results[0].text));
  }
  shader.declare(`fn finish(sum: F, row: u32, column: u32, batch: u32) {\n${lines.join("\n")}\n}`);
  return (sum, row, column) => `finish(${sum}, ${row}, ${column}, batch);`;
}

/** Adds the pieces of a cut sum in ascending order and runs the epilogue. */
function writeSum(
  context: KernelContext,
  product: Product,
  { pieces, parts }: { readonly pieces: number; readonly parts: NonNullable<Cut["parts"]> },
): Dispatch {
  const { batch, rows, columns } = product, quads = columns % 4 === 0, width = quads ? 4 : 1;
  const shader = new Shader(context, width);
  shader.declare(aliases(width));
  const source = shader.located(parts, "float32");
  const count = batch * rows * columns / width, lanes = groupSize(count), across = columns / width;
  const at = `(piece * ${count}u + item)`;
  const store = writeFinish(shader, product, quads);
  const body = [
    `let item = group * ${lanes}u + lane;`,
    `if (item >= ${count}u) { return; }`,
    "var sum = F(0.0);",
    `for (var piece = 0u; piece < ${pieces}u; piece++) {`,
    `sum += ${quads ? source.vector(at) : source.at(at)};`,
    "}",
    `let column = item % ${across}u * ${width}u;`,
    `let row = item / ${across}u % ${rows}u;`,
    `let batch = item / ${across * rows}u;`,
    store("sum", "row", "column"),
  ].join("\n");
  return shader.finish(body, { size: lanes, groups: Math.ceil(count / lanes) });
}

/** A matrix stored row by row, [..., outer, inner] or (transposed) [..., inner, outer]. */
export function matrixFactor(
  value: Value,
  { outerLast, lead }: { readonly outerLast: boolean; readonly lead: readonly number[] },
): Factor {
  const [before, last] = value.shape.slice(-2), quads = last % 4 === 0;
  const own = broadcastStrides(value.shape.slice(0, -2), lead).map((stride) => stride * before * last);
  return {
    along: outerLast ? "outer" : "inner",
    quads,
    write(shader) {
      const operand = shader.operand(value),
        [slow, fast] = outerLast ? ["inner", "outer"] : ["outer", "inner"];
      const split = coordinates("batch", lead, "b");
      const start = own.some((stride) => stride !== 0) ? offsetOf(split.names, own) : "0u";
      const index = `(${start} + ${slow} * ${last}u + ${fast})`;
      const lines = start === "0u" ? [] : split.lines;
      const read = quads ? `vec4<f32>(${operand.vector(`(${index} / 4u)`)})` : `f32(${operand.at(index)})`;
      return [...lines, `return ${read};`].join("\n");
    },
  };
}
