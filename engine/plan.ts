/** Where every value of a graph lives while it runs, and where a run must wait. */
import type { Graph } from "./graph.ts";

/** A place: in the arena at `offset` elements, or a resident tensor's own storage. */
export type Place =
  | { readonly space: "arena"; readonly offset: number }
  | { readonly space: "resident"; readonly index: number };

/** A graph ready for an executor: after `planMemory`, every value has a place and updates need no copy of their own. */
export interface Plan {
  /** Its nodes may include copies that the plan added for variables that could not be updated in place. */
  readonly graph: Graph;
  /** By value id. A `reshape` shares the place of its input and needs no work. */
  readonly places: ReadonlyMap<number, Place>;
  /** Arena elements (four bytes each); every offset is a multiple of 16 elements. */
  readonly arenaSize: number;
  /** By node: whether it must wait for nodes before it (a read after a write, or a place used again). */
  readonly waits: readonly boolean[];
}
