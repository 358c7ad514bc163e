import assert from "node:assert/strict";
import { neighbourhoods } from "../../metrics/neighbourhoods.ts";

Deno.test("worked by hand on a line", () => {
  const real = [0, 1, 3, 10], samples = [0.5, 2.5, 30];
  // Real radii 1, 1, 2, 7: 0.5 lies in the balls of 0 and 1; 2.5 in that of 3; 30 in none.
  // Sample radii 2, 2, 27.5: 0.5 reaches 0, 1; 2.5 reaches 1, 3; 30 reaches 3 and 10.
  assert.deepEqual(neighbourhoods(real, samples, { size: 1, neighbours: 1 }), {
    precision: 2 / 3,
    recall: 1,
    density: 3 / 3,
    coverage: 3 / 4,
  });
});

Deno.test("equal sets cover each other; distant ones do not", () => {
  const points = [0, 0, 1, 0, 0, 1, 5, 5], far = points.map((value) => value + 100);
  const options = { size: 2, neighbours: 2 };
  const same = neighbourhoods(points, points, options);
  assert.deepEqual([same.precision, same.recall, same.coverage], [1, 1, 1]);
  assert.deepEqual(neighbourhoods(points, far, options), {
    precision: 0,
    recall: 0,
    density: 0,
    coverage: 0,
  });
  assert.throws(() => neighbourhoods(points, far, { size: 2, neighbours: 4 }), /they hold 4 and 4/);
});
