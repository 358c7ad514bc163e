/**
 * Sheets of small images in captioned rows. A sheet is shown twice: in the page of a report, with real type (see
 * `tiles.ts`), and beside it as one PNG of the enlarged images and their frames, without a word.
 */
import { type Colour, PALETTE, rgb } from "./palette.ts";
import { percent } from "./numbers.ts";
import { encodePng, type Picture } from "./png.ts";

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
  /** A few words under the tile, in the page. */
  readonly label?: string;
  /** Absent: a hairline. */
  readonly frame?: Colour;
  /** What a gallery is filtered by: one of a few words, such as "memorized". */
  readonly kind?: string;
  /** What a gallery is filtered by: how far it is from the training set. */
  readonly distance?: number;
}

/** Tiles under one caption. Texts are shown in the page. */
export interface SheetSection {
  /** Its heading. */
  readonly caption?: string;
  /** Smaller text under the caption. */
  readonly note?: string;
  /** What the colours of frames mean. */
  readonly legend?: readonly { readonly colour: Colour; readonly text: string }[];
  /** From left to right, row by row. */
  readonly tiles: readonly Tile[];
}

/** A whole sheet. */
export interface Sheet {
  /** One below the other. */
  readonly sections: readonly SheetSection[];
  /** Tiles a row, also where the page is narrow; absent: 10 in the PNG, as many as fit in the page. */
  readonly columns?: number;
  /** Screen pixels for each image pixel and side; absent: what makes the largest image about 84 pixels high. */
  readonly scale?: number;
}

/**
 * Distances in PNG pixels. The image of the tile in row r, column c of the only section starts at
 * x = margin + c * (width + gap), y = margin + r * (height + gap); its frame lies around it, in the gap.
 */
export const GRID_LAYOUT = { margin: 16, gap: 12, frame: 4, stackGap: 4, sectionGap: 32 } as const;

const BACKGROUND: Colour = "#fbfbf9";
/** The frame of tiles that have none of their own. */
export const HAIRLINE: Colour = "#c9cac6";
const NOT_A_NUMBER = rgb("#ff00ff");

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

/** The images of a tile, the first at the top. */
export function stackOf(tile: Tile): readonly Image[] {
  return "pixels" in tile.image ? [tile.image] : tile.image;
}

/** The image as red, green and blue of each pixel; NaN shows as magenta. */
export function pictureOf(image: Image): Picture {
  checkImage(image);
  const [height, width, channels = 1] = image.shape;
  const pixels = new Uint8Array(height * width * 3);
  for (let at = 0; at < height * width; at++) {
    pixels.set(colourAt(image.pixels, at * channels, channels), 3 * at);
  }
  return { width, height, pixels };
}

/**
 * Screen pixels for each image pixel of a sheet, and the size in screen pixels of its largest image.
 *
 * @throws {RangeError} where there is no image, or `scale` is not a positive integer.
 */
export function sizeOf(
  sheet: Sheet,
): { readonly scale: number; readonly width: number; readonly height: number } {
  const images = sheet.sections.flatMap((section) => section.tiles).flatMap(stackOf);
  if (images.length === 0) throw new RangeError("Cannot draw a sheet as it has no images: give it a tile");
  images.forEach(checkImage);
  const tallest = Math.max(...images.map((image) => image.shape[0]));
  const scale = sheet.scale ?? Math.max(1, Math.round(DEFAULT_TILE_HEIGHT / tallest));
  if (!(Number.isInteger(scale) && scale >= 1)) {
    throw new RangeError(
      `Cannot draw a sheet as scale must be a positive integer: current value is ${scale}`,
    );
  }
  return {
    scale,
    width: Math.max(...images.map((image) => image.shape[1])) * scale,
    height: tallest * scale,
  };
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

interface TileSize {
  readonly scale: number;
  readonly columns: number;
  readonly width: number;
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
    layout.y = bottom + gap;
  }
  if (tiles.length > 0) layout.y -= gap;
}

/**
 * The images of a sheet as a PNG, its sections one under the other, without text.
 *
 * @throws {RangeError} where there is no image, or columns or scale are not positive integers.
 */
export function imageGrid(sheet: Sheet): Uint8Array {
  const { sections, columns = DEFAULT_COLUMNS } = sheet;
  const { scale, width: widest } = sizeOf(sheet);
  if (!(Number.isInteger(columns) && columns >= 1)) {
    throw new RangeError(
      `Cannot draw a sheet as columns must be a positive integer: current value is ${columns}`,
    );
  }
  const { margin, gap, sectionGap } = GRID_LAYOUT;
  const size: TileSize = { scale, columns, width: widest };
  const used = Math.min(columns, Math.max(...sections.map((section) => section.tiles.length)));
  const layout: Layout = { y: margin, draws: [] };
  for (const { tiles } of sections) {
    if (layout.y > margin) layout.y += sectionGap;
    placeTiles(layout, tiles, size);
  }
  const canvas = new Canvas(used * (size.width + gap) - gap + 2 * margin, layout.y + margin);
  for (const draw of layout.draws) draw(canvas);
  return encodePng(canvas);
}

/** What the sheet of a sequence model shows. */
export interface MemorizationSheetOptions {
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
  /** A few words under the pair, such as the distance. */
  readonly label?: string;
  /** Places in which the two codes differ. */
  readonly distance?: number;
}

/**
 * The memorization sheet: training images, their reconstructions, and generated images each directly above its nearest
 * training image, the memorized ones framed.
 */
export function memorizationSheet(options: MemorizationSheetOptions): Sheet {
  const { training, reconstructions, generated, memorizedFraction, samples } = options;
  if (training.length !== reconstructions.length) {
    throw new RangeError(
      `Cannot draw a sheet as each of ${training.length} training images must have its reconstruction: current count is ${reconstructions.length}`,
    );
  }
  const memorized = generated.filter((one) => one.memorized).length;
  return {
    columns: options.columns,
    sections: [
      { caption: "1. Training images", tiles: training.map((image) => ({ image })) },
      {
        caption: "2. What the autoencoder makes of them",
        note: `Each is drawn from its code alone. PSNR over the whole training set: ${
          options.psnr.toFixed(2)
        } dB.`,
        tiles: reconstructions.map((image) => ({ image })),
      },
      {
        caption: "3. Generated images, each above the training image with the nearest code",
        legend: [
          {
            colour: PALETTE.vermilion,
            text:
              `memorized: its sequence is that of a training image (${memorized} of the ${generated.length} here, ` +
              `${percent(memorizedFraction)} of all ${samples.toLocaleString("en")} samples)`,
          },
          { colour: HAIRLINE, text: "new: its sequence is that of no training image" },
        ],
        tiles: generated.map((one) => ({
          image: [one.image, one.nearest],
          label: one.label,
          frame: one.memorized ? PALETTE.vermilion : undefined,
          kind: one.memorized ? "memorized" : "new",
          distance: one.distance,
        })),
      },
    ],
  };
}
