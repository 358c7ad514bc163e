/** Rewrites a graph so that it computes the same with fewer, larger nodes. */
import type { Graph } from "../graph.ts";
import { activation } from "./activation.ts";
import { epilogue } from "./epilogue.ts";
import { fold } from "./fold.ts";
import { fuse } from "./fuse.ts";
import { join } from "./join.ts";
import { optimizer } from "./optimizer.ts";
import { prune } from "./prune.ts";
import { share } from "./share.ts";
import { simplify } from "./simplify.ts";

/** A function from graphs to graphs that compute the same, bit by bit. Gives the graph itself where nothing changes. */
export type Pass = (graph: Graph) => Graph;

/** A pass that undoes another would never end. */
const MAX_ROUNDS = 100;

function untilFixed(graph: Graph, passes: readonly Pass[]): Graph {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const before = graph;
    for (const pass of passes) graph = pass(graph);
    if (graph === before) return graph;
  }
  throw new Error("Cannot optimize the graph as its passes must come to an end: two of them undo each other");
}

const CLEAN: readonly Pass[] = [prune, share, fold, simplify];

/** Runs every pass until none changes the graph any more. Patterns of single operations come before fusion hides them. */
export function optimize(graph: Graph): Graph {
  const cleaned = untilFixed(graph, [...CLEAN, activation]);
  // Results that several nodes need are joined last: a map of two results cannot be an epilogue.
  const fused = untilFixed(cleaned, [...CLEAN, fuse, epilogue]);
  return optimizer(untilFixed(fused, [join, ...CLEAN]));
}
