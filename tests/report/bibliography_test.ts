import assert from "node:assert/strict";
import { workOf } from "../../report/bibliography.ts";

Deno.test("workOf: a work by its key, nothing for another", () => {
  assert.deepEqual(workOf("pixelcnn"), {
    key: "pixelcnn",
    authors: "van den Oord, Kalchbrenner, Espeholt, Kavukcuoglu, Vinyals, Graves",
    year: 2016,
    title: "Conditional image generation with PixelCNN decoders",
    venue: "NeurIPS",
    url: "https://arxiv.org/abs/1606.05328",
  });
  assert.equal(workOf("lenet")?.url, undefined);
  assert.equal(workOf("nobody"), undefined);
  assert.equal(workOf("constructor"), undefined);
});
