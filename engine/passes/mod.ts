/** Rewrites a graph so that it computes the same with fewer, larger nodes. */
import type { Graph, Kept } from "../graph.ts";
import { atOnce } from "../../base/pauses.ts";
import { activation } from "./activation.ts";
import { epilogue } from "./epilogue.ts";
import { fold } from "./fold.ts";
import { fuse } from "./fuse.ts";
import { join } from "./join.ts";
import { keep } from "./keep.ts";
import { oneHot } from "./one_hot.ts";
import { optimizer } from "./optimizer.ts";
import { prune } from "./prune.ts";
import { share } from "./share.ts";
import { simplify } from "./simplify.ts";
import { sink } from "./sink.ts";
import { softmaxCrossEntropy } from "./softmax_cross_entropy.ts";

/**
 * A function from graphs to graphs that compute the same, bit by bit but for `softmaxCrossEntropy`. Gives the graph
 * itself where nothing changes.
 */
export type Pass = (graph: Graph) => Graph;

/** What is left after so many rounds is as right as a fixed point, and hardly worse. */
const MAX_ROUNDS = 20;

/** Graphs that a pass leaves as they are: the last one of each pass. */
type Fixed = Map<Pass, Graph>;

function* untilFixed(graph: Graph, passes: readonly Pass[], fixed: Fixed): Generator<void, Graph> {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const before = graph;
    for (const pass of passes) {
      if (fixed.get(pass) === graph) continue;
      const after = pass(graph);
      if (after === graph) fixed.set(pass, graph);
      graph = after;
      yield;
    }
    if (graph === before) return graph;
  }
  return graph;
}

const CLEAN: readonly Pass[] = [prune, share, fold, simplify];

/** Runs every pass until none changes the graph any more. `kept`: what gradients of sequences find again; absent: nothing. */
export function optimize(graph: Graph, kept?: Kept): Graph {
  return atOnce(optimizing(graph, kept));
}

/** `optimize` in pieces, a pass each: those of a graph of 30,000 nodes take seconds together. */
export function* optimizing(graph: Graph, kept?: Kept): Generator<void, Graph> {
  const fixed: Fixed = new Map();
  // Patterns of single operations come before fusion, and before reshapes move, which hide them. One-hot rows come before
  // constants are folded, as the rows of constant tokens would be.
  const patterns = softmaxCrossEntropy(yield* untilFixed(oneHot(graph), CLEAN, fixed));
  const clean = yield* untilFixed(patterns, [...CLEAN, activation], fixed);
  // Results that several nodes need are joined last: a map of two results cannot be an epilogue.
  const fused = yield* untilFixed(clean, [...CLEAN, sink, fuse, epilogue], fixed);
  const last = optimizer(yield* untilFixed(fused, [join, ...CLEAN], fixed));
  return kept === undefined ? last : keep(last, kept);
}
