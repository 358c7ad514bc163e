import assert from "node:assert/strict";
import { decodePng, encodePng, pngSize } from "../../report/png.ts";

const picture = { width: 3, height: 2, pixels: Uint8Array.from({ length: 18 }, (_, index) => index * 14) };

Deno.test("encodePng: decodePng gives the pixels back", () => {
  assert.deepEqual(decodePng(encodePng(picture)), picture);
});

Deno.test("encodePng: equal pictures give equal bytes", () => {
  assert.deepEqual(encodePng(picture), encodePng({ ...picture, pixels: picture.pixels.slice() }));
});

Deno.test("encodePng: pixels that do not fill the picture are rejected", () => {
  assert.throws(() => encodePng({ ...picture, height: 3 }), RangeError);
  assert.throws(() => encodePng({ width: 0, height: 0, pixels: new Uint8Array(0) }), RangeError);
});

Deno.test("decodePng: reads a file that another program wrote, transparency over white", () => {
  // 2 x 1, RGBA, written by Python's zlib: opaque red, then half transparent black.
  const file = Uint8Array.fromBase64(
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAYAAAD0In+KAAAAD0lEQVR4nGP4z8AARAwNAA18An8IvWs2AAAAAElFTkSuQmCC",
  );
  assert.deepEqual(decodePng(file), { width: 2, height: 1, pixels: Uint8Array.of(255, 0, 0, 127, 127, 127) });
});

Deno.test("pngSize: reads the header, also of a view into a larger buffer", () => {
  const bytes = encodePng(picture);
  const larger = new Uint8Array(bytes.length + 7);
  larger.set(bytes, 7);
  assert.deepEqual(pngSize(larger.subarray(7)), { width: 3, height: 2 });
  assert.throws(() => pngSize(new Uint8Array(30)), TypeError);
});
