/** Convolutions and their gradients as products: of windows as they are, or of tiles where that multiplies less. */
import { type Op, type Program, type Shape, sizeOf, type Value, type Window } from "../graph.ts";
import { broadcastStrides } from "../kernels/strides.ts";
import { type Commands, DENSE, isIdentity, PATCHES, PIXELS } from "./commands.ts";
import { collapse } from "./nest.ts";
import type { Table } from "./stream.ts";

/** How the places of a filter's gradient are cut: the most runs, and the least places of one. */
const MOST_RUNS = 16, LEAST_RUN = 512;
/** Channels that are worth copying tap by tap: an image's edge costs less so. */
const MANY_CHANNELS = 8;
/** Channels too few to repay packing dy once a tap, and how many times dy's size its windows may take instead. */
const NARROW = 16, WINDOWS_PER_DY = 4;

type OpOf<Kind extends Op["kind"]> = Extract<Op, { readonly kind: Kind }>;

/** A tap along one axis: its number in the filter, and how far from place times stride in the source it reads. */
interface Tap {
  readonly tap: number;
  readonly offset: number;
}

/** Places of one axis of dx that the same taps reach: every stride-th from `base`. */
interface Phase {
  readonly base: number;
  readonly places: number;
  readonly taps: readonly Tap[];
}

/** A sum over taps and channels at every place of a grid: a convolution, or a phase of its input's gradient. */
interface Sum {
  readonly places: readonly [number, number];
  /** The image that is read: of a convolution x, even where its gradient is what is written. */
  readonly source: Value;
  readonly strides: readonly [number, number];
  readonly rows: readonly Tap[];
  readonly columns: readonly Tap[];
}

/** Where place (y, x) goes in a larger output. */
interface Out {
  readonly plane: readonly [number, number];
  readonly steps: readonly [number, number];
  readonly base: readonly [number, number];
}

/** An epilogue and its operands, as a product takes them. */
interface Epilogue {
  readonly epilogue?: Program;
  readonly operands: readonly { readonly value: Value; readonly row: number; readonly column: number }[];
}

/** 2 x 2 taps, each a stride apart: the offset of the first, and the numbers of the four in the filter. */
interface Group {
  readonly offset: readonly [number, number];
  readonly taps: readonly [number, number, number, number];
}

/** Tiles of 2 x 2 outputs need 9 products where 16 were; with few of anything the sums around them cost more. */
const LEAST_TILES = 48, LEAST_DEPTH = 32, LEAST_CHANNELS = 16, MOST_PRODUCTS = 0.75;
/** Images that are enough for every thread to have some of its own. */
const LEAST_IMAGES = 8;
/** Elements of tiles that a thread spreads at a time (of L2), and the groups of twelve it takes of large filters. */
const SPREAD = 120_000, LARGE_FILTER = 262_144, LEAST_SPAN = 8;
/** Tiles of a run of a filter's gradient, and the most runs; a thread's elements of them at a time, and the least tiles. */
const RUN_TILES = 128, MOST_TILE_RUNS = 8, GRADIENT_SPREAD = 150_000, LEAST_TILE_DEPTH = 16;
const PRODUCTS = 9, ROWS = 12;

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** Pairs of taps a stride apart; undefined where one is left over. */
function pairs(taps: readonly Tap[], stride: number): (readonly [Tap, Tap])[] | undefined {
  const left = [...taps], result: (readonly [Tap, Tap])[] = [];
  while (left.length > 0) {
    const first = left.shift()!, second = left.findIndex(({ offset }) => offset === first.offset + stride);
    if (second < 0) return undefined;
    result.push([first, ...left.splice(second, 1)] as [Tap, Tap]);
  }
  return result;
}

/** The groups of 2 x 2 taps of a sum, where products of tiles are worth it. */
function groupsOf(sum: Sum, filter: Shape): Group[] | undefined {
  const [, width, channels, depth] = filter;
  const rows = pairs(sum.rows, sum.strides[0]), columns = pairs(sum.columns, sum.strides[1]);
  if (!rows?.length || !columns?.length) return undefined;
  const [height, across] = sum.places, tiles = Math.ceil(height / 2) * Math.ceil(across / 2);
  const isWorthIt = channels % 4 === 0 && depth % 4 === 0 && depth >= LEAST_CHANNELS &&
    rows.length * columns.length * channels >= LEAST_DEPTH && sum.source.shape[0] * tiles >= LEAST_TILES &&
    PRODUCTS * tiles <= MOST_PRODUCTS * 4 * height * across;
  if (!isWorthIt) return undefined;
  return rows.flatMap(([top, bottom]) =>
    columns.map(([left, right]) => ({
      offset: [top.offset, left.offset] as const,
      taps: [
        top.tap * width + left.tap,
        top.tap * width + right.tap,
        bottom.tap * width + left.tap,
        bottom.tap * width + right.tap,
      ] as const,
    }))
  );
}

