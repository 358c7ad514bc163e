/** Depthwise convolutions and pooling: one invocation an output element, which looks through its window. */
import { type DType, sizeOf, type Value, type Window } from "../../graph.ts";
import { aliases, need } from "../functions.ts";
import { type Dispatch, Shader } from "../shader.ts";
import { inputPosition, outputPosition } from "./convolution.ts";
import { eachItem } from "./move.ts";
import { writeReduceOfBody } from "./reduce.ts";
import type { KernelContext } from "./context.ts";

/** WGSL that splits `item` into image, row, column and channel of a [B, H, W, C] tensor. */
function itemLines([, rows, columns, channels]: readonly number[]): string[] {
  return [
    `let channel = item % ${channels}u;`,
    `let column = item / ${channels}u % ${columns}u;`,
    `let row = item / ${columns * channels}u % ${rows}u;`,
    `let image = item / ${rows * columns * channels}u;`,
  ];
}

/** The index of an element of a [B, H, W, C] tensor. */
function indexIn(
  [, rows, columns, channels]: readonly number[],
  row: string,
  column: string,
  channel: string,
): string {
  return `(((image * ${rows}u + u32(${row})) * ${columns}u + u32(${column})) * ${channels}u + ${channel})`;
}

function eachTap([rows, columns]: readonly number[], lines: readonly string[]): string[] {
  return [
    `for (var tap_row = 0u; tap_row < ${rows}u; tap_row++) {`,
    `for (var tap_column = 0u; tap_column < ${columns}u; tap_column++) {`,
    ...lines,
    "}",
    "}",
  ];
}

/** Whether (y, x) lies inside the image. */
function inside([, rows, columns]: readonly number[]): string {
  return `y >= 0 && y < ${rows} && x >= 0 && x < ${columns}`;
}

/** x [B, H, W, C], filter [kh, kw, C, M] -> [B, H', W', C * M]. */
export function writeDepthwise(
  context: KernelContext,
  window: Window,
  { x, filter, output }: { readonly x: Value; readonly filter: Value; readonly output: Value },
): Dispatch[] {
  const [, kw, channels, multiplier] = filter.shape, shader = new Shader(context);
  const image = shader.operand(x), weights = shader.operand(filter);
  const source = `channel / ${multiplier}u`;
  return eachItem(shader, sizeOf(output.shape), [
    ...itemLines(output.shape),
    "var sum = 0.0;",
    ...eachTap(filter.shape, [
      ...inputPosition(window),
      `if (${inside(x.shape)}) {`,
      `sum += ${image.at(indexIn(x.shape, "y", "x", source))} * ${
        weights.at(`((tap_row * ${kw}u + tap_column) * ${channels * multiplier}u + channel)`)
      };`,
      "}",
    ]),
    shader.operand(output).store("item", "sum"),
  ]);
}

/** dy [B, H', W', C * M], filter [kh, kw, C, M] -> [B, H, W, C]. */
export function writeDepthwiseInputGrad(
  context: KernelContext,
  window: Window,
  { dy, filter, output }: { readonly dy: Value; readonly filter: Value; readonly output: Value },
): Dispatch[] {
  const [, kw, channels, multiplier] = filter.shape, shader = new Shader(context);
  const gradient = shader.operand(dy), weights = shader.operand(filter);
  return eachItem(shader, sizeOf(output.shape), [
    ...itemLines(output.shape),
    "var sum = 0.0;",
    ...eachTap(filter.shape, [
      ...outputPosition(window, dy.shape),
      "if (hits) {",
      `for (var m = 0u; m < ${multiplier}u; m++) {`,
      `let from_channel = channel * ${multiplier}u + m;`,
      `sum += ${gradient.at(indexIn(dy.shape, "up", "left", "from_channel"))} * ${
        weights.at(`((tap_row * ${kw}u + tap_column) * ${channels * multiplier}u + from_channel)`)
      };`,
      "}",
      "}",
    ]),
    shader.operand(output).store("item", "sum"),
  ]);
}

/** x [B, H, W, C], dy [B, H', W', C * M] -> [kh, kw, C, M]: a long sum over images and positions for each weight. */
export function writeDepthwiseFilterGrad(
  context: KernelContext,
  window: Window,
  { x, dy, output }: { readonly x: Value; readonly dy: Value; readonly output: Value },
): Dispatch[] {
  const [, kw, channels, multiplier] = output.shape, [images, rows, columns] = dy.shape;
  return writeReduceOfBody(context, {
    output,
    length: images * rows * columns,
    write(shader) {
      const image = shader.operand(x), gradient = shader.operand(dy);
      return {
        lines: [
          `let channel = output % ${channels * multiplier}u;`,
          `let tap_column = output / ${channels * multiplier}u % ${kw}u;`,
          `let tap_row = output / ${kw * channels * multiplier}u;`,
          `let column = element % ${columns}u;`,
          `let row = element / ${columns}u % ${rows}u;`,
          `let image = element / ${rows * columns}u;`,
          ...inputPosition(window),
          "var term = 0.0;",
          `if (${inside(x.shape)}) {`,
          `term = ${image.at(indexIn(x.shape, "y", "x", `channel / ${multiplier}u`))} * ${
            gradient.at(`(element * ${channels * multiplier}u + channel)`)
          };`,
          "}",
        ],
        term: "term",
      };
    },
  });
}

