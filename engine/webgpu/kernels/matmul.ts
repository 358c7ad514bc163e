/**
 * Products of matrices, and everything that is one in disguise (convolutions and their gradients): a workgroup
 * computes a tile of the output, its invocations a small block each in registers.
 *
 * Every element is one fused chain over the inner extent in ascending order, whatever the tile, so tiles are free to
 * differ. Where the output has too few tiles to fill a device, the inner extent is cut into pieces (their number
 * depends on the shape alone), which a second dispatch adds in ascending order.
 */
import type { DType, Value } from "../../graph.ts";
import { broadcastStrides } from "../../kernels/strides.ts";
import { aliases } from "../functions.ts";
import { coordinates, offsetOf } from "../indexing.ts";
import { writeProgram } from "../program.ts";
import { type Dispatch, type Operand, Shader } from "../shader.ts";
import type { Factor, KernelContext, Product, Tile } from "./context.ts";
import { groupSize, loadOperands } from "./map.ts";
import { CHUNK, extentOf, lengthsOf, STAGED, writeLoop } from "./tiles.ts";

/** A product with fewer workgroups than this leaves a large device idle: its sum is cut. */
const ENOUGH_GROUPS = 128;
/** How many workgroups the pieces of a cut sum should make: small ones, of which a processor holds several. */
const CUT_GROUPS = 512;
/** The shortest piece of a cut sum. */
const SHORTEST_PIECE = 128;

/** Floating-point operations of a product: two for each multiply-add. */
export function flopsOf({ batch, rows, columns, inner }: Product): number {
  return 2 * batch * rows * columns * inner;
}

function groupsOf(product: Product, tile: Tile): number {
  const extent = extentOf(tile);
  return product.batch * Math.ceil(product.rows / extent.rows) * Math.ceil(product.columns / extent.columns);
}

/** The staged tile that fills a GPU with the largest blocks. */
export function usualTile(product: Product): Tile {
  const pieces = cutOf(product).pieces;
  return STAGED.find((tile) => {
    const extent = extentOf(tile);
    return groupsOf(product, tile) * pieces >= ENOUGH_GROUPS && product.rows >= extent.rows &&
      product.columns >= extent.columns;
  }) ?? STAGED[STAGED.length - 1];
}

/** Into how many pieces of which length the sums are cut. */
function cutOf(product: Product): { readonly pieces: number; readonly length: number } {
  const groups = groupsOf(product, STAGED[STAGED.length - 1]);
  const wanted = groups >= ENOUGH_GROUPS ? 1 : Math.max(
    1,
    Math.min(Math.floor(CUT_GROUPS / groups), Math.floor(product.inner / SHORTEST_PIECE)),
  );
  if (wanted === 1) return { pieces: 1, length: product.inner };
  const length = Math.ceil(Math.ceil(product.inner / wanted) / CHUNK) * CHUNK;
  return { pieces: Math.ceil(product.inner / length), length };
}

/** One dispatch, or two where the sum is cut. */
export function writeProduct(context: KernelContext, product: Product): Dispatch[] {
  const { batch, rows, columns } = product, size = batch * rows * columns;
  if (size === 0) return [];
  const { pieces, length } = cutOf(product), tile = context.tileOf(product);
  if (pieces === 1) return [writeTiles(context, product, { tile, pieces, length })];
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
  const { rows, columns, left, right } = product, { own, lanes: [down, across] } = tile;
  const extent = extentOf(tile), storesQuads = columns % 4 === 0;
  const shader = new Shader(context, left.quads || right.quads || storesQuads ? 4 : 1);
  shader.declare(aliases(storesQuads ? 4 : 1));
  for (const [name, factor] of [["left", left], ["right", right]] as const) {
    shader.declare(
      `fn read_${name}(outer: u32, inner: u32, batch: u32) -> ${factor.quads ? "vec4<f32>" : "f32"} {\n${
        factor.write(shader)
      }\n}`,
    );
  }
  const loop = writeLoop(product, tile);
  for (const declaration of loop.declarations) shader.declare(declaration);
  const tilesAcross = Math.ceil(columns / extent.columns), tilesDown = Math.ceil(rows / extent.rows);
  const stores = parts === undefined
    ? writeFinish(shader, product, storesQuads)
    : writeParts(shader, product, { parts, storesQuads });
  const body = [
    `let my_row = lane / ${across}u;`,
    `let my_column = lane % ${across}u;`,
    `let first_column = (group % ${tilesAcross}u) * ${extent.columns}u;`,
    `let first_row = (group / ${tilesAcross}u % ${tilesDown}u) * ${extent.rows}u;`,
    `let piece = group / ${tilesAcross * tilesDown}u % ${pieces}u;`,
    `let batch = group / ${tilesAcross * tilesDown * pieces}u;`,
    `let begin = piece * ${length}u;`,
    `let end = min(begin + ${length}u, ${shader.choice(lengthsOf(product), "batch")});`,
    ...loop.lines,
  ];
  for (let i = 0; i < own[0]; i++) {
    const row = loop.row(i);
    body.push(`if (${row} < ${rows}u) {`);
    for (let j = 0; j < own[1] / 4; j++) {
      const column = loop.column(j);
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
  return shader.finish(body.join("\n"), { size: down * across, groups: groupsOf(product, tile) * pieces });
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
export function writeFinish(
  shader: Shader,
  product: Pick<Product, "rows" | "columns" | "output" | "epilogue" | "operands" | "place">,
  storesQuads: boolean,
): StoreWriter {
  const { rows, columns, output, epilogue, operands } = product;
  const target = shader.operand(output);
  const index = `place * ${columns}u + column`;
  const store = (text: string) =>
    storesQuads ? target.storeVector(`((${index}) / 4u)`, text) : target.store(`(${index})`, text);
  const lines = [...product.place?.(shader) ?? [`let place = batch * ${rows}u + row;`]];
  if (epilogue === undefined) lines.push(store("sum"));
  else {
    // The output's leading axes are the batch; a convolution's are all in its rows.
    const shape = output.shape, last = shape.length - 1;
    const split = coordinates("place", shape.slice(0, last), "c");
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
