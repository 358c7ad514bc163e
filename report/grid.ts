/** Picture sheets: small images, enlarged, in captioned rows, as one PNG. */
import { eachDot, FONT_HEIGHT, textWidth, wrapText } from "./font.ts";
import { type Colour, PALETTE, rgb } from "./palette.ts";
import { encodePng } from "./png.ts";

/** One grey or colour image. */
export interface Image {
  /** 0..255 in a Uint8Array, 0..1 (clipped; NaN shows as magenta) in a Float32Array. */
  readonly pixels: Uint8Array | Float32Array;
  /** [height, width] or [height, width, 1 or 3]. */
  readonly shape: readonly number[];
}

/** One cell of a sheet. */
export interface Tile {
  /** One image, or several that belong together: the first at the top. */
  readonly image: Image | readonly Image[];
  /** A few characters under the tile. */
  readonly label?: string;
  /** Absent: a hairline. */
  readonly frame?: Colour;
}

/** Tiles under one caption. */
export interface GridSection {
  readonly caption?: string;
  /** Smaller text under the caption. */
  readonly note?: string;
  /** What the colours of frames mean. */
  readonly legend?: readonly { readonly colour: Colour; readonly text: string }[];
  readonly tiles: readonly Tile[];
}

/** A whole sheet. */
export interface GridOptions {
  readonly title?: string;
  /** Smaller text under the title. */
  readonly subtitle?: string;
  readonly sections: readonly GridSection[];
  /** Tiles a row; absent: 10. */
  readonly columns?: number;
  /** Sheet pixels for each image pixel and side; absent: what makes the largest image about 84 pixels high. */
  readonly scale?: number;
}

/**
 * Distances in sheet pixels. Without title, captions and labels, the image of the tile in row r, column c starts
 * at x = margin + c * (width + gap), y = margin + r * (height + gap); its frame lies around it, in the gap.
 */
export const GRID_LAYOUT = { margin: 28, gap: 12, frame: 4, stackGap: 4 } as const;

const BACKGROUND: Colour = "#fbfbf9";
const INK: Colour = "#23252b";
const MUTED: Colour = "#63666f";
/** The frame of tiles that have none of their own. */
export const HAIRLINE: Colour = "#c9cac6";
const NOT_A_NUMBER = rgb("#ff00ff");

const TITLE_SCALE = 3;
const TEXT_SCALE = 2;
const LEGEND_BOX = 14;
const SECTION_GAP = 30;
/** Under a label, so that it is read with the tile above it. */
const LABEL_GAP = 6;
/** Narrower sheets are widened to this, so that captions have room. */
const MIN_TEXT_WIDTH = 420;
const DEFAULT_COLUMNS = 10;
const DEFAULT_TILE_HEIGHT = 84;

/** The images of one array: shape [count, height, width] or [count, height, width, channels]. Nothing is copied. */
export function imagesOf(pixels: Uint8Array | Float32Array, shape: readonly number[]): Image[] {
  const [count, ...rest] = shape;
  const size = rest.reduce((product, side) => product * side, 1);
  if (pixels.length !== count * size) {
    throw new RangeError(
      `Cannot cut images from an array as its shape [${shape}] must hold all its elements: current length is ${pixels.length}`,
    );
  }
  return Array.from(
    { length: count },
    (_, index) => ({ pixels: pixels.subarray(index * size, (index + 1) * size), shape: rest }),
  );
}

class Canvas {
  readonly pixels: Uint8Array;

  constructor(readonly width: number, readonly height: number) {
    this.pixels = new Uint8Array(width * height * 3);
    this.fill(0, 0, { width, height, colour: rgb(BACKGROUND) });
  }

  fill(
    x: number,
    y: number,
    area: { readonly width: number; readonly height: number; readonly colour: readonly number[] },
  ): void {
    for (let row = y; row < y + area.height; row++) {
      for (let column = x; column < x + area.width; column++) {
        this.pixels.set(area.colour, (row * this.width + column) * 3);
      }
    }
  }

  text(
    x: number,
    y: number,
    line: { readonly text: string; readonly scale: number; readonly colour: Colour },
  ) {
    const { text, scale } = line;
    const dot = { width: scale, height: scale, colour: rgb(line.colour) };
    eachDot(text, (dx, dy) => this.fill(x + dx * scale, y + dy * scale, dot));
  }

  image(x: number, y: number, { image, scale }: { readonly image: Image; readonly scale: number }): void {
    const [height, width, channels = 1] = image.shape;
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const colour = colourAt(image.pixels, (row * width + column) * channels, channels);
        this.fill(x + column * scale, y + row * scale, { width: scale, height: scale, colour });
      }
    }
  }
}

function colourAt(pixels: Uint8Array | Float32Array, at: number, channels: number): readonly number[] {
  const values = channels === 3 ? [pixels[at], pixels[at + 1], pixels[at + 2]] : Array(3).fill(pixels[at]);
  if (pixels instanceof Uint8Array) return values;
  if (values.some(Number.isNaN)) return NOT_A_NUMBER;
  return values.map((value) => Math.round(Math.min(1, Math.max(0, value)) * 255));
}

