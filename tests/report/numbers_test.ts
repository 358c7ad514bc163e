import assert from "node:assert/strict";
import { count, duration, number, percent } from "../../report/numbers.ts";

Deno.test("percent: only all is 100.00 %, and only nothing is 0.00 %", () => {
  assert.equal(percent(1), "100.00 %");
  assert.equal(percent(0), "0.00 %");
  assert.equal(percent(0.62496), "62.50 %");
  assert.equal(percent(0.99997), "99.997 %");
  assert.equal(percent(0.9999999), "99.99999 %");
  assert.equal(percent(0.00002), "0.002 %");
  assert.equal(percent(1 - 2 ** -53), "100.00 %");
  assert.equal(percent(1e-20), "less than 10⁻¹² %");
  assert.equal(percent(NaN), "not a number");
});

Deno.test("duration: two units at most", () => {
  assert.deepEqual([3.14, 48.4, 60, 200, 3600, 7530].map(duration), [
    "3.1 s",
    "48 s",
    "1 min",
    "3 min 20 s",
    "1 h",
    "2 h 5 min",
  ]);
  assert.equal(duration(59.7), "1 min");
});

Deno.test("number: significant digits, and none that claims to be whole", () => {
  assert.deepEqual(
    [0, 18496, 0.123456, -1234.56, 1e-7, 0.99997, 0.9999999999].map(number),
    ["0", "18,496", "0.1235", "−1,234.6", "1.000e-7", "0.99997", "1.000"],
  );
  assert.deepEqual([NaN, Infinity, -Infinity].map(number), ["not a number", "∞", "−∞"]);
  assert.equal(count(1234567), "1,234,567");
});
