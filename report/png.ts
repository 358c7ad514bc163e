/** PNG files from pixels and back. Equal pixels give equal bytes. */
import { Buffer } from "node:buffer";
import { PNG } from "pngjs";

/** An 8-bit colour picture. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  /** Red, green, blue of every pixel, row by row: [height, width, 3]. */
  readonly pixels: Uint8Array;
}

/** The bytes of a PNG file that shows `picture`. */
export function encodePng(picture: Picture): Uint8Array {
  const { width, height, pixels } = picture;
  if (pixels.length !== width * height * 3 || pixels.length === 0) {
    throw new RangeError(
      `Cannot encode a picture as it must have width * height * 3 bytes: current size is ${width} x ${height}, ${pixels.length} bytes`,
    );
  }
  const png = new PNG({ width, height });
  for (let from = 0, to = 0; from < pixels.length; from += 3, to += 4) {
    png.data[to] = pixels[from];
    png.data[to + 1] = pixels[from + 1];
    png.data[to + 2] = pixels[from + 2];
    png.data[to + 3] = 255;
  }
  // Sheets are flat areas and enlarged pixels: row filters, and zlib's run-length strategy that pngjs would use, make
  // them several times larger.
  return new Uint8Array(
    PNG.sync.write(png, { colorType: 2, filterType: 0, deflateLevel: 9, deflateStrategy: 0 }),
  );
}

/** The pixels of a PNG file of any colour type; transparent ones are laid over white. */
export function decodePng(bytes: Uint8Array): Picture {
  const { width, height, data } = PNG.sync.read(Buffer.from(bytes));
  const pixels = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; to < pixels.length; from += 4, to += 3) {
    const alpha = data[from + 3] / 255;
    for (let channel = 0; channel < 3; channel++) {
      pixels[to + channel] = Math.round(255 + (data[from + channel] - 255) * alpha);
    }
  }
  return { width, height, pixels };
}

/** Width and height of a PNG file, read from its header. */
export function pngSize(bytes: Uint8Array): { readonly width: number; readonly height: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // "\x89PNG", then 12 bytes on, the header chunk's width and height.
  if (bytes.length < 24 || view.getUint32(0) !== 0x89504e47) {
    throw new TypeError("Cannot read a picture's size as it is not a PNG file: give the bytes of encodePng");
  }
  return { width: view.getUint32(16), height: view.getUint32(20) };
}