function stackOf(tile: Tile): readonly Image[] {
  return "pixels" in tile.image ? [tile.image] : tile.image;
}

function checkImage(image: Image): void {
  const [height, width, channels = 1] = image.shape;
  const good = (image.shape.length === 2 || image.shape.length === 3) && (channels === 1 || channels === 3) &&
    height >= 1 && width >= 1 && image.pixels.length === height * width * channels;
  if (!good) {
    throw new RangeError(
      `Cannot draw an image as its shape must be [height, width] or [height, width, 1 or 3] and hold its pixels: current shape is [${image.shape}] with ${image.pixels.length} values`,
    );
  }
}

/** What stands where: draws run in order once the sheet's size is known. */
interface Layout {
  y: number;
  readonly draws: ((canvas: Canvas) => void)[];
}

function placeText(
  layout: Layout,
  text: string,
  style: {
    readonly width: number;
    readonly scale: number;
    readonly colour: Colour;
    readonly indent?: number;
  },
): void {
  const { scale, colour, indent = 0 } = style;
  for (const line of wrapText(text, Math.floor((style.width - indent) / scale))) {
    const y = layout.y;
    layout.draws.push((canvas) => canvas.text(GRID_LAYOUT.margin + indent, y, { text: line, scale, colour }));
    layout.y += (FONT_HEIGHT + 2) * scale;
  }
}

function placeLegend(
  layout: Layout,
  entry: { readonly colour: Colour; readonly text: string },
  width: number,
): void {
  const y = layout.y;
  layout.draws.push((canvas) => {
    const { margin } = GRID_LAYOUT;
    canvas.fill(margin, y, { width: LEGEND_BOX, height: LEGEND_BOX, colour: rgb(entry.colour) });
    const inner = LEGEND_BOX - 2 * GRID_LAYOUT.frame;
    canvas.fill(margin + GRID_LAYOUT.frame, y + GRID_LAYOUT.frame, {
      width: inner,
      height: inner,
      colour: rgb(INK),
    });
  });
  placeText(layout, entry.text, { width, scale: TEXT_SCALE, colour: MUTED, indent: LEGEND_BOX + 10 });
}

interface TileSize {
  readonly scale: number;
  readonly columns: number;
  readonly width: number;
  readonly labelScale: number;
}

function placeTiles(layout: Layout, tiles: readonly Tile[], size: TileSize): void {
  const { margin, gap, frame, stackGap } = GRID_LAYOUT;
  for (let first = 0; first < tiles.length; first += size.columns) {
    const row = tiles.slice(first, first + size.columns);
    const top = layout.y;
    let bottom = top;
    row.forEach((tile, column) => {
      const images = stackOf(tile);
      const width = Math.max(...images.map((image) => image.shape[1])) * size.scale;
      const left = margin + column * (size.width + gap) + Math.floor((size.width - width) / 2);
      const height = images.reduce((sum, image) => sum + image.shape[0] * size.scale + stackGap, -stackGap);
      const edge = tile.frame === undefined ? 1 : frame;
      const colour = rgb(tile.frame ?? HAIRLINE);
      layout.draws.push((canvas) => {
        canvas.fill(left - edge, top - edge, { width: width + 2 * edge, height: height + 2 * edge, colour });
        let y = top;
        for (const image of images) {
          canvas.image(left, y, { image, scale: size.scale });
          y += image.shape[0] * size.scale + stackGap;
        }
      });
      bottom = Math.max(bottom, top + height);
    });
    if (row.some((tile) => tile.label !== undefined)) {
      const y = bottom + frame + 3;
      row.forEach((tile, column) => {
        const text = tile.label ?? "";
        const left = margin + column * (size.width + gap) +
          Math.floor((size.width - textWidth(text) * size.labelScale) / 2);
        layout.draws.push((canvas) => canvas.text(left, y, { text, scale: size.labelScale, colour: INK }));
      });
      bottom = y + FONT_HEIGHT * size.labelScale + LABEL_GAP;
    }
    layout.y = bottom + gap;
  }
  if (tiles.length > 0) layout.y -= gap;
}

