import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { encode } from "jpeg-js";
import { PNG } from "pngjs";
import { decodePicture, type Picture, recolour, squared, turned } from "../../data/picture.ts";

/** Levels that differ at every place. */
function ramp(height: number, width: number, channels: 1 | 3 = 1): Picture {
  const pixels = Uint8Array.from({ length: height * width * channels }, (_, index) => (index * 7) % 251);
  return { height, width, channels, pixels };
}

function rgba(height: number, width: number, colour: (y: number, x: number) => readonly number[]): Buffer {
  const data = Buffer.alloc(height * width * 4);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) data.set(colour(y, x), 4 * (y * width + x));
  }
  return data;
}

function png(height: number, width: number, colour: (y: number, x: number) => readonly number[]): Uint8Array {
  const image = new PNG({ width, height });
  image.data = rgba(height, width, colour);
  return new Uint8Array(PNG.sync.write(image));
}

/** An EXIF part that names an orientation, in either byte order. */
function exif(orientation: number, little: boolean): Uint8Array {
  const tiff = new DataView(new ArrayBuffer(26));
  tiff.setUint16(0, little ? 0x4949 : 0x4d4d);
  tiff.setUint16(2, 42, little);
  tiff.setUint32(4, 8, little);
  tiff.setUint16(8, 1, little);
  tiff.setUint16(10, 0x0112, little);
  tiff.setUint16(12, 3, little);
  tiff.setUint32(14, 1, little);
  tiff.setUint16(18, orientation, little);
  return new Uint8Array(tiff.buffer);
}

Deno.test("areas are averaged, by hand", () => {
  const picture: Picture = {
    height: 2,
    width: 4,
    channels: 1,
    pixels: Uint8Array.of(9, 10, 20, 9, 9, 30, 40, 9),
  };
  // The square in the middle is columns 1 and 2.
  assert.deepEqual(squared(picture, 1), { height: 1, width: 1, channels: 1, pixels: Uint8Array.of(25) });
  assert.deepEqual([...squared(picture, 2).pixels], [10, 20, 30, 40]);
  // 3 to 2: a new pixel holds an old one and half of the next.
  const three: Picture = {
    height: 3,
    width: 3,
    channels: 1,
    pixels: Uint8Array.of(0, 30, 60, 0, 30, 60, 0, 30, 60),
  };
  assert.deepEqual([...squared(three, 2).pixels], [10, 50, 10, 50]);
  // An odd margin is cut in the middle of a pixel: half of 0, 6, 12 and half of 18 in 3 columns.
  const odd: Picture = { height: 1, width: 2, channels: 1, pixels: Uint8Array.of(10, 30) };
  assert.deepEqual([...squared(odd, 1).pixels], [20]);
  // Enlarged, each old pixel is seen twice.
  assert.deepEqual([...squared({ ...three, height: 1, width: 1 }, 2).pixels], [0, 0, 0, 0]);
});

Deno.test("a plain picture stays plain at any size, and the mean stays", () => {
  for (const size of [1, 5, 31, 32, 33, 64]) {
    const plain: Picture = {
      height: 37,
      width: 50,
      channels: 3,
      pixels: new Uint8Array(37 * 50 * 3).fill(201),
    };
    assert.ok(squared(plain, size).pixels.every((level) => level === 201), String(size));
  }
  const mean = ({ pixels }: Picture) => pixels.reduce((sum, level) => sum + level, 0) / pixels.length;
  const picture = ramp(48, 48);
  assert.ok(Math.abs(mean(squared(picture, 7)) - mean(picture)) < 0.6);
});

Deno.test("orientations, by hand", () => {
  // 1 2 3
  // 4 5 6
  const picture: Picture = { height: 2, width: 3, channels: 1, pixels: Uint8Array.of(1, 2, 3, 4, 5, 6) };
  const seen = (orientation: number) => {
    const { height, width, pixels } = turned(picture, orientation);
    return [height, width, [...pixels].join("")];
  };
  assert.deepEqual([1, 2, 3, 4, 5, 6, 7, 8].map(seen), [
    [2, 3, "123456"],
    [2, 3, "321654"],
    [2, 3, "654321"],
    [2, 3, "456123"],
    [3, 2, "142536"],
    [3, 2, "415263"],
    [3, 2, "635241"],
    [3, 2, "362514"],
  ]);
  assert.equal(turned(picture, 9), picture);
});

