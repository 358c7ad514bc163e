/** Writes recurrent sequences and their gradients as commands. */
import { type RecurrentCell, sizeOf, type Value } from "../graph.ts";
import type { OpOf } from "../kernels/kernel.ts";
import { BIASES, COURSE, GATES, mustFit, namedInputs } from "../kernels/recurrent.ts";
import type { Commands } from "./commands.ts";

const CELLS: { readonly [C in RecurrentCell]: number } = { simple: 0, gru: 1, lstm: 2 };
/** Rows of a panel of weights, which are whole units; rows of the batch that are a vector. */
const PANEL = 12, LANES = 4;
/**
 * Groups of four rows in a tile at most, and tiles at least where there are rows for them. Weight gradients are summed
 * tile by tile: the cut depends on the batch alone.
 */
const MOST_GROUPS = 8, LEAST_TILES = 4;
/** How many rows of a tile's steps the weights' gradients are summed over at a time: what the caches hold. */
const DEPTH = 128;

const up = (count: number, to: number): number => Math.ceil(count / to) * to;

/** The extents that both commands share. */
interface Extents {
  readonly batch: number;
  readonly time: number;
  readonly features: number;
  readonly units: number;
}

/** Groups of four rows in a tile, and tiles. */
function cut(batch: number): { readonly groups: number; readonly tiles: number } {
  const all = Math.ceil(batch / LANES);
  const groups = Math.min(MOST_GROUPS, Math.max(1, Math.ceil(all / LEAST_TILES)));
  return { groups, tiles: Math.ceil(all / groups) };
}

/** Elements that a thread needs of its own to take tiles through a sequence. */
function forwardsOwn(
  { cell }: { readonly cell: RecurrentCell },
  { batch, features, units }: Extents,
): number {
  return up(GATES[cell] * units, PANEL) * (features + 2 + units) +
    LANES * cut(batch).groups * (2 * (features + 1 + units) + units + 2 * PANEL);
}

/** The sequences' part of the encoder. */
export class Recurrences {
  readonly #commands: Commands;

  constructor(commands: Commands) {
    this.#commands = commands;
  }

  /** A sequence. */
  forward(op: OpOf<"recurrent">, inputs: readonly Value[], outputs: readonly Value[]): void {
    const extents = mustFit(op, inputs);
    const result = (name: typeof op.results[number]): number => this.#at(outputs[op.results.indexOf(name)]);
    this.#commands.stream.command("recurrent", [
      ...this.#sequence(op, inputs, extents),
      result("course"),
      ...this.#own(forwardsOwn(op, extents)),
      result("states"),
      result("hidden"),
      result("cellState"),
    ]);
  }

  /** The gradient of a sequence. */
  gradient(op: OpOf<"recurrent_grad">, inputs: readonly Value[], outputs: readonly Value[]): void {
    const extents = mustFit(op, inputs), { features, units } = extents;
    const { others } = namedInputs(op, inputs), { groups, tiles } = cut(extents.batch);
    const given = (name: typeof op.given[number]): number => this.#at(others[op.given.indexOf(name)]);
    const result = (name: typeof op.results[number]): number => this.#at(outputs[op.results.indexOf(name)]);
    if (op.kept === "states") {
      throw new Error(
        "Cannot go back through a sequence as its course must be kept: current value is its states",
      );
    }
    const columns = up(GATES[op.cell] * units, LANES), rows = up(features, PANEL) + up(units, PANEL);
    const steps = Math.max(1, Math.floor(DEPTH / (groups * LANES))), sides = op.cell === "gru" ? 2 : 1;
    const alone = rows * columns +
      LANES * groups * (rows + up(units, PANEL) + 4 * units + sides * columns + PANEL) +
      steps * groups * LANES * (rows + sides * columns);
    // What nothing kept goes through again, a tile at a time.
    const again = up(alone, LANES), course = again + up(forwardsOwn(op, extents), LANES);
    const own = op.kept !== undefined
      ? alone
      : course + groups * LANES * extents.time * COURSE[op.cell] * units;
    const sums = rows * columns + LANES * BIASES[op.cell] * units;
    const workspace = this.#commands.workspace(sums * tiles);
    this.#commands.stream.command("recurrentGrad", [
      ...this.#sequence(op, inputs, extents),
      this.#at(others[op.given.length]),
      ...this.#own(own),
      given("states"),
      given("hidden"),
      given("cellState"),
      result("x"),
      result("hidden"),
      result("cellState"),
      workspace,
      4 * sums,
      steps,
      ...(op.kept === undefined ? [4 * again, 4 * course] : [0, 0]),
    ]);
    if (!op.results.some((name) => ["kernel", "recurrentKernel", "bias"].includes(name))) return;
    this.#commands.stream.wait();
    const words = new Array<number>(24).fill(0);
    words.splice(0, 6, ...this.#extents(op, extents));
    words.splice(7, 3, result("kernel"), result("recurrentKernel"), result("bias"));
    words.splice(22, 2, workspace, 4 * sums);
    this.#commands.stream.command("recurrentSum", words);
  }

  /** 0 where there is no value, or it has no elements. */
  #at(value: Value | undefined): number {
    return value === undefined || sizeOf(value.shape) === 0 ? 0 : this.#commands.at(value);
  }

  #own(size: number): number[] {
    const elements = up(size, 16);
    return [this.#commands.ownWorkspace(elements), 4 * elements];
  }

  #extents({ cell }: { readonly cell: RecurrentCell }, extents: Extents): number[] {
    const { batch, time, features, units } = extents;
    return [CELLS[cell], batch, time, features, units, cut(batch).groups];
  }

  #sequence(
    op: OpOf<"recurrent"> | OpOf<"recurrent_grad">,
    inputs: readonly Value[],
    extents: Extents,
  ): number[] {
    const of = namedInputs(op, inputs);
    const values = [of.x, of.kernel, of.recurrentKernel, of.bias, of.hidden, of.cellState, of.lengths];
    return [...this.#extents(op, extents), ...values.map((value) => this.#at(value))];
  }
}
