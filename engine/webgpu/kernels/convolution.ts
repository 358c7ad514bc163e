/**
 * Convolutions as products of matrices that are never written out: the factors' elements are fetched from the images
 * as the product needs them.
 */
import type { Program, Value, Window } from "../../graph.ts";
import type { Dispatch, KernelContext } from "../shader.ts";
import { type Factor, matrixFactor, writeProduct } from "./matmul.ts";

interface Epilogue {
  readonly epilogue?: Program;
  readonly operands: readonly Value[];
}

/** WGSL that splits `flat` into tap row, tap column and channel. */
function tapLines(flat: string, { columns, channels }: { columns: number; channels: number }): string[] {
  return [
    `let channel = ${flat} % ${channels}u;`,
    `let tap = ${flat} / ${channels}u;`,
    `let tap_row = tap / ${columns}u;`,
    `let tap_column = tap % ${columns}u;`,
  ];
}

/** WGSL that splits `flat` into image, row and column of a [B, H, W, C] tensor. */
function positionLines(flat: string, [, rows, columns]: readonly number[]): string[] {
  return [
    `let column = ${flat} % ${columns}u;`,
    `let row = ${flat} / ${columns}u % ${rows}u;`,
    `let image = ${flat} / ${rows * columns}u;`,
  ];
}

/** WGSL that computes `y`, `x` (i32): where tap (tap_row, tap_column) of the window at output (row, column) looks. */
export function inputPosition({ strides, padding, dilation }: Window): string[] {
  return [
    `let y = i32(row * ${strides[0]}u + tap_row * ${dilation[0]}u) - ${padding[0]};`,
    `let x = i32(column * ${strides[1]}u + tap_column * ${dilation[1]}u) - ${padding[1]};`,
  ];
}

/**
 * WGSL that computes `up`, `left` (i32), the output position whose tap (tap_row, tap_column) looks at input
 * (row, column), and `hits`: whether there is one inside [rows, columns].
 */
export function outputPosition(
  { strides, padding, dilation }: Window,
  [, rows, columns]: readonly number[],
): string[] {
  return [
    `let down = i32(row) + ${padding[0]} - i32(tap_row * ${dilation[0]}u);`,
    `let right = i32(column) + ${padding[1]} - i32(tap_column * ${dilation[1]}u);`,
    `let up = down / ${strides[0]};`,
    `let left = right / ${strides[1]};`,
    `let hits = down >= 0 && right >= 0 && up * ${strides[0]} == down && left * ${
      strides[1]
    } == right && up < ${rows} && left < ${columns};`,
  ];
}

/** The patches of x: rows are output positions, columns are taps and channels. */
function patches(
  x: Value,
  { outputShape, taps, window, positions }: {
    readonly outputShape: readonly number[];
    readonly taps: readonly number[];
    readonly window: Window;
    /** Which index of the factor counts positions: the other one counts taps and channels. */
    readonly positions: "outer" | "inner";
  },
): Factor {
  const [, height, width, channels] = x.shape, quads = channels % 4 === 0;
  const others = positions === "outer" ? "inner" : "outer";
  return {
    along: others,
    quads,
    write(shader) {
      const operand = shader.operand(x);
      const index = `(((image * ${height}u + u32(y)) * ${width}u + u32(x)) * ${channels}u + channel)`;
      return [
        ...positionLines(positions, outputShape),
        ...tapLines(others, { columns: taps[1], channels }),
        ...inputPosition(window),
        `if (y < 0 || y >= ${height} || x < 0 || x >= ${width}) { return ${quads ? "vec4<f32>()" : "0.0"}; }`,
        `return ${quads ? operand.vector(`(${index} / 4u)`) : operand.at(index)};`,
      ].join("\n");
    },
  };
}

/** A tensor seen as the matrix [all axes but the last, last]. */
function flattened(value: Value): Value {
  const last = value.shape.at(-1)!,
    rows = value.shape.slice(0, -1).reduce((size, extent) => size * extent, 1);
  return { ...value, shape: [rows, last] };
}

/** x [B, H, W, C], filter [kh, kw, C, O] -> [B, H', W', O]. */
export function writeConv2d(
  context: KernelContext,
  window: Window,
  { x, filter, output, epilogue, operands }: Epilogue & {
    readonly x: Value;
    readonly filter: Value;
    readonly output: Value;
  },
): Dispatch[] {
  const [kh, kw, channels, filters] = filter.shape, [images, rows, columns] = output.shape;
  return writeProduct(context, {
    kind: "conv2d",
    batch: 1,
    rows: images * rows * columns,
    columns: filters,
    inner: kh * kw * channels,
    left: patches(x, { outputShape: output.shape, taps: [kh, kw], window, positions: "outer" }),
    right: matrixFactor(flattened(filter), { outerLast: true, lead: [] }),
    output,
    epilogue,
    operands,
  });
}

/** x [B, H, W, C], dy [B, H', W', O] -> [kh, kw, C, O]. */
export function writeConv2dFilterGrad(
  context: KernelContext,
  window: Window,
  { x, dy, output }: { readonly x: Value; readonly dy: Value; readonly output: Value },
): Dispatch[] {
  const [kh, kw, channels, filters] = output.shape, [images, rows, columns] = dy.shape;
  return writeProduct(context, {
    kind: "conv2d_filter_grad",
    batch: 1,
    rows: kh * kw * channels,
    columns: filters,
    inner: images * rows * columns,
    left: patches(x, { outputShape: dy.shape, taps: [kh, kw], window, positions: "inner" }),
    right: matrixFactor(flattened(dy), { outerLast: true, lead: [] }),
    output,
    operands: [],
  });
}

/** dy [B, H', W', O], filter [kh, kw, C, O] -> [B, H, W, C]. */
export function writeConv2dInputGrad(
  context: KernelContext,
  window: Window,
  { dy, filter, output, epilogue, operands }: Epilogue & {
    readonly dy: Value;
    readonly filter: Value;
    readonly output: Value;
  },
): Dispatch[] {
  const [kh, kw, channels, filters] = filter.shape, [images, rows, columns] = output.shape;
  const quads = filters % 4 === 0, zero = quads ? "vec4<f32>()" : "0.0";
  const left: Factor = {
    along: "inner",
    quads,
    write(shader) {
      const operand = shader.operand(dy), [, height, width] = dy.shape;
      const index = `(((image * ${height}u + u32(up)) * ${width}u + u32(left)) * ${filters}u + channel)`;
      return [
        ...positionLines("outer", output.shape),
        ...tapLines("inner", { columns: kw, channels: filters }),
        ...outputPosition(window, dy.shape),
        `if (!hits) { return ${zero}; }`,
        `return ${quads ? operand.vector(`(${index} / 4u)`) : operand.at(index)};`,
      ].join("\n");
    },
  };
  const right: Factor = {
    along: "inner",
    quads,
    write(shader) {
      const operand = shader.operand(filter);
      const index = `((inner / ${filters}u * ${channels}u + outer) * ${filters}u + inner % ${filters}u)`;
      return `return ${quads ? operand.vector(`(${index} / 4u)`) : operand.at(index)};`;
    },
  };
  return writeProduct(context, {
    kind: "conv2d_input_grad",
    batch: 1,
    rows: images * rows * columns,
    columns: channels,
    inner: kh * kw * filters,
    left,
    right,
    output,
    epilogue,
    operands,
  });
}
