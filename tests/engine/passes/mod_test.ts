import assert from "node:assert/strict";
import { stream } from "../../../base/random.ts";
import { validate } from "../../../engine/kernels/validate.ts";
import { optimize } from "../../../engine/passes/mod.ts";
import { randomGraph } from "../random_graph.ts";
import { assertSame } from "./check.ts";

Deno.test("optimized random graphs compute the same bits with fewer nodes", () => {
  let before = 0, after = 0;
  for (let seed = 0; seed < 400; seed++) {
    const graph = randomGraph(stream(seed).fork("passes"));
    const optimized = optimize(graph);
    validate(optimized);
    assertSame(graph, optimized, seed);
    before += graph.nodes.length;
    after += optimized.nodes.length;
  }
  assert.ok(after < before / 1.5, `${after} of ${before} nodes are left`);
});
