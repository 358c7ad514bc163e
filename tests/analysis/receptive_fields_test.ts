import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import {
  agrees,
  measureFields,
  parseStack,
  receptiveFields,
  STACKS,
} from "../../analysis/receptive_fields.ts";

await tf.setBackend("cpu");

function sides(stack: string): number[] {
  return receptiveFields(parseStack(stack)).map(({ side }) => side);
}

Deno.test("the ten stacks' final fields; the first by hand, layer by layer", () => {
  assert.deepEqual(STACKS.map((stack) => sides(stack).at(-1)), [8, 26, 15, 27, 20, 147, 282, 18, 18, 91]);
  assert.deepEqual(sides(STACKS[0]), [3, 5, 5, 6, 8]);
});

Deno.test("stacks are read with or without blanks; what is no layer is named", () => {
  const stack = [{ type: "conv2d", kernel: 3, stride: 1 }, { type: "maxpool2d", kernel: 2, stride: 2 }];
  assert.deepEqual(parseStack("conv2d(3,1) maxpool2d(2,2)"), stack);
  assert.deepEqual(parseStack(" conv2d ( 3, 1 )maxpool2d(2, 2)"), stack);
  assert.throws(() => parseStack("conv2d(3,1) avgpool(2,2)"), /current value is "avgpool\(2,2\)"/);
  assert.throws(() => parseStack("conv2d(0,1)"), /from 1/);
  assert.throws(() => parseStack(""), /current value is ""/);
});

Deno.test("a real network's units see exactly the calculated rows and columns", async () => {
  for (const text of STACKS.filter((_, index) => index !== 5 && index !== 6)) {
    const stack = parseStack(text), measured = await measureFields(stack);
    receptiveFields(stack).forEach((field, layer) => {
      assert.ok(agrees(measured[layer], field), `${text}, layer ${layer + 1}`);
      assert.equal(measured[layer].rows.length, field.side);
      // One more row than the field, before and after it, was tried.
      assert.ok(measured[layer].rows[0] > 0 && measured[layer].rows.at(-1)! < measured[layer].size - 1);
    });
    const last = receptiveFields(stack).at(-1)!;
    const larger = { ...last, offsets: [...last.offsets, last.side] };
    assert.ok(!agrees(measured.at(-1)!, larger), "a field that is one row too large must be noticed");
  }
});

Deno.test("a stride longer than its kernel leaves gaps, and they are measured", async () => {
  const stack = parseStack("conv2d(1,3) conv2d(2,1)"), fields = receptiveFields(stack);
  assert.deepEqual(fields[1], { side: 4, jump: 3, offsets: [0, 3] });
  assert.ok(agrees((await measureFields(stack))[1], fields[1]));
});

Deno.test("a field that would take minutes to measure is refused", async () => {
  await assert.rejects(measureFields(parseStack("conv2d(999,1)")), /at most 512: this stack's is 999/);
});
