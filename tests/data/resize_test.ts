import stored from "../../analysis/inception_from_torch.json" with { type: "json" };
import { resize, RESIZE_RULES } from "../../data/resize.ts";
import { close } from "../layers/check.ts";
import { hashed } from "../models/hashed.ts";

const PICTURE = {
  height: 9,
  width: 7,
  channels: 3,
  pixels: Uint8Array.from(hashed("picture", 9 * 7 * 3), (value) => Math.round(127.5 * (value + 1))),
} as const;

Deno.test("larger and smaller pictures are those of Pillow and of PyTorch", () => {
  for (const [size, expected] of Object.entries(stored.resized)) {
    for (const rule of RESIZE_RULES) {
      const resized = resize(PICTURE, { size: Number(size), rule }), every = Math.floor(resized.length / 40);
      close(expected[rule].map((_, at) => resized[at * every]), expected[rule], 1e-5);
    }
  }
});

Deno.test("a picture of one level keeps it, and a square of the same size stays as it is", () => {
  const plain = { ...PICTURE, pixels: new Uint8Array(PICTURE.pixels.length).fill(200) };
  const square = { height: 5, width: 5, channels: 1, pixels: PICTURE.pixels.slice(0, 25) } as const;
  for (const rule of RESIZE_RULES) {
    close(resize(plain, { size: 4, rule }), new Float32Array(48).fill(200));
    close(resize(square, { size: 5, rule }), square.pixels);
  }
});
