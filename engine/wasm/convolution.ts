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

/** Tiles need 9 products where 16 were, or 16 where 36, or 36 where 144; with few of anything the sums around them cost more. */
const LEAST_TILES = 48, LEAST_DEPTH = 32, LEAST_CHANNELS = 16, MOST_PRODUCTS = 0.75;
/** Channels on either side that repay sixteen products: to pack tiles of few takes less than to pack windows of them. */
const LEAST_OF_NINE_TAPS = 8;
/** The larger tiles' share of the smaller ones' products from which on they cost more. */
const MOST_OF_SIXTEEN = 0.6;
/** Images that are enough for every thread to have some of its own. */
const LEAST_IMAGES = 8;
/** Elements of tiles that a thread spreads at a time (of L2), and the groups of twelve it takes of large filters. */
const SPREAD = 120_000, LARGE_FILTER = 262_144, LEAST_SPAN = 8;
/** Tiles of a run of a filter's gradient, and the most runs; a thread's elements of them at a time, and the least tiles. */
const RUN_TILES = 128, MOST_TILE_RUNS = 8, GRADIENT_SPREAD = 150_000, LEAST_TILE_DEPTH = 32;
const ROWS = 12;

/** How a sum is cut into tiles of outputs. */
interface Tiling {
  /** F(2 x 2, 2 x 2) over groups of 2 x 2 taps, F(2 x 2, 3 x 3) over all nine, or F(4 x 4, 3 x 3). */
  readonly products: 9 | 16 | 36;
  /** The first tap of each group, as an offset in the source. */
  readonly offsets: readonly (readonly [number, number])[];
  /** The numbers of each group's taps in the filter, row by row. */
  readonly taps: readonly (readonly number[])[];
}
/** A border's tile is put together in a thread's own memory. */
const MOST_CHANNELS = 1024;
/** The commands of each. */
const TILE_COMMANDS = {
  9: {
    filter: "winogradFilter",
    forward: "winograd",
    filterGrad: "winogradFilterGrad",
    filterSum: "winogradFilterSum",
  },
  16: {
    filter: "winograd3Filter",
    forward: "winograd3",
    filterGrad: "winograd3FilterGrad",
    filterSum: "winograd3FilterSum",
  },
  36: {
    filter: "winograd4Filter",
    forward: "winograd4",
    filterGrad: "winograd4FilterGrad",
    filterSum: "winograd4FilterSum",
  },
} as const;

/** Tiles of a plane. */
function tilesOf([height, width]: readonly [number, number], products: Tiling["products"]): number {
  const side = products === 36 ? 4 : 2;
  return Math.ceil(height / side) * Math.ceil(width / side);
}

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

/** Whether three taps are neighbours, in the order of their places. */
function isTriple(taps: readonly Tap[]): boolean {
  return taps.length === 3 && taps.every(({ offset }, index) => offset === taps[0].offset + index);
}

