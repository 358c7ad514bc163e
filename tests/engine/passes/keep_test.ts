import { assertSame, body } from "./check.ts";
import assert from "node:assert/strict";
import { validate } from "../../../engine/kernels/validate.ts";
import { keep } from "../../../engine/passes/keep.ts";
import { prune } from "../../../engine/passes/prune.ts";
import { Builder } from "../builder.ts";

/** A sequence and its gradient, of which the results named leave the graph. */
function graphOf(sequence: boolean) {
  const g = new Builder(), op = { cell: "simple", lengths: false } as const;
  const inputs = [[2, 3, 1], [1, 2], [2, 2], [2], [2, 2]].map((shape, i) => g.input(`x${i}`, shape));
  const [states] = g.node({ kind: "recurrent", ...op, results: ["states", "hidden"] }, inputs);
  const gradient = g.input("dy", [2, 3, 2]);
  const [, kernel] = g.node({
    kind: "recurrent_grad",
    ...op,
    given: ["states"],
    results: ["x", "kernel", "recurrentKernel", "bias", "hidden"],
  }, [...inputs, gradient]);
  if (sequence) g.output("states", states);
  g.output("kernel", kernel);
  return g.graph();
}

const GRADIENT =
  '= recurrent_grad(x0, x1, x2, x3, x4, dy, %KEPT, cell: simple, lengths: false, given: ["states"], ' +
  'results: ["kernel"], kept: %WHAT)';

Deno.test("the gradient of a sequence reads what the sequence kept, and only results that are read are computed", () => {
  const before = graphOf(true), after = keep(prune(before), "course");
  validate(after);
  const [sequence, gradient] = body(after);
  const kept = /(%\d+) float32\[4,3,2\]/.exec(sequence)![1];
  assert.match(sequence, /recurrent\(x0, x1, x2, x3, x4, .*results: \["states","course"\]\)$/);
  assert.ok(gradient.endsWith(GRADIENT.replace("%KEPT", kept).replace("%WHAT", "course")), gradient);
  assertSame(before, after);
});

Deno.test("a gradient whose sequence nothing else needs brings the sequence back for what it keeps", () => {
  const before = graphOf(false), after = keep(prune(before), "course");
  validate(after);
  assert.match(body(after)[0], /recurrent\(.*results: \["course"\]\)$/);
  assertSame(before, after);
});

Deno.test("of states, those that are a result already are kept", () => {
  const before = graphOf(true), after = keep(prune(before), "states");
  validate(after);
  const [sequence, gradient] = body(after);
  const kept = /(%\d+) float32\[2,3,2\]/.exec(sequence)![1];
  assert.match(sequence, /recurrent\(x0, x1, x2, x3, x4, .*results: \["states"\]\)$/);
  assert.ok(gradient.endsWith(GRADIENT.replace("%KEPT", kept).replace("%WHAT", "states")), gradient);
  assertSame(before, after);
});
