import type { Graph, Op, Program, Resident, Value } from "../graph.ts";
import { rewrite } from "./rewrite.ts";

/** Constants up to this many elements are compared. */
const SMALL = 64;

/** A text that is equal for equal operations. */
function keyOf(op: Op): string {
  return JSON.stringify(
    op,
    (
      _,
      it,
    ) => (typeof it === "number" && (!Number.isFinite(it) || Object.is(it, -0)) ? `${1 / it}/${it}` : it),
  );
}

/** Two operands in either order give the same bits. */
const COMMUTATIVE: ReadonlySet<string> = new Set(["add", "mul", "equal", "not_equal", "and", "or", "xor"]);

function isCommutative({ operands, instructions: [only, ...others], results }: Program): boolean {
  return operands === 2 && only !== undefined && others.length === 0 && results.join() === "2" &&
    COMMUTATIVE.has(only.op) && only.args[0] !== only.args[1];
}

/** Computes nothing twice: equal nodes on equal inputs, and equal small constants. */
export function share(graph: Graph): Graph {
  const known = new Map<string, readonly Value[]>();
  const constants = sharedConstants(graph.residents);
  return rewrite(graph, (node, to) => {
    const inputs = node.inputs.map((input) => constants.get(input.id) ?? input);
    const { op } = node;
    const symmetric = op.kind === "map" && isCommutative(op.program);
    const ids = inputs.map(({ id }) => id);
    if (symmetric) ids.sort((a, b) => a - b);
    const key = `${keyOf(op)} ${ids} ${node.outputs.map(({ shape }) => `[${shape}]`)}`;
    const same = known.get(key);
    if (same !== undefined) {
      node.outputs.forEach((output, i) => to.replace(output, same[i]));
      return true;
    }
    known.set(key, node.outputs);
    if (inputs.every((input, i) => input === node.inputs[i])) return false;
    to.put({ ...node, inputs });
    return true;
  });
}

/** By id, the constant that stands for a later equal one. */
function sharedConstants(residents: readonly Resident[]): Map<number, Value> {
  const first = new Map<string, Value>(), shared = new Map<number, Value>();
  for (const { value, data } of residents) {
    if (data === undefined || data.length > SMALL) continue;
    const key = `${value.dtype}[${value.shape}] ${new Uint32Array(
      data.buffer,
      data.byteOffset,
      data.length,
    )}`;
    const same = first.get(key);
    if (same === undefined) first.set(key, value);
    else shared.set(value.id, same);
  }
  return shared;
}
