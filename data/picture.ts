/** Pictures of any size: decoded, turned upright, cropped to a square and averaged down. */
import { Buffer } from "node:buffer";
import { contentOf, startsWith } from "./file_kind.ts";

/** One picture as bytes. */
export interface Picture {
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
  /** Grey or colour levels 0..255: [height, width, channels]. */
  readonly pixels: Uint8Array<ArrayBuffer>;
}

/** Larger pictures are refused: decoded, this one takes 400 MB. */
const MOST_PIXELS = 100_000_000;
/** Red, green and blue that differ by no more are grey: what rounding in JPEG leaves. */
const GREY_TOLERANCE = 4;

/**
 * Decodes a PNG or a JPEG; the bytes say which it is, not the name. Transparent parts are laid on white, and a picture
 * stored lying down (EXIF orientation) is stood up. Colour levels are those of the file: no profile is applied.
 *
 * @param options.path names the picture in errors.
 * @throws {SyntaxError} where it is neither, is cut off or damaged; {RangeError} where it is too large.
 */
export async function decodePicture(
  bytes: Uint8Array,
  { path }: { readonly path: string },
): Promise<Picture> {
  const kind = pictureKind(bytes);
  if (kind === undefined) {
    throw new SyntaxError(`Cannot read ${path} as it is ${contentOf(bytes)}: give a PNG or a JPEG`);
  }
  const picture = kind === "png" ? await decodePng(bytes, path) : await decodeJpeg(bytes, path);
  return turned(picture, kind === "png" ? pngOrientation(bytes) : jpegOrientation(bytes));
}

/** What the first bytes say. */
export function pictureKind(bytes: Uint8Array): "png" | "jpeg" | undefined {
  if (startsWith(bytes, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])) return "png";
  return startsWith(bytes, [0xff, 0xd8, 0xff]) ? "jpeg" : undefined;
}

async function decodePng(bytes: Uint8Array, path: string): Promise<Picture> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 33) throw damaged(path, "PNG");
  checkSize(path, view.getUint32(16), view.getUint32(20));
  const { PNG } = await import("pngjs");
  try {
    const { width, height, data } = PNG.sync.read(
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    );
    return withoutAlpha({ width, height, data });
  } catch (cause) {
    throw damaged(path, "PNG", cause);
  }
}

async function decodeJpeg(bytes: Uint8Array, path: string): Promise<Picture> {
  const { decode } = await import("jpeg-js");
  try {
    const { width, height, data } = decode(bytes, {
      useTArray: true,
      formatAsRGBA: false,
      // Without it a picture that is cut off comes out grey below the cut.
      tolerantDecoding: false,
      maxResolutionInMP: MOST_PIXELS / 1e6,
      maxMemoryUsageInMB: 4096,
    });
    return reduced({ width, height, channels: 3, pixels: new Uint8Array(data) });
  } catch (cause) {
    if (/maxResolution|maxMemory/.test((cause as Error).message)) throw tooLarge(path);
    throw damaged(path, "JPEG", cause);
  }
}

function damaged(path: string, kind: string, cause?: unknown): SyntaxError {
  return new SyntaxError(
    `Cannot read ${path} as the ${kind} is damaged or cut off: copy it again, or take it out of the folder`,
    { cause },
  );
}

function tooLarge(path: string): RangeError {
  return new RangeError(
    `Cannot read ${path} as it has more than ${MOST_PIXELS / 1e6} million pixels: shrink it`,
  );
}

function checkSize(path: string, width: number, height: number): void {
  if (width * height > MOST_PIXELS) throw tooLarge(path);
}

/** RGBA on white. */
function withoutAlpha(
  { width, height, data }: { readonly width: number; readonly height: number; readonly data: Uint8Array },
): Picture {
  const pixels = new Uint8Array(width * height * 3);
  for (let at = 0; at < width * height; at++) {
    const alpha = data[4 * at + 3];
    for (let channel = 0; channel < 3; channel++) {
      pixels[3 * at + channel] = Math.round((data[4 * at + channel] * alpha + 255 * (255 - alpha)) / 255);
    }
  }
  return reduced({ width, height, channels: 3, pixels });
}

/** A picture without colour as one channel. */
function reduced(picture: Picture): Picture {
  const { pixels } = picture;
  for (let at = 0; at < pixels.length; at += 3) {
    const red = pixels[at], green = pixels[at + 1], blue = pixels[at + 2];
    if (Math.max(red, green, blue) - Math.min(red, green, blue) > GREY_TOLERANCE) return picture;
  }
  return withChannels(picture, 1);
}

/** The picture with so many channels: luminance (Rec. 601) of colours, or the grey level thrice. */
export function withChannels<P extends Picture>(picture: P, channels: 1 | 3): P {
  if (picture.channels === channels) return picture;
  return { ...picture, channels, pixels: recolour(picture.pixels, channels) };
}

