import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { stream } from "../../../base/random.ts";
import { validate } from "../../../engine/kernels/validate.ts";
import { optimize } from "../../../engine/passes/mod.ts";
import { trace } from "../../../engine/trace/trace.ts";
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

/** A training step of a GRU that tfjs unrolls. */
function unrolled(steps: number) {
  const model = tf.sequential({
    layers: [
      tf.layers.gru({ units: 32, inputShape: [steps, 1], recurrentInitializer: "zeros" }),
      tf.layers.dense({ units: 10 }),
    ],
  });
  const optimizer = tf.train.sgd(0.1);
  const loss = (x: tf.Tensor) => tf.mean(tf.square(model.apply(x) as tf.Tensor)) as tf.Scalar;
  const { graph } = trace(({ x }) => ({ loss: optimizer.minimize(() => loss(x), true)! }), {
    x: { shape: [2, steps, 1] },
  });
  model.dispose();
  return graph;
}

/** How often maps and sets are asked and changed while `work` runs: what passes do for every node they look at. */
function countLookups(work: () => void): number {
  let count = 0;
  const restore = [Map.prototype, Set.prototype].flatMap((prototype) =>
    ["get", "set", "has", "add", "delete"].filter((name) => name in prototype).map((name) => {
      const own = Object.getOwnPropertyDescriptor(prototype, name)!;
      const method = own.value as (...args: unknown[]) => unknown;
      Object.defineProperty(prototype, name, {
        ...own,
        value(...args: unknown[]) {
          count++;
          return method.apply(this, args);
        },
      });
      return () => Object.defineProperty(prototype, name, own);
    })
  );
  try {
    work();
  } finally {
    for (const put of restore) put();
  }
  return count;
}

Deno.test("a long graph takes as much work for each node as a short one", async () => {
  await tf.setBackend("cpu");
  const [short, long] = [25, 200].map((steps) => {
    const graph = unrolled(steps);
    return countLookups(() => void optimize(graph)) / graph.nodes.length;
  });
  assert.ok(long < 1.1 * short, `${long} look-ups a node instead of ${short}`);
});
