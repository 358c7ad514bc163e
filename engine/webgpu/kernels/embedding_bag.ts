/** Sums of looked-up rows of a kernel, and the kernel's gradient. */
import { type Program, sizeOf, type Value } from "../../graph.ts";
import { bagOf } from "../../kernels/embedding_bag.ts";
import { aliases } from "../functions.ts";
import { type Dispatch, Shader } from "../shader.ts";
import type { KernelContext } from "./context.ts";
import { writeFinish } from "./matmul.ts";
import { eachItem, SEARCH_LANES, searchRows } from "./move.ts";

/** An invocation sums one element, or four neighbours, over the places in ascending order. */
export function writeEmbeddingBag(
  context: KernelContext,
  { tokens, kernel, output, epilogue, operands }: {
    readonly tokens: Value;
    readonly kernel: Value;
    readonly output: Value;
    readonly epilogue?: Program;
    readonly operands: readonly Value[];
  },
): Dispatch[] {
  const [height, columns]: readonly number[] = kernel.shape;
  const { batch: rows, places, symbols } = bagOf(tokens, height);
  const quads = columns % 4 === 0, width = quads ? 4 : 1, across = columns / width;
  const shader = new Shader(context, width);
  shader.declare(aliases(width));
  const looked = shader.operand(tokens), source = shader.operand(kernel);
  const store = writeFinish(shader, { rows, columns, output, epilogue, operands }, quads);
  const at = `((place * ${symbols}u + u32(token)) * ${across}u + item % ${across}u)`;
  return eachItem(shader, sizeOf(output.shape) / width, [
    `let row = item / ${across}u;`,
    `let column = item % ${across}u * ${width}u;`,
    "let batch = 0u;",
    "var sum = F(0.0);",
    `for (var place = 0u; place < ${places}u; place++) {`,
    `let token = ${looked.at(`(row * ${places}u + place)`)};`,
    `if (token >= 0 && token < ${symbols}) { sum += ${quads ? source.vector(at) : source.at(at)}; }`,
    "}",
    store("sum", "row", "column"),
  ]);
}

/** A workgroup sums some columns of a row of the kernel over those who looked it up, in ascending order. */
export function writeEmbeddingBagGrad(
  context: KernelContext,
  { tokens, dy, output }: { readonly tokens: Value; readonly dy: Value; readonly output: Value },
): Dispatch[] {
  const [height, width]: readonly number[] = output.shape;
  if (sizeOf(output.shape) === 0) return [];
  const { batch, places, symbols } = bagOf(tokens, height), columns = Math.ceil(width / SEARCH_LANES);
  const shader = new Shader(context);
  const looked = shader.operand(tokens), source = shader.operand(dy), target = shader.operand(output);
  const body = [
    `let own = group / ${columns}u;`,
    `let place = own / ${symbols}u;`,
    `let symbol = i32(own % ${symbols}u);`,
    `let column = (group % ${columns}u) * ${SEARCH_LANES}u + lane;`,
    "var total = 0.0;",
    ...searchRows(shader, {
      count: batch,
      holds: (row) => `${looked.at(`(${row} * ${places}u + place)`)} == symbol`,
      visit: `if (column < ${width}u) { total += ${source.at(`(row * ${width}u + column)`)}; }`,
    }),
    `if (column < ${width}u) { ${target.store(`(own * ${width}u + column)`, "total")} }`,
  ].join("\n");
  return [shader.finish(body, { size: SEARCH_LANES, groups: height * columns })];
}