Deno.test("a turned picture is averaged to the turned average", () => {
  const picture = ramp(21, 34, 3);
  for (let orientation = 1; orientation <= 8; orientation++) {
    assert.deepEqual(squared(turned(picture, orientation), 8), turned(squared(picture, 8), orientation));
  }
});

Deno.test("PNGs: grey ones have one channel, transparency lies on white", async () => {
  const grey = await decodePicture(png(2, 3, (y, x) => [50 * y + x, 50 * y + x, 50 * y + x, 255]), {
    path: "a",
  });
  assert.deepEqual(grey, { height: 2, width: 3, channels: 1, pixels: Uint8Array.of(0, 1, 2, 50, 51, 52) });
  const colour = await decodePicture(png(1, 2, (_, x) => [200, 100, 0, x === 0 ? 255 : 51]), { path: "a" });
  assert.deepEqual([...colour.pixels], [200, 100, 0, 244, 224, 204]);
});

Deno.test("JPEGs are stood up as their EXIF part says, in either byte order", async () => {
  // Dark left, bright right, twice as wide as high.
  const data = rgba(16, 32, (_, x) => x < 16 ? [20, 20, 20, 255] : [220, 220, 220, 255]);
  const plain = new Uint8Array(encode({ data, width: 32, height: 16 }, 95).data);
  for (const little of [true, false]) {
    const part = Uint8Array.of(...new TextEncoder().encode("Exif\0\0"), ...exif(6, little));
    const head = Uint8Array.of(0xff, 0xe1, 0, part.length + 2, ...part);
    const turnedBytes = Uint8Array.of(...plain.subarray(0, 2), ...head, ...plain.subarray(2));
    const { height, width, channels, pixels } = await decodePicture(turnedBytes, { path: "a.jpg" });
    assert.deepEqual([height, width, channels], [32, 16, 1]);
    // A quarter turn to the right: what was left is above.
    assert.ok(pixels[8] < 40 && pixels[31 * 16 + 8] > 200);
  }
});

Deno.test("a PNG's eXIf part counts too", async () => {
  const plain = png(1, 2, (_, x) => [100 * x, 100 * x, 100 * x, 255]);
  const content = exif(3, false), chunk = new Uint8Array(content.length + 12);
  new DataView(chunk.buffer).setUint32(0, content.length);
  chunk.set(new TextEncoder().encode("eXIf"), 4);
  chunk.set(content, 8);
  const { crc32 } = await import("node:zlib");
  new DataView(chunk.buffer).setUint32(8 + content.length, crc32(chunk.subarray(4, 8 + content.length)));
  const bytes = Uint8Array.of(...plain.subarray(0, 33), ...chunk, ...plain.subarray(33));
  assert.deepEqual([...(await decodePicture(bytes, { path: "a" })).pixels], [100, 0]);
});

Deno.test("bad pictures are told in one sentence", async () => {
  const fails = (bytes: Uint8Array, message: RegExp) =>
    assert.rejects(decodePicture(bytes, { path: "x.jpg" }), (error: Error) => {
      assert.match(error.message, message);
      assert.ok(!error.message.includes("\n"));
      return true;
    });
  const jpeg = new Uint8Array(
    encode({ data: rgba(16, 16, (y, x) => [x, y, 9, 255]), width: 16, height: 16 }, 90).data,
  );
  const image = png(8, 8, (y, x) => [x, y, 3, 255]);
  const text = new TextEncoder();
  await fails(
    text.encode("<!DOCTYPE html><p>not found"),
    /^Cannot read x\.jpg as it is an HTML page: give a PNG or/,
  );
  await fails(new Uint8Array(0), /as it is empty/);
  await fails(text.encode("GIF89a..."), /as it is a GIF/);
  for (let cut = 4; cut < jpeg.length - 1; cut += 37) {
    await fails(jpeg.subarray(0, cut), /as the JPEG is damaged or cut off: copy it again/);
  }
  for (let cut = 8; cut < image.length - 12; cut += 11) {
    await fails(image.subarray(0, cut), /as the PNG is damaged or cut off/);
  }
  const huge = image.slice();
  new DataView(huge.buffer).setUint32(16, 20_000);
  new DataView(huge.buffer).setUint32(20, 20_000);
  await fails(huge, /more than 100 million pixels: shrink it/);
});

Deno.test("colours become luminance, and grey becomes three equal channels", () => {
  assert.deepEqual([...recolour(Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255), 1)], [76, 150, 29]);
  assert.deepEqual([...recolour(Uint8Array.of(5, 6), 3)], [5, 5, 5, 6, 6, 6]);
});
