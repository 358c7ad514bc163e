import { type Graph, type Node, sizeOf, type Value } from "../graph.ts";
import { opOf } from "../kernels/kernel.ts";
import type { Elementwise } from "../program.ts";
import { type Rewrite, rewrite } from "./rewrite.ts";

/** What a one-hot tensor is made of: tokens, or one for all, and how many numbers stand for each. */
interface OneHot {
  readonly tokens: Value;
  readonly symbols: number;
}

/** Operations that leave a one-hot tensor one. */
const CASTS: ReadonlySet<Elementwise> = new Set(["to_float32", "to_int32", "to_bool"]);

/**
 * Looks rows up where a matrix is multiplied by one-hot rows, and adds rows up in the gradient: the sums have the same
 * terms in the same order, but for zeros. (Zero times an infinite weight counts as zero.)
 */
export function oneHot(graph: Graph): Graph {
  const hot = new Map<number, OneHot>();
  return rewrite(graph, (node, to) => {
    const found = oneHotOf(node, to, hot);
    if (found !== undefined) hot.set(node.outputs[0].id, found);
    return found === undefined && lookUp(node, to, hot);
  });
}

function oneHotOf(
  { op, inputs, outputs: [output] }: Node,
  to: Rewrite,
  hot: Map<number, OneHot>,
): OneHot | undefined {
  if (op.kind === "reshape") return hot.get(inputs[0].id);
  if (op.kind !== "map" || op.program.instructions.length !== 1) return undefined;
  const [{ op: name, args }] = op.program.instructions, operands = args.map((arg) => inputs[arg]);
  if (CASTS.has(name)) return hot.get(operands[0].id);
  if (name !== "equal") return undefined;
  const symbols = output.shape.at(-1) ?? 0, numbers = operands.find((value) => isCount(value, symbols, to));
  const tokens = operands.find((value) => value !== numbers);
  if (numbers === undefined || tokens?.dtype !== "int32") return undefined;
  // A token a row, or one for all rows.
  const own = sizeOf(tokens.shape), fits = own === 1 || own * symbols === sizeOf(output.shape);
  return fits && (tokens.shape.at(-1) ?? 1) === 1 ? { tokens, symbols } : undefined;
}

/** Whether a value is 0, 1, 2, ... along the last axis. */
function isCount(value: Value, count: number, to: Rewrite): boolean {
  return value.dtype === "int32" && sizeOf(value.shape) === count && value.shape.at(-1) === count &&
    (to.constantOf(value)?.every((number, index) => number === index) ?? false);
}

function lookUp(node: Node, to: Rewrite, hot: Map<number, OneHot>): boolean {
  const op = opOf(node, "matmul"), [left, right] = node.inputs;
  const found = op && hot.get(left.id);
  if (found === undefined || op!.transposeB || op!.epilogue !== undefined) return false;
  const [batch, width] = left.shape, { tokens, symbols } = found;
  if (left.shape.length > 2 || right.shape.length > 2 || width % symbols !== 0) return false;
  const shape = [batch, width / symbols];
  const [bag] = sizeOf(tokens.shape) === sizeOf(shape)
    ? [to.reshaped(tokens, shape)]
    : to.emit({ kind: "copy", offset: 0, strides: [0, 0] }, [tokens], shape);
  to.put({
    op: { kind: op!.transposeA ? "embedding_bag_grad" : "embedding_bag" },
    inputs: [bag, right],
    outputs: node.outputs,
  });
  return true;
}
