import assert from "node:assert/strict";
import { join } from "node:path";
import { gateFigures, gruStep, lstmStep } from "../../analysis/gates.ts";

const one = (bias: number, input = 0, recurrent = 0) => ({
  input: Float64Array.of(input),
  recurrent: Float64Array.of(recurrent),
  bias,
});

Deno.test("one step of either cell, worked by hand", () => {
  // Gates of 1/2 everywhere; the candidate is tanh(2 x + 3 h).
  const half = one(0), x = Float64Array.of(0.5), h = Float64Array.of(-0.2);
  const lstm = lstmStep({ i: half, f: half, o: half, g: one(0, 2, 3) }, x, { h, c: Float64Array.of(0.6) });
  const c = 0.3 + 0.5 * Math.tanh(1 - 0.6);
  assert.ok(Math.abs(lstm.c[0] - c) < 1e-15);
  assert.ok(Math.abs(lstm.h[0] - 0.5 * Math.tanh(c)) < 1e-15);
  const gru = gruStep({ z: half, r: half, n: one(0, 2, 3) }, x, h);
  assert.ok(Math.abs(gru[0] - (-0.1 + 0.5 * Math.tanh(1 - 0.3))) < 1e-15);
});

Deno.test("the answers hold, and the page states the figures that are measured", async () => {
  const { storeInput, keepState, heldOutput, special } = gateFigures();
  assert.ok(storeInput.lstm > 0.1 && storeInput.gruResetOpen > 0.1);
  assert.ok(
    storeInput.lstmOutputClosed < 1e-15 && storeInput.lstmNoRecurrence < 1e-15 && storeInput.gru < 1e-15,
  );
  assert.ok(keepState.at(-1)!.lstm < 1e-12 && keepState.at(-1)!.gru < 1e-12);
  assert.ok(special.largestLstm < special.bound && special.gru[0] > special.bound);
  assert.ok(Math.abs(special.countedTo - 10 * Math.tanh(1)) < 1e-12);

  const page = await Deno.readTextFile(join(import.meta.dirname!, "../../docs/gates.md"));
  const figures = [
    storeInput.lstm.toFixed(3),
    storeInput.gruResetOpen.toFixed(3),
    heldOutput.toFixed(3),
    special.largestLstm.toFixed(6),
    special.bound.toFixed(6),
    special.countedTo.toFixed(3),
    ...keepState.slice(0, 2).map(({ bias, lstm, gru }) =>
      `| ${bias} | ${lstm.toPrecision(4)} | ${gru.toPrecision(4)} |`
    ),
  ];
  for (const figure of figures) assert.ok(page.includes(figure), `docs/gates.md lacks ${figure}`);
});