interface Pool {
  readonly reducer: "max" | "mean";
  readonly size: readonly [number, number];
  readonly window: Window;
}

/** The largest element (of those that are not NaN), or the mean, of each window's elements inside the image. */
export function writePool(
  context: KernelContext,
  { reducer, size, window }: Pool,
  { x, output }: { readonly x: Value; readonly output: Value },
): Dispatch[] {
  const shader = new Shader(context), read = shader.operand(x).at(indexIn(x.shape, "y", "x", "channel"));
  shader.declare(aliases(1));
  const { start, add, result } = POOLS[`${reducer} ${x.dtype}`](shader);
  return eachItem(shader, sizeOf(output.shape), [
    ...itemLines(output.shape),
    ...start,
    ...eachTap(size, [
      ...inputPosition(window),
      `if (${inside(x.shape)}) {`,
      `let value = ${read};`,
      ...add,
      "}",
    ]),
    shader.operand(output).store("item", result),
  ]);
}

/** How a window's elements become one: lines before the first `value`, lines for each, and the result. */
interface Pooling {
  readonly start: readonly string[];
  readonly add: readonly string[];
  readonly result: string;
}

const POOLS: Readonly<Record<`${Pool["reducer"]} ${DType}`, (shader: Shader) => Pooling>> = {
  "max float32"(shader) {
    need(shader, "is_nan");
    return {
      start: [`var largest = ${shader.float(-Infinity)};`],
      add: ["if (!is_nan(value)) { largest = max(largest, value); }"],
      result: "largest",
    };
  },
  "max int32": () => ({
    start: ["var largest = i32(-2147483648);"],
    add: ["largest = max(largest, value);"],
    result: "largest",
  }),
  "mean float32": () => ({
    start: ["var total = 0.0;", "var count = 0.0;"],
    add: ["total += value;", "count += 1.0;"],
    result: "total / count",
  }),
  // The sum may need more than 32 bits.
  "mean int32"(shader) {
    need(shader, "int_mean");
    return {
      start: ["var high = 0;", "var low = 0;", "var count = 0;"],
      add: ["high += value >> 16u;", "low += value & 0xffff;", "count += 1;"],
      result: "int_mean(high, low, count)",
    };
  },
};

/**
 * The gradient of pooling, gathered: an input element looks at all windows that hold it. For max it finds each
 * window's first largest element again.
 */
export function writePoolGrad(
  context: KernelContext,
  { reducer, size, window }: Pool,
  { dy, x, output }: { readonly dy: Value; readonly x: Value | undefined; readonly output: Value },
): Dispatch[] {
  const shader = new Shader(context),
    gradient = shader.operand(dy).at(indexIn(dy.shape, "up", "left", "channel"));
  const { strides, padding, dilation } = window;
  // Window positions of (up, left), as `inputPosition` has them for (row, column).
  const look = [
    `let y = up * ${strides[0]} + i32(other_row * ${dilation[0]}u) - ${padding[0]};`,
    `let x = left * ${strides[1]} + i32(other_column * ${dilation[1]}u) - ${padding[1]};`,
  ];
  const image = x === undefined ? undefined : shader.operand(x);
  const scan = image === undefined ? ["count += 1.0;"] : [
    `let value = ${image.at(indexIn(output.shape, "y", "x", "channel"))};`,
    "if (count == 0.0 || !is_nan(value) && value > best) {",
    "best = select(value, lowest, is_nan(value));",
    "best_y = y;",
    "best_x = x;",
    "}",
    "count += 1.0;",
  ];
  shader.declare(aliases(1));
  need(shader, "is_nan");
  return eachItem(shader, sizeOf(output.shape), [
    ...itemLines(output.shape),
    ...(reducer === "max" ? [`let lowest = ${shader.float(-Infinity)};`] : []),
    "var sum = 0.0;",
    ...eachTap(size, [
      ...outputPosition(window, dy.shape),
      "if (hits) {",
      "var count = 0.0;",
      ...(reducer === "max" ? ["var best = 0.0;", "var best_y = 0;", "var best_x = 0;"] : []),
      `for (var other_row = 0u; other_row < ${size[0]}u; other_row++) {`,
      `for (var other_column = 0u; other_column < ${size[1]}u; other_column++) {`,
      ...look,
      `if (${inside(output.shape)}) {`,
      ...scan,
      "}",
      "}",
      "}",
      reducer === "max"
        ? `if (best_y == i32(row) && best_x == i32(column)) { sum += ${gradient}; }`
        : `sum += ${gradient} / count;`,
      "}",
    ]),
    shader.operand(output).store("item", "sum"),
  ]);
}
