import assert from "node:assert/strict";
import { stream } from "../../base/random.ts";
import { identityFirst } from "../../layers/starts.ts";

Deno.test("the first filters hand their channels on, at the centre of the kernel, and the others are drawn", () => {
  const [kernel, channels, filters] = [3, 2, 5], inputs = kernel ** 2 * channels;
  const values = identityFirst(kernel)(stream(0), { size: inputs * filters, inputs });
  for (let input = 0; input < inputs; input++) {
    const row = values.subarray(input * filters, (input + 1) * filters);
    // Rows go by place, then channel: the centre is place 4.
    const passed = [0, 1].map((filter) => input === 4 * channels + filter ? 1 : 0);
    assert.deepEqual([...row.subarray(0, channels)], passed);
    assert.ok(
      row.subarray(channels).every((value) => value !== 0 && Math.abs(value) <= 1 / Math.sqrt(inputs)),
    );
  }
});