/** A PNG of tiles in rows, under a title and captions. Text is ASCII; other characters show as a box. */
export function imageGrid(options: GridOptions): Uint8Array {
  const { title, subtitle, sections, columns = DEFAULT_COLUMNS } = options;
  const tiles = sections.flatMap((section) => section.tiles);
  const images = tiles.flatMap(stackOf);
  if (images.length === 0) throw new RangeError("Cannot draw a sheet as it has no images: give it a tile");
  images.forEach(checkImage);
  if (!(Number.isInteger(columns) && columns >= 1)) {
    throw new RangeError(
      `Cannot draw a sheet as columns must be a positive integer: current value is ${columns}`,
    );
  }
  const tallest = Math.max(...images.map((image) => image.shape[0]));
  const scale = options.scale ?? Math.max(1, Math.round(DEFAULT_TILE_HEIGHT / tallest));
  if (!(Number.isInteger(scale) && scale >= 1)) {
    throw new RangeError(
      `Cannot draw a sheet as scale must be a positive integer: current value is ${scale}`,
    );
  }

  const { margin, gap } = GRID_LAYOUT;
  const widest = Math.max(...images.map((image) => image.shape[1])) * scale;
  const longestLabel = Math.max(...tiles.map((tile) => textWidth(tile.label ?? "")));
  const labelScale = longestLabel * TEXT_SCALE <= widest + gap / 2 ? TEXT_SCALE : 1;
  const size: TileSize = { scale, columns, width: Math.max(widest, longestLabel * labelScale), labelScale };
  const used = Math.min(columns, Math.max(...sections.map((section) => section.tiles.length)));
  const rowWidth = used * (size.width + gap) - gap;
  const hasText = title !== undefined || subtitle !== undefined ||
    sections.some((section) => section.caption ?? section.note ?? section.legend);
  const width = hasText ? Math.max(rowWidth, MIN_TEXT_WIDTH) : rowWidth;

  const layout: Layout = { y: margin, draws: [] };
  if (title !== undefined) {
    placeText(layout, title, { width, scale: TITLE_SCALE, colour: INK });
    layout.y += 4;
  }
  if (subtitle !== undefined) placeText(layout, subtitle, { width, scale: TEXT_SCALE, colour: MUTED });
  sections.forEach((section, index) => {
    if (layout.y > margin) layout.y += index === 0 ? 18 : SECTION_GAP;
    const textTop = layout.y;
    if (section.caption !== undefined) {
      placeText(layout, section.caption, { width, scale: TEXT_SCALE, colour: INK });
    }
    if (section.note !== undefined) {
      placeText(layout, section.note, { width, scale: TEXT_SCALE, colour: MUTED });
    }
    for (const entry of section.legend ?? []) placeLegend(layout, entry, width);
    if (layout.y > textTop) layout.y += 10;
    placeTiles(layout, section.tiles, size);
  });

  const canvas = new Canvas(width + 2 * margin, layout.y + margin);
  for (const draw of layout.draws) draw(canvas);
  return encodePng(canvas);
}

/** What the sheet of a sequence model shows. */
export interface MemorizationSheetOptions {
  /** For example "seq2hist on digits, 1,024 images". */
  readonly title: string;
  /** Smaller text under the title. */
  readonly subtitle?: string;
  /** The first training images, say 20. */
  readonly training: readonly Image[];
  /** What the autoencoder makes of each of `training`. */
  readonly reconstructions: readonly Image[];
  /** Mean PSNR of the reconstructions of the whole training set, in dB. */
  readonly psnr: number;
  /** Samples as they were drawn, not chosen. */
  readonly generated: readonly GeneratedImage[];
  /** Share of all samples that are training sequences, 0..1, and how many samples were drawn. */
  readonly memorizedFraction: number;
  readonly samples: number;
  /** Tiles a row; absent: 10. */
  readonly columns?: number;
}

/** One generated image beside its nearest training image. */
export interface GeneratedImage {
  readonly image: Image;
  /** The training image whose code is nearest. */
  readonly nearest: Image;
  /** Whether the generated sequence is a training sequence. */
  readonly memorized: boolean;
  /** A few characters under the pair, such as the distance. */
  readonly label?: string;
}

/**
 * The memorization sheet as a PNG: training images, their reconstructions, and generated images each directly above
 * its nearest training image, the memorized ones framed.
 */
export function memorizationSheet(options: MemorizationSheetOptions): Uint8Array {
  const { training, reconstructions, generated, memorizedFraction, samples } = options;
  if (training.length !== reconstructions.length) {
    throw new RangeError(
      `Cannot draw a sheet as each of ${training.length} training images must have its reconstruction: current count is ${reconstructions.length}`,
    );
  }
  const memorized = generated.filter((one) => one.memorized).length;
  const percent = (memorizedFraction * 100).toFixed(2);
  return imageGrid({
    title: options.title,
    subtitle: options.subtitle,
    columns: options.columns,
    sections: [
      { caption: "1. Training images", tiles: training.map((image) => ({ image })) },
      {
        caption: "2. Their reconstructions",
        note: `Binary autoencoder, PSNR ${options.psnr.toFixed(2)} dB over the training set`,
        tiles: reconstructions.map((image) => ({ image })),
      },
      {
        caption: "3. Generated images (above), each with its nearest training image (below)",
        legend: [
          {
            colour: PALETTE.vermilion,
            text: `memorized: a training sequence (${memorized} of ${generated.length} here, ` +
              `${percent} % of ${samples.toLocaleString("en")} samples)`,
          },
          { colour: HAIRLINE, text: "new: the sequence of no training image" },
        ],
        tiles: generated.map((one) => ({
          image: [one.image, one.nearest],
          label: one.label,
          frame: one.memorized ? PALETTE.vermilion : undefined,
        })),
      },
    ],
  });
}
