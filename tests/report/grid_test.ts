import assert from "node:assert/strict";
import {
  GRID_LAYOUT,
  HAIRLINE,
  type Image,
  imageGrid,
  imagesOf,
  memorizationSheet,
  pictureOf,
  sizeOf,
} from "../../report/grid.ts";
import { type Colour, PALETTE, rgb } from "../../report/palette.ts";
import { decodePng, type Picture } from "../../report/png.ts";

const { margin, gap, frame, stackGap } = GRID_LAYOUT;

function pixel(picture: Picture, x: number, y: number): number[] {
  return [...picture.pixels.subarray((y * picture.width + x) * 3, (y * picture.width + x) * 3 + 3)];
}

function grey(value: number): Image {
  return { pixels: new Uint8Array(28 * 28).fill(value), shape: [28, 28] };
}

/** How many pixels have this colour. */
function count(picture: Picture, colour: Colour): number {
  const [red, green, blue] = rgb(colour);
  let found = 0;
  for (let at = 0; at < picture.pixels.length; at += 3) {
    const { pixels } = picture;
    if (pixels[at] === red && pixels[at + 1] === green && pixels[at + 2] === blue) found++;
  }
  return found;
}

Deno.test("imageGrid: size arithmetic of tiles without text", () => {
  const tiles = Array.from({ length: 7 }, (_, index) => ({ image: grey(index) }));
  const sheet = decodePng(imageGrid({ sections: [{ tiles }], columns: 3 }));
  assert.equal(sheet.width, 2 * margin + 3 * 84 + 2 * gap);
  assert.equal(sheet.height, 2 * margin + 3 * 84 + 2 * gap);
  for (let index = 0; index < 7; index++) {
    const x = margin + (index % 3) * (84 + gap), y = margin + Math.floor(index / 3) * (84 + gap);
    assert.deepEqual(pixel(sheet, x, y), [index, index, index]);
    assert.deepEqual(pixel(sheet, x + 83, y + 83), [index, index, index]);
    assert.deepEqual(pixel(sheet, x + 84, y), [...rgb(HAIRLINE)]);
  }
});

Deno.test("imageGrid: an image pixel becomes a square of scale x scale", () => {
  const image = { pixels: Uint8Array.of(0, 50, 100, 150, 200, 250), shape: [2, 3] };
  const sheet = decodePng(imageGrid({ sections: [{ tiles: [{ image }] }], scale: 4 }));
  assert.equal(sheet.width, 2 * margin + 12);
  assert.equal(sheet.height, 2 * margin + 8);
  for (let y = 0; y < 8; y++) {
    for (let x = 0; x < 12; x++) {
      const value = image.pixels[Math.floor(y / 4) * 3 + Math.floor(x / 4)];
      assert.deepEqual(pixel(sheet, margin + x, margin + y), [value, value, value]);
    }
  }
});

Deno.test("imageGrid: a frame surrounds its tile and leaves the neighbour's hairline alone", () => {
  const tiles = [{ image: grey(0), frame: PALETTE.blue }, { image: grey(0) }];
  const sheet = decodePng(imageGrid({ sections: [{ tiles }] }));
  const blue = [...rgb(PALETTE.blue)];
  for (const [x, y] of [[-frame, -frame], [-1, 40], [84, 40], [84 + frame - 1, 84 + frame - 1], [40, -1]]) {
    assert.deepEqual(pixel(sheet, margin + x, margin + y), blue);
  }
  assert.equal(count(sheet, PALETTE.blue), (84 + 2 * frame) ** 2 - 84 ** 2);
  assert.equal(count(sheet, HAIRLINE), 86 ** 2 - 84 ** 2);
});

Deno.test("imageGrid: colour, floats, clipping and NaN", () => {
  const image = (pixels: Uint8Array | Float32Array, shape: number[]) => ({ image: { pixels, shape } });
  const sheet = decodePng(imageGrid({
    scale: 1,
    sections: [{
      tiles: [
        image(Uint8Array.of(10, 20, 30), [1, 1, 3]),
        image(Float32Array.of(0, 0.5, 1), [1, 1, 3]),
        image(Float32Array.of(1.7), [1, 1, 1]),
        image(Float32Array.of(-3), [1, 1]),
        image(Float32Array.of(NaN), [1, 1]),
      ],
    }],
  }));
  const shown = [0, 1, 2, 3, 4].map((column) => pixel(sheet, margin + column * (1 + gap), margin));
  assert.deepEqual(shown, [[10, 20, 30], [0, 128, 255], [255, 255, 255], [0, 0, 0], [255, 0, 255]]);
});