/** How a sum is cut into tiles, where products of tiles are worth it. */
function tilingOf(sum: Sum, [, width, channels, depth]: Shape): Tiling | undefined {
  const { rows, columns, strides, places, source } = sum;
  const productsBy = (products: Tiling["products"]): number => products * tilesOf(places, products);
  const isWorthIt = (products: Tiling["products"], multiplied: number): boolean =>
    channels % 4 === 0 && depth % 4 === 0 && source.shape[0] * tilesOf(places, products) >= LEAST_TILES &&
    productsBy(products) <= MOST_PRODUCTS * multiplied * places[0] * places[1];
  if (
    strides[0] === 1 && strides[1] === 1 && isTriple(rows) && isTriple(columns) && channels <= MOST_CHANNELS
  ) {
    const products = productsBy(36) <= MOST_OF_SIXTEEN * productsBy(16) ? 36 : 16;
    if (Math.min(channels, depth) < LEAST_OF_NINE_TAPS || !isWorthIt(products, 9)) return undefined;
    return {
      products,
      offsets: [[rows[0].offset, columns[0].offset]],
      taps: [rows.flatMap((y) => columns.map((x) => y.tap * width + x.tap))],
    };
  }
  const rowPairs = pairs(rows, strides[0]), columnPairs = pairs(columns, strides[1]);
  if (!rowPairs?.length || !columnPairs?.length) return undefined;
  const groups = rowPairs.flatMap((y) => columnPairs.map((x) => ({ y, x })));
  const isDeep = depth >= LEAST_CHANNELS && groups.length * channels >= LEAST_DEPTH;
  if (!isDeep || !isWorthIt(9, 4)) return undefined;
  return {
    products: 9,
    offsets: groups.map(({ y: [top], x: [left] }) => [top.offset, left.offset]),
    taps: groups.map(({ y, x }) => y.flatMap((row) => x.map((column) => row.tap * width + column.tap))),
  };
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
    const tiling = tilingOf(sum, filter.shape);
    if (tiling) {
      this.#tiled(sum, tiling, { filter, output, turned: false, ...epilogue });
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
    const { after, ...epilogue } = this.#epilogue(op.epilogue, operands, output);
    const whole = sumOf(output, filter.shape, op.window, dy.shape.slice(1, 3));
    const tiling = tilingOf(whole, filter.shape);
    if (tiling?.products === 9 && channels >= LEAST_CHANNELS && dy.shape[0] >= LEAST_IMAGES) {
      this.#tiledInputGrad(whole, tiling, { dy, filter, ...epilogue });
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
    if (tiling !== undefined && tiling.products !== 9) {
      // Without a stride there is one phase, a convolution of dy with the taps in reverse.
      const [row] = phasesOf(0, height, kh), [column] = columns;
      const sum: Sum = {
        places: [height, width],
        source: dy,
        strides: [1, 1],
        rows: row.taps,
        columns: column.taps,
      };
      const turned = tilingOf(sum, [kh, kw, depth, channels]);
      if (turned !== undefined && turned.products !== 9) {
        this.#tiled(sum, turned, { filter, output, turned: true, ...epilogue });
        return after?.();
      }
    }
    const isNarrow = channels < NARROW && kh * kw * channels <= WINDOWS_PER_DY * depth;
    if (isNarrow && dilation[1] === 1) return this.#foldedInputGrad(op, inputs, output);
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

  /** The filter's taps, summed for the products: k is the groups' channels, or where `turned` n is. */
  #tileFilter(filter: Value, { products, taps }: Tiling, turned: boolean): number {
    const [, , channels, depth] = filter.shape, size = channels * depth;
    const tiles = this.#commands.workspace(products * taps.length * size);
    this.#commands.stream.command(TILE_COMMANDS[products].filter, [
      this.#commands.at(filter),
      tiles,
      ...turned ? [depth, channels, 1, taps.length, 1, depth] : [channels, depth, taps.length, 1, depth, 1],
      ...taps.flat().map((tap) => tap * size),
    ]);
    return tiles;
  }

  /** How many times twelve tiles a thread takes at a time of products by [k, n], and its elements of one time. */
  #spanOf(
    { products }: Tiling,
    { k, n }: { readonly k: number; readonly n: number },
  ): { readonly span: number; readonly each: number } {
    const each = products * ROWS * (k + n);
    // Of 36 products hardly any filter stays in L2, and tiles need not either: they have several times its arithmetic.
    const least = products < 36 && products * k * n > LARGE_FILTER ? LEAST_SPAN : 1;
    return { span: Math.max(least, Math.floor(SPREAD / each)), each };
  }

  /** A convolution as products of tiles; where `turned` the filter's output channels are what is read. */
  #tiled(
    sum: Sum,
    tiling: Tiling,
    { filter, output, turned, ...epilogue }: Epilogue & {
      readonly filter: Value;
      readonly output: Value;
      readonly turned: boolean;
    },
  ): void {
    const { source, places } = sum, k = tiling.taps.length * source.shape[3], n = output.shape[3];
    const m = source.shape[0] * tilesOf(places, tiling.products);
    const { span, each } = this.#spanOf(tiling, { k, n }), most = Math.ceil(m / ROWS);
    const sums = this.#tileFilter(filter, tiling, turned);
    this.#commands.stream.wait();
    this.#commands.stream.command(TILE_COMMANDS[tiling.products].forward, [
      ...this.#commands.productWords({
        m,
        n,
        k,
        a: { kind: PIXELS, address: this.#commands.at(source), row: 0, column: 0 },
        b: { address: sums, row: 0, column: 0 },
        c: { address: this.#commands.at(output), row: n },
        batches: 1,
        table: 0,
        grid: this.#grid({ ...sum, source: source.shape, taps: tiling.offsets }),
        ...epilogue,
      }),
      this.#commands.ownWorkspace(Math.min(span, most) * each),
      Math.min(span, most),
    ]);
  }

  /** dx as nine products of tiles of dy, whole images by a thread: the transpose of the convolution by tiles. */
  #tiledInputGrad(
    sum: Sum,
    tiling: Tiling,
    { dy, filter, ...epilogue }: Epilogue & { readonly dy: Value; readonly filter: Value },
  ): void {
    const { source, places } = sum, [, , n, k] = filter.shape, images = dy.shape[0];
    const wide = tiling.taps.length * n;
    const tiles = tilesOf(places, tiling.products);
    const { span, each } = this.#spanOf(tiling, { k, n: wide });
    const chunk = Math.min(Math.max(1, Math.floor(span * ROWS / tiles)), images);
    const rounded = Math.ceil(chunk * tiles / ROWS);
    const sums = this.#tileFilter(filter, tiling, true);
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
        grid: this.#grid({ ...sum, source: source.shape, taps: tiling.offsets }),
        ...epilogue,
      }),
      this.#commands.ownWorkspace(rounded * each),
      rounded,
    ]);
  }

  /** The filter's gradient from x and dy. */
  filterGrad(op: OpOf<"conv2d_filter_grad">, inputs: readonly Value[], output: Value): void {
    const [x, dy] = inputs, [kh, kw, channels, n] = output.shape, [images, height, width] = dy.shape;
    const sum = sumOf(x, output.shape, op.window, [height, width]), tiling = tilingOf(sum, output.shape);
    if (tiling) return this.#tiledFilterGrad(sum, tiling, { dy, output });
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

  /** The filter's gradient as products of tiles of x and of dy, summed over runs of tiles. */
  #tiledFilterGrad(
    sum: Sum,
    { products, offsets, taps }: Tiling,
    { dy, output }: { readonly dy: Value; readonly output: Value },
  ): void {
    const [, , channels, n] = output.shape, k = taps.length * channels, { places, source } = sum;
    const tiles = source.shape[0] * tilesOf(places, products);
    const most = Math.min(MOST_TILE_RUNS, Math.max(1, Math.floor(tiles / RUN_TILES)));
    const run = Math.ceil(tiles / most), runs = Math.ceil(tiles / run);
    const parts = Math.ceil(2 * this.#commands.threads / runs), wide = Math.ceil(k / ROWS) * ROWS;
    const depth = Math.min(
      run,
      Math.max(LEAST_TILE_DEPTH, Math.floor(GRADIENT_SPREAD / products / (wide / parts + n))),
    );
    const sums = this.#commands.workspace(runs * products * k * n);
    this.#commands.stream.command(TILE_COMMANDS[products].filterGrad, [
      this.#commands.at(source),
      this.#commands.at(dy),
      sums,
      this.#grid({ ...sum, source: source.shape, taps: offsets }),
      k,
      n,
      tiles,
      runs,
      run,
      this.#commands.ownWorkspace(products * depth * (wide + n) + n),
      depth,
    ]);
    this.#commands.stream.wait();
    const size = channels * n;
    this.#commands.stream.command(TILE_COMMANDS[products].filterSum, [
      sums,
      this.#commands.at(output),
      channels,
      taps.length,
      n,
      runs,
      ...taps.flat().map((tap) => tap * size),
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