/** The offsets of all taps of a sum, row by row. */
function offsets({ rows, columns }: Sum): (readonly [number, number])[] {
  return rows.flatMap((y) => columns.map((x) => [y.offset, x.offset] as const));
}

/** The sum that a convolution of x is, with `plane` outputs. */
function sumOf(x: Value, [kh, kw]: Shape, { strides, padding, dilation }: Window, plane: Shape): Sum {
  const tapsOf = (axis: 0 | 1, taps: number): Tap[] =>
    range(taps).map((tap) => ({ tap, offset: tap * dilation[axis] - padding[axis] }));
  return {
    places: [plane[0], plane[1]],
    source: x,
    strides,
    rows: tapsOf(0, kh),
    columns: tapsOf(1, kw),
  };
}

/** Writes convolutions. */
export class Convolutions {
  readonly #commands: Commands;

  constructor(commands: Commands) {
    this.#commands = commands;
  }

  /** y = x * filter, and its epilogue. */
  conv2d(op: OpOf<"conv2d">, inputs: readonly Value[], output: Value): void {
    const [x, filter, ...operands] = inputs, [kh, kw, channels, n] = filter.shape;
    const sum = sumOf(x, filter.shape, op.window, output.shape.slice(1, 3));
    const { after, ...epilogue } = this.#epilogue(op.epilogue, operands, output);
    const groups = groupsOf(sum, filter.shape);
    if (groups) {
      this.#tiled(sum, groups, { filter, output, ...epilogue });
    } else {
      this.#commands.gemm({
        m: sizeOf(output.shape.slice(0, 3)),
        n,
        k: kh * kw * channels,
        a: { kind: PIXELS, address: this.#commands.at(x), row: 0, column: 0 },
        b: { address: this.#commands.at(filter), row: n, column: 1 },
        c: { address: this.#commands.at(output), row: n },
        batches: 1,
        table: 0,
        grid: this.#grid({ ...sum, source: x.shape, taps: offsets(sum) }),
        ...epilogue,
      });
    }
    after?.();
  }

  /** dx from dy: one sum for each phase of the stride, the places of dx that the same taps reach. */
  inputGrad(op: OpOf<"conv2d_input_grad">, inputs: readonly Value[], output: Value): void {
    const [dy, filter, ...operands] = inputs, [kh, kw, channels, depth] = filter.shape;
    const { strides, padding, dilation } = op.window, [, height, width] = output.shape;
    const isNarrow = channels < NARROW && kh * kw * channels <= WINDOWS_PER_DY * depth;
    if (isNarrow && dilation[1] === 1) return this.#foldedInputGrad(op, inputs, output);
    const { after, ...epilogue } = this.#epilogue(op.epilogue, operands, output);
    const whole = sumOf(output, filter.shape, op.window, dy.shape.slice(1, 3));
    const groups = dy.shape[0] >= LEAST_IMAGES && channels >= LEAST_CHANNELS
      ? groupsOf(whole, filter.shape)
      : undefined;
    if (groups) {
      this.#tiledInputGrad(whole, groups, { dy, filter, ...epilogue });
      return after?.();
    }
    const phasesOf = (axis: 0 | 1, extent: number, taps: number): Phase[] =>
      range(Math.min(strides[axis], extent)).map((base) => ({
        base,
        places: Math.ceil((extent - base) / strides[axis]),
        // Last first, so that the offsets ascend.
        taps: range(taps).reverse().flatMap((tap) => {
          const offset = base + padding[axis] - tap * dilation[axis];
          return offset % strides[axis] === 0 ? [{ tap, offset: offset / strides[axis] }] : [];
        }),
      }));
    const columns = phasesOf(1, width, kw);
    const products = phasesOf(0, height, kh).flatMap((row) =>
      columns.map((column) =>
        this.#phase({
          places: [row.places, column.places],
          source: dy,
          strides: [1, 1],
          rows: row.taps,
          columns: column.taps,
        }, {
          out: { plane: [height, width], steps: strides, base: [row.base, column.base] },
          filter,
          output,
          ...epilogue,
        })
      )
    );
    this.#commands.stream.wait();
    products.forEach((product) => product());
    after?.();
  }

  /** A phase of dx as a product of windows: turns its taps' weights; returns what writes the product. */
  #phase(
    sum: Sum,
    { out, filter, output, ...epilogue }: Epilogue & {
      readonly out: Out;
      readonly filter: Value;
      readonly output: Value;
    },
  ): () => void {
    const [, kw, channels, depth] = filter.shape, { places, source } = sum;
    const taps = sum.rows.flatMap((y) =>
      sum.columns.map((x) => ({ index: y.tap * kw + x.tap, offset: [y.offset, x.offset] as const }))
    );
    // A phase that nothing reaches is 0: one tap that lies outside everywhere.
    if (taps.length === 0) taps.push({ index: 0, offset: [-source.shape[1] - places[0], 0] });
    // The taps' weights, turned to [tap, depth, channels].
    const weights = this.#commands.workspace(taps.length * depth * channels);
    taps.forEach(({ index }, i) =>
      this.#commands.copy([depth, channels], {
        address: this.#commands.at(filter) + 4 * index * channels * depth,
        strides: [1, depth],
      }, { address: weights + 4 * i * depth * channels, strides: [channels, 1] })
    );
    return () =>
      this.#commands.gemm({
        m: source.shape[0] * places[0] * places[1],
        n: channels,
        k: taps.length * depth,
        a: { kind: PIXELS, address: this.#commands.at(source), row: 0, column: 0 },
        b: { address: weights, row: channels, column: 1 },
        c: { address: this.#commands.at(output), row: channels },
        batches: 1,
        table: 0,
        grid: this.#grid({ ...sum, source: source.shape, taps: taps.map(({ offset }) => offset), out }),
        ...epilogue,
      });
  }

  /** The filter's taps, summed for the nine products: k is the groups' channels, or where `turned` n is. */
  #tileFilter(filter: Value, groups: readonly Group[], turned: boolean): number {
    const [, , channels, depth] = filter.shape, size = channels * depth;
    const tiles = this.#commands.workspace(PRODUCTS * groups.length * size);
    this.#commands.stream.command("winogradFilter", [
      this.#commands.at(filter),
      tiles,
      ...turned
        ? [depth, channels, 1, groups.length, 1, depth]
        : [channels, depth, groups.length, 1, depth, 1],
      ...groups.flatMap(({ taps }) => taps.map((tap) => tap * size)),
    ]);
    return tiles;
  }

  /** How many times twelve tiles a thread takes at a time of a product by [k, n], and its elements of one time. */
  #spanOf(k: number, n: number): { readonly span: number; readonly each: number } {
    const each = PRODUCTS * ROWS * (k + n), least = PRODUCTS * k * n > LARGE_FILTER ? LEAST_SPAN : 1;
    return { span: Math.max(least, Math.floor(SPREAD / each)), each };
  }

  /** A convolution as nine products of tiles. */
  #tiled(
    sum: Sum,
    groups: readonly Group[],
    { filter, output, ...epilogue }: Epilogue & { readonly filter: Value; readonly output: Value },
  ): void {
    const { source, places } = sum, [, , channels, n] = filter.shape, k = groups.length * channels;
    const m = source.shape[0] * Math.ceil(places[0] / 2) * Math.ceil(places[1] / 2);
    const { span, each } = this.#spanOf(k, n), most = Math.ceil(m / ROWS);
    const sums = this.#tileFilter(filter, groups, false);
    this.#commands.stream.wait();
    this.#commands.stream.command("winograd", [
      ...this.#commands.productWords({
        m,
        n,
        k,
        a: { kind: PIXELS, address: this.#commands.at(source), row: 0, column: 0 },
        b: { address: sums, row: 0, column: 0 },
        c: { address: this.#commands.at(output), row: n },
        batches: 1,
        table: 0,
        grid: this.#grid({ ...sum, source: source.shape, taps: groups.map(({ offset }) => offset) }),
        ...epilogue,
      }),
      this.#commands.ownWorkspace(Math.min(span, most) * each),
      Math.min(span, most),
    ]);
  }

  /** dx as nine products of tiles of dy, whole images by a thread: the transpose of the convolution by tiles. */
  #tiledInputGrad(
    sum: Sum,
    groups: readonly Group[],
    { dy, filter, ...epilogue }: Epilogue & { readonly dy: Value; readonly filter: Value },
  ): void {
    const { source, places } = sum, [, , n, k] = filter.shape, images = dy.shape[0], wide = groups.length * n;
    const tiles = Math.ceil(places[0] / 2) * Math.ceil(places[1] / 2);
    const { span, each } = this.#spanOf(k, wide);
    const chunk = Math.min(Math.max(1, Math.floor(span * ROWS / tiles)), images);
    const rounded = Math.ceil(chunk * tiles / ROWS);
    const sums = this.#tileFilter(filter, groups, true);
    this.#commands.stream.wait();
    this.#commands.stream.command("winogradInputGrad", [
      ...this.#commands.productWords({
        m: images,
        n,
        k,
        a: { kind: DENSE, address: this.#commands.at(dy), row: 0, column: 0 },
        b: { address: sums, row: 0, column: 0 },
        c: { address: this.#commands.at(source), row: n },
        batches: 1,
        table: 0,
        grid: this.#grid({ ...sum, source: source.shape, taps: groups.map(({ offset }) => offset) }),
        ...epilogue,
      }),
      this.#commands.ownWorkspace(rounded * each),
      rounded,
    ]);
  }

  /** The filter's gradient from x and dy. */
  filterGrad(op: OpOf<"conv2d_filter_grad">, inputs: readonly Value[], output: Value): void {
    const [x, dy] = inputs, [kh, kw, channels, n] = output.shape, [images, height, width] = dy.shape;
    const sum = sumOf(x, output.shape, op.window, [height, width]), groups = groupsOf(sum, output.shape);
    if (groups) return this.#tiledFilterGrad(sum, groups, { dy, output });
    const places = images * height * width, m = kh * kw * channels;
    // Small filters leave little to share out but the places: these are cut into runs, summed afterwards.
    const tiles = Math.ceil(m / 12) * Math.ceil(n / 16);
    const runs = Math.min(MOST_RUNS, Math.ceil(places / LEAST_RUN), Math.ceil(MOST_RUNS * 4 / tiles));
    const run = Math.ceil(places / runs), count = Math.ceil(places / run);
    const to = count > 1 ? this.#commands.workspace(count * m * n) : this.#commands.at(output);
    this.#commands.gemm({
      m,
      n,
      k: run,
      a: { kind: PATCHES, address: this.#commands.at(x), row: 0, column: 0 },
      b: { address: this.#commands.at(dy), row: n, column: 1 },
      c: { address: to, row: n },
      batches: count,
      table: this.#commands.stream.table(range(count).flatMap((i) => [i * run, i * run * n, i * m * n])),
      grid: this.#grid({ ...sum, source: x.shape, taps: offsets(sum) }),
      operands: [],
    });
    if (count === 1) return;
    this.#commands.stream.wait();
    this.#commands.sumRows(to, count, m * n, this.#commands.at(output));
  }

  /** The filter's gradient as nine products of tiles of x and of dy, summed over runs of tiles. */
  #tiledFilterGrad(
    sum: Sum,
    groups: readonly Group[],
    { dy, output }: { readonly dy: Value; readonly output: Value },
  ): void {
    const [, , channels, n] = output.shape, k = groups.length * channels, { places, source } = sum;
    const tiles = source.shape[0] * Math.ceil(places[0] / 2) * Math.ceil(places[1] / 2);
    const most = Math.min(MOST_TILE_RUNS, Math.max(1, Math.floor(tiles / RUN_TILES)));
    const run = Math.ceil(tiles / most), runs = Math.ceil(tiles / run);
    const parts = Math.ceil(2 * this.#commands.threads / runs), wide = Math.ceil(k / ROWS) * ROWS;
    const depth = Math.min(
      run,
      Math.max(LEAST_TILE_DEPTH, Math.floor(GRADIENT_SPREAD / PRODUCTS / (wide / parts + n))),
    );
    const sums = this.#commands.workspace(runs * PRODUCTS * k * n);
    this.#commands.stream.command("winogradFilterGrad", [
      this.#commands.at(source),
      this.#commands.at(dy),
      sums,
      this.#grid({ ...sum, source: source.shape, taps: groups.map(({ offset }) => offset) }),
      k,
      n,
      tiles,
      runs,
      run,
      this.#commands.ownWorkspace(PRODUCTS * depth * (wide + n) + n),
      depth,
    ]);
    this.#commands.stream.wait();
    const size = channels * n;
    this.#commands.stream.command("winogradFilterSum", [
      sums,
      this.#commands.at(output),
      channels,
      groups.length,
      n,
      runs,
      ...groups.flatMap(({ taps }) => taps.map((tap) => tap * size)),
    ]);
  }

  /** One product for all windows, then added where they overlap: dy is packed once rather than once a tap. */
  #foldedInputGrad(op: OpOf<"conv2d_input_grad">, inputs: readonly Value[], output: Value): void {
    const [dy, filter, ...operands] = inputs, [kh, kw, channels, depth] = filter.shape;
    const m = sizeOf(dy.shape.slice(0, 3)), n = kh * kw * channels, windows = this.#commands.workspace(m * n);
    const { strides, padding, dilation } = op.window;
    this.#commands.gemm({
      m,
      n,
      k: depth,
      a: { kind: DENSE, address: this.#commands.at(dy), row: depth, column: 1 },
      b: { address: this.#commands.at(filter), row: 1, column: depth },
      c: { address: windows, row: n },
      batches: 1,
      table: 0,
      grid: 0,
      operands: [],
    });
    this.#commands.stream.wait();
    this.#commands.stream.command("fold", [
      ...output.shape,
      dy.shape[1],
      dy.shape[2],
      kh,
      kw,
      ...strides,
      ...padding,
      ...dilation,
      windows,
      0,
      this.#commands.at(output),
    ]);
    if (!op.epilogue || isIdentity(op.epilogue)) return;
    this.#commands.stream.wait();
    this.#commands.map(op.epilogue, [output, ...operands], [output]);
  }

  /** The grid of a convolution for the kernels' gemm. `taps` are offsets from place times stride in the source. */
  #grid(grid: {
    readonly places: readonly [number, number];
    readonly source: Shape;
    readonly strides: readonly [number, number];
    readonly taps: readonly (readonly [number, number])[];
    /** Where place (y, x) goes in the output; absent: row after row. */
    readonly out?: Out;
  }): Table {
    const { places, source, strides, taps, out } = grid;
    // With few channels, neighbours along a row are taken together, as far as all rows of taps have as many of them.
    let run = taps.findIndex(([y, x], i) => i > 0 && (y !== taps[i - 1][0] || x !== taps[i - 1][1] + 1));
    if (run < 0) run = taps.length;
    const regular = taps.length % run === 0 &&
      taps.every(([y, x], i) => i % run === 0 || (y === taps[i - 1][0] && x === taps[i - 1][1] + 1));
    if (!regular || source[3] >= MANY_CHANNELS) run = 1;
    return this.#commands.stream.table([
      ...places,
      source[1],
      source[2],
      source[3],
      ...strides,
      taps.length,
      ...(out ? [...out.plane, ...out.steps, ...out.base] : [0, 0, 0, 0, 0, 0]),
      source[0] * places[0] * places[1],
      run,
      ...taps.filter((_, i) => i % run === 0).flat(),
    ]);
  }

  /**
   * An epilogue over rows of channels: its operands where each has one stride from row to row, else a map of its own
   * to be run after the product.
   */
  #epilogue(epilogue: Program | undefined, operands: readonly Value[], output: Value): {
    readonly epilogue?: Program;
    readonly operands: { readonly value: Value; readonly row: number; readonly column: number }[];
    readonly after?: () => void;
  } {
    if (!epilogue || isIdentity(epilogue)) return { operands: [] };
    const nests = operands.map((operand) => {
      const strides = broadcastStrides(operand.shape, output.shape);
      return { column: strides[3], rows: collapse(output.shape.slice(0, 3), [strides.slice(0, 3)]) };
    });
    if (nests.every(({ rows }) => rows.extents.length <= 1)) {
      return {
        epilogue,
        operands: nests.map(({ column, rows }, i) => ({
          value: operands[i],
          column,
          row: rows.strides[0][0] ?? 0,
        })),
      };
    }
    return {
      operands: [],
      after: () => {
        this.#commands.stream.wait();
        this.#commands.map(epilogue, [output, ...operands], [output]);
      },
    };
  }
}