/** Pixels of three channels as one of luminance, or the other way. */
export function recolour(pixels: Uint8Array, to: 1 | 3): Uint8Array<ArrayBuffer> {
  if (to === 3) {
    const colours = new Uint8Array(pixels.length * 3);
    for (let at = 0; at < pixels.length; at++) colours.fill(pixels[at], 3 * at, 3 * at + 3);
    return colours;
  }
  const grey = new Uint8Array(pixels.length / 3);
  for (let at = 0; at < grey.length; at++) {
    grey[at] = Math.round(0.299 * pixels[3 * at] + 0.587 * pixels[3 * at + 1] + 0.114 * pixels[3 * at + 2]);
  }
  return grey;
}

/**
 * The largest square in the middle, averaged over areas to `size` x `size`: every pixel of it counts in proportion to
 * the part that lies in a new one. Small pictures are enlarged the same way.
 */
export function squared(picture: Picture, size: number): Picture {
  const { height, width, channels, pixels } = picture;
  const side = Math.min(height, width);
  if (height === size && width === size) return picture;
  const rows = spans((height - side) / 2, { side, size }),
    columns = spans((width - side) / 2, { side, size });
  const out = new Uint8Array(size * size * channels), sums = new Float64Array(channels);
  rows.forEach((row, y) => {
    columns.forEach((column, x) => {
      sums.fill(0);
      for (let i = 0; i < row.weights.length; i++) {
        const base = (row.first + i) * width + column.first;
        for (let j = 0; j < column.weights.length; j++) {
          const weight = row.weights[i] * column.weights[j];
          for (let channel = 0; channel < channels; channel++) {
            sums[channel] += weight * pixels[(base + j) * channels + channel];
          }
        }
      }
      for (let channel = 0; channel < channels; channel++) {
        // Weights add up to 1 but for rounding, so that levels of a half would fall to either side.
        out[(y * size + x) * channels + channel] = Math.round(sums[channel] - 1e-9);
      }
    });
  });
  return { height: size, width: size, channels, pixels: out };
}

/** Which pixels of a line, and how much of each, a new pixel is made of. */
interface Span {
  readonly first: number;
  /** Shares of the new pixel. */
  readonly weights: Float64Array;
}

/** The spans of `size` new pixels over `side` old ones from `start`, which may lie half way in a pixel. */
function spans(start: number, { side, size }: { readonly side: number; readonly size: number }): Span[] {
  return Array.from({ length: size }, (_, index) => {
    const from = start + index * side / size, to = start + (index + 1) * side / size;
    const first = Math.floor(from), last = Math.max(first + 1, Math.ceil(to - 1e-9));
    const weights = Float64Array.from(
      { length: last - first },
      (_, i) => (Math.min(to, first + i + 1) - Math.max(from, first + i)) * size / side,
    );
    return { first, weights };
  });
}

/** The picture as its EXIF orientation (1..8) wants it to be seen. */
export function turned(picture: Picture, orientation: number): Picture {
  if (orientation <= 1 || orientation > 8) return picture;
  const { height, width, channels, pixels } = picture;
  const across = orientation >= 5;
  const seen = across ? { height: width, width: height } : { height, width };
  const out = new Uint8Array(pixels.length);
  for (let y = 0; y < seen.height; y++) {
    for (let x = 0; x < seen.width; x++) {
      // Where the pixel lies that is seen at (y, x): 2 to 4 mirror and turn, 5 to 8 do so across the diagonal.
      let row = across ? x : y, column = across ? y : x;
      if ([3, 4, 6, 7].includes(orientation)) row = height - 1 - row;
      if ([2, 3, 7, 8].includes(orientation)) column = width - 1 - column;
      const from = (row * width + column) * channels, to = (y * seen.width + x) * channels;
      for (let channel = 0; channel < channels; channel++) out[to + channel] = pixels[from + channel];
    }
  }
  return { ...seen, channels, pixels: out };
}

/** The orientation that a JPEG's EXIF part names; 1, upright, where it names none. */
function jpegOrientation(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff;) {
    const marker = bytes[at + 1], length = view.getUint16(at + 2);
    if (marker === 0xda) break;
    if (marker === 0xe1 && startsWith(bytes.subarray(at + 4), [0x45, 0x78, 0x69, 0x66, 0, 0])) {
      return tiffOrientation(bytes.subarray(at + 10, at + 2 + length));
    }
    at += 2 + length;
  }
  return 1;
}

/** The same of a PNG's eXIf part. */
function pngOrientation(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 8; at + 12 <= bytes.length;) {
    const length = view.getUint32(at);
    if (startsWith(bytes.subarray(at + 4), [0x65, 0x58, 0x49, 0x66])) {
      return tiffOrientation(bytes.subarray(at + 8, at + 8 + length));
    }
    at += 12 + length;
  }
  return 1;
}

/** Tag 0x0112 of the first directory of a TIFF header. */
function tiffOrientation(tiff: Uint8Array): number {
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
  if (tiff.length < 8) return 1;
  const little = tiff[0] === 0x49;
  const directory = view.getUint32(4, little);
  if (directory + 2 > tiff.length) return 1;
  const entries = view.getUint16(directory, little);
  for (let entry = 0; entry < entries; entry++) {
    const at = directory + 2 + 12 * entry;
    if (at + 12 > tiff.length) return 1;
    if (view.getUint16(at, little) === 0x0112) return view.getUint16(at + 8, little);
  }
  return 1;
}