Deno.test("imageGrid: words change nothing in the PNG; sections stand apart", () => {
  const tiles = [{ image: grey(7) }];
  const bare = imageGrid({ sections: [{ tiles }] });
  const words = { caption: "caption", note: "note", legend: [{ colour: PALETTE.blue, text: "blue" }] };
  assert.deepEqual(imageGrid({ sections: [{ ...words, tiles: [{ ...tiles[0], label: "7" }] }] }), bare);
  const two = decodePng(imageGrid({ sections: [{ tiles }, { tiles: [{ image: grey(9) }] }] }));
  const { sectionGap } = GRID_LAYOUT;
  assert.equal(two.height, decodePng(bare).height + 84 + sectionGap);
  assert.deepEqual(pixel(two, margin, margin + 84 + sectionGap), [9, 9, 9]);
});

Deno.test("pictureOf: the pixels of one image; sizeOf: the size of the largest on the screen", () => {
  const { width, height, pixels } = pictureOf({ pixels: Float32Array.of(0, NaN), shape: [1, 2] });
  assert.deepEqual([width, height, [...pixels]], [2, 1, [0, 0, 0, 255, 0, 255]]);
  assert.deepEqual(sizeOf({ sections: [{ tiles: [{ image: grey(0) }] }] }), {
    scale: 3,
    width: 84,
    height: 84,
  });
});

Deno.test("imageGrid: nonsense is rejected", () => {
  assert.throws(() => imageGrid({ sections: [] }), RangeError);
  assert.throws(() => imageGrid({ sections: [{ tiles: [{ image: grey(0) }] }], columns: 0 }), RangeError);
  assert.throws(() => imageGrid({ sections: [{ tiles: [{ image: grey(0) }] }], scale: 1.5 }), RangeError);
  const bad = { pixels: new Uint8Array(5), shape: [2, 2] };
  assert.throws(
    () => imageGrid({ sections: [{ tiles: [{ image: bad }] }] }),
    /shape is \[2,2\] with 5 values/,
  );
});

Deno.test("imagesOf: cuts an array into views of its images", () => {
  const pixels = Uint8Array.from({ length: 12 }, (_, index) => index);
  const images = imagesOf(pixels, [2, 2, 3]);
  assert.deepEqual(images.map((image) => [...image.pixels]), [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]);
  assert.deepEqual(images[1].shape, [2, 3]);
  assert.equal(images[1].pixels.buffer, pixels.buffer);
  assert.throws(() => imagesOf(pixels, [3, 3, 3]), RangeError);
});

const sheetOptions = {
  training: [1, 2, 3, 4].map(grey),
  reconstructions: [5, 6, 7, 8].map(grey),
  psnr: 21.3,
  generated: [
    { image: grey(11), nearest: grey(12), memorized: true, distance: 0 },
    { image: grey(13), nearest: grey(14), memorized: false, label: "5 bits", distance: 5 },
    { image: grey(15), nearest: grey(16), memorized: true },
  ],
  memorizedFraction: 0.625,
  samples: 10000,
};

Deno.test("memorizationSheet: every image is shown once, each generated one over its nearest", () => {
  const sheet = decodePng(imageGrid(memorizationSheet(sheetOptions)));
  const corner = (value: number) => {
    const area = count(sheet, `#${value.toString(16).padStart(2, "0").repeat(3)}`);
    assert.equal(area, 84 * 84, `grey ${value}`);
    for (let at = 0;; at += 3) {
      if ([0, 1, 2].every((channel) => sheet.pixels[at + channel] === value)) {
        return [at / 3 % sheet.width, Math.floor(at / 3 / sheet.width)];
      }
    }
  };
  for (const value of [1, 2, 3, 4]) assert.equal(corner(value)[0], corner(value + 4)[0]);
  for (const value of [11, 13, 15]) {
    const [x, y] = corner(value);
    assert.deepEqual(corner(value + 1), [x, y + 84 + stackGap]);
    const edge = pixel(sheet, x - 1, y + 100);
    assert.deepEqual(edge, [...rgb(value === 13 ? HAIRLINE : PALETTE.vermilion)]);
  }
});

Deno.test("memorizationSheet: its words; a missing reconstruction is an error", () => {
  const { sections: [, , generated] } = memorizationSheet(sheetOptions);
  assert.match(generated.legend?.[0].text ?? "", /2 of the 3 here, 62.50 % of all 10,000 samples/);
  assert.deepEqual(
    generated.tiles.map(({ kind, distance, label }) => [kind, distance, label]),
    [["memorized", 0, undefined], ["new", 5, "5 bits"], ["memorized", undefined, undefined]],
  );
  assert.throws(
    () => memorizationSheet({ ...sheetOptions, reconstructions: [] }),
    /4 training images must have its reconstruction: current count is 0/,
  );
});
