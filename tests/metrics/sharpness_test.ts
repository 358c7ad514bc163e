import assert from "node:assert/strict";
import { sharpness } from "../../metrics/sharpness.ts";

Deno.test("the mean difference of neighbours, worked out by hand", () => {
  // Two images of 2 x 2: differences 1, 2, 3, 4 to the right and below, and none.
  const two = [0, 1, 3, 5, 7, 7, 7, 7];
  assert.equal(sharpness(two, { height: 2, width: 2, channels: 1 }), (1 + 2 + 3 + 4) / 8);
  // Channels are no neighbours: 0, 9 beside 2, 9.
  assert.equal(sharpness([0, 9, 2, 9], { height: 1, width: 2, channels: 2 }), 1);
});
