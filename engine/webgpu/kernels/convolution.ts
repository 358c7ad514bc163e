/**
 * Convolutions as products of matrices that are never written out: the factors' elements are fetched from the images
 * as the product needs them.
 */
import type { Program, Value, Window } from "../../graph.ts";
import type { Dispatch, Shader } from "../shader.ts";
import { matrixFactor, writeProduct } from "./matmul.ts";
import type { Factor, KernelContext } from "./context.ts";

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

/** Places of one axis of dx that the same taps reach: every stride-th from the phase's number on. */
interface Phase {
  /** The first of these taps. */
  readonly first: number;
  /** How many they are. */
  readonly taps: number;
  /** How much further along dy the first of them looks than the place's number in the phase. */
  readonly shift: number;
}

/** The phases of one axis. */
interface Phases {
  readonly list: readonly Phase[];
  /** Places of the longest. */
  readonly places: number;
  /** From one tap of a phase to its next, and how far back along dy that one looks. */
  readonly step: number;
  readonly back: number;
}

function phasesOf(
  axis: 0 | 1,
  { window, extent, taps }: { readonly window: Window; readonly extent: number; readonly taps: number },
): Phases {
  const stride = window.strides[axis], padding = window.padding[axis], dilation = window.dilation[axis];
  const step = stride / greatestCommonDivisor(stride, dilation), count = Math.min(stride, extent);
  const list = Array.from({ length: count }, (_, phase): Phase => {
    const start = phase + padding;
    let first = 0;
    while (first < step && (start - first * dilation) % stride !== 0) first++;
    // Where one of `step` neighbours reaches the phase, so does every step-th; else none does.
    if (first === step || first >= taps) return { first: 0, taps: 0, shift: 0 };
    return { first, taps: Math.ceil((taps - first) / step), shift: (start - first * dilation) / stride };
  });
  return { list, places: Math.ceil(extent / stride), step, back: step * dilation / stride };
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/**
 * dy [B, H', W', O], filter [kh, kw, C, O] -> [B, H, W, C].
 *
 * A stride parts dx into phases that different taps reach. Each is a product of its own, without the taps that would
 * add nothing, and all of them are one batch of products.
 */
export function writeConv2dInputGrad(
  context: KernelContext,
  window: Window,
  { dy, filter, output, epilogue, operands }: Epilogue & {
    readonly dy: Value;
    readonly filter: Value;
    readonly output: Value;
  },
): Dispatch[] {
  const [kh, kw, channels, filters] = filter.shape, [images, height, width] = output.shape;
  const down = phasesOf(0, { window, extent: height, taps: kh });
  const across = phasesOf(1, { window, extent: width, taps: kw });
  const batch = down.list.length * across.list.length;
  const grid = [images, down.places, across.places, channels];
  const quads = filters % 4 === 0, zero = quads ? "vec4<f32>()" : "0.0";
  const downPhase = `(batch / ${across.list.length}u)`, acrossPhase = `(batch % ${across.list.length}u)`;
  /** What a phase has of `key`. */
  const ofDown = (shader: Shader, key: keyof Phase) =>
    shader.choice(down.list.map((phase) => phase[key]), downPhase);
  const ofAcross = (shader: Shader, key: keyof Phase) =>
    shader.choice(across.list.map((phase) => phase[key]), acrossPhase);
  const taps = (shader: Shader) => [
    `let channel = inner % ${filters}u;`,
    `let tap = inner / ${filters}u;`,
    `let taps_across = max(1u, ${ofAcross(shader, "taps")});`,
    "let tap_row = tap / taps_across;",
    "let tap_column = tap % taps_across;",
  ];
  const left: Factor = {
    along: "inner",
    quads,
    write(shader) {
      const operand = shader.operand(dy), [, rows, columns] = dy.shape;
      const index = `(((image * ${rows}u + up) * ${columns}u + left) * ${filters}u + channel)`;
      return [
        ...positionLines("outer", grid),
        ...taps(shader),
        // What would be negative wraps, and is too large too.
        `let up = row + ${ofDown(shader, "shift")} - tap_row * ${down.back}u;`,
        `let left = column + ${ofAcross(shader, "shift")} - tap_column * ${across.back}u;`,
        `if (up >= ${rows}u || left >= ${columns}u) { return ${zero}; }`,
        `return ${quads ? operand.vector(`(${index} / 4u)`) : operand.at(index)};`,
      ].join("\n");
    },
  };
  const right: Factor = {
    along: "inner",
    quads,
    write(shader) {
      const operand = shader.operand(filter);
      const index =
        `(((kernel_row * ${kw}u + kernel_column) * ${channels}u + outer) * ${filters}u + channel)`;
      return [
        ...taps(shader),
        `let kernel_row = ${ofDown(shader, "first")} + tap_row * ${down.step}u;`,
        `let kernel_column = ${ofAcross(shader, "first")} + tap_column * ${across.step}u;`,
        `return ${quads ? operand.vector(`(${index} / 4u)`) : operand.at(index)};`,
      ].join("\n");
    },
  };
  const lengths = down.list.flatMap((row) => across.list.map((column) => row.taps * column.taps * filters));
  const place = [
    `let y = row / ${across.places}u % ${down.places}u * ${window.strides[0]}u + ${downPhase};`,
    `let x = row % ${across.places}u * ${window.strides[1]}u + ${acrossPhase};`,
    `if (y >= ${height}u || x >= ${width}u) { return; }`,
    `let place = (row / ${down.places * across.places}u * ${height}u + y) * ${width}u + x;`,
  ];
  return writeProduct(context, {
    kind: "conv2d_input_grad",
    batch,
    rows: images * down.places * across.places,
    columns: channels,
    inner: Math.max(0, ...lengths),
    lengths,
    left,
    right,
    output,
    ...batch === 1 ? {} : { place: () => place },
    epilogue,
    operands,
  });
}
