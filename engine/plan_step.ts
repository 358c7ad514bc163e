/** From a traced function to a plan for an executor. */
import { atOnce } from "../base/pauses.ts";
import type { Graph, Kept } from "./graph.ts";
import { optimizing } from "./passes/mod.ts";
import { type Plan, planMemory } from "./plan.ts";

/** What an executor keeps of recurrent sequences for their gradients. */
export interface Keeping {
  readonly what: Kept;
  /**
   * Most elements of a step's intermediate results with it. Where they would be more nothing is kept: gradients go
   * through their sequences again, a part of the batch at a time.
   */
  readonly most: number;
}

/** Optimizes a graph and gives its values places. `keeping` absent: nothing is kept. */
export function planStep(traced: Graph, keeping: Keeping | undefined): Plan {
  return atOnce(planning(traced, keeping));
}

/** `planStep` in pieces. */
export function* planning(traced: Graph, keeping: Keeping | undefined): Generator<void, Plan> {
  if (keeping !== undefined) {
    const plan = planMemory(yield* optimizing(traced, keeping.what));
    if (plan.arenaSize <= keeping.most) return plan;
  }
  return planMemory(yield* optimizing(traced));
}
