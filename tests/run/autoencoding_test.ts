import assert from "node:assert/strict";
import { deadUnits, reconstructionErrors } from "../../run/autoencoding.ts";
import { blocks } from "../models/autoencoder_checks.ts";

Deno.test("errors are means over all levels, PSNR the mean over images", () => {
  const images = { ...blocks(), count: 2, height: 1, width: 2, pixels: Uint8Array.of(255, 0, 255, 255) };
  const { mse, l1, bce, psnr } = reconstructionErrors({
    images,
    reconstructions: Float32Array.of(0.5, 0.5, 0.75, 1),
  });
  assert.ok(Math.abs(mse - (0.25 + 0.25 + 0.0625) / 4) < 1e-7);
  assert.ok(Math.abs(l1 - 1.25 / 4) < 1e-7);
  assert.ok(Math.abs(bce - (2 * Math.LN2 - Math.log(0.75)) / 4) < 1e-6);
  assert.ok(Math.abs(psnr - (10 * Math.log10(4) + 10 * Math.log10(32)) / 2) < 1e-6);
});

Deno.test("a level that is certain and wrong costs as much as one of 1e-7", () => {
  const images = { ...blocks(), count: 1, height: 1, width: 1, pixels: Uint8Array.of(255) };
  const { bce } = reconstructionErrors({ images, reconstructions: Float32Array.of(-3) });
  assert.ok(Math.abs(bce + Math.log(1e-7)) < 1e-3);
});

Deno.test("a unit is dead where it is the same for all images", () => {
  assert.equal(deadUnits(Float32Array.of(0, 1, 2, 0, 1, 3, 0, 1, 2), 3), 2);
});
