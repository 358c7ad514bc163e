import type { Graph, Node, Value } from "../graph.ts";
import { sizeOf } from "../graph.ts";
import { sameShape } from "../kernels/kernel.ts";
import type { Elementwise } from "../program.ts";
import { makersOf, type Rewrite, rewrite } from "./rewrite.ts";

/**
 * Recognizes softmax and cross-entropy as tfjs spells them out, and computes them by nodes of their own: the logarithm
 * of a softmax, and the cross-entropy of logits with target distributions together with its gradient.
 *
 * The one pass that may change the last bits of a result: these nodes round once where the spelled out form rounds at
 * every step. (`tf.losses.softmaxCrossEntropy` has a gradient that holds for targets of sum 1 only, which is kept.)
 */
export function softmaxCrossEntropy(graph: Graph): Graph {
  return crossEntropy(logSoftmax(graph));
}

/** Reads a graph backwards. */
class Pattern {
  readonly #makers: Map<number, Node>;
  constructor(graph: Graph) {
    this.#makers = makersOf(graph.nodes);
  }

  /** What `value` is a reshape of. */
  beneath(value: Value): Value {
    const maker = this.#makers.get(value.id);
    return maker?.op.kind === "reshape" ? this.beneath(maker.inputs[0]) : value;
  }
  /** Whether two values are the same but for their shape. */
  same(a: Value, b: Value): boolean {
    return this.beneath(a).id === this.beneath(b).id;
  }
  /** The operands of a map of this one operation. */
  map(value: Value, op: Elementwise): readonly Value[] | undefined {
    const maker = this.#makers.get(this.beneath(value).id);
    if (maker?.op.kind !== "map") return undefined;
    const { operands, instructions: [only, ...others], results } = maker.op.program;
    if (only?.op !== op || others.length > 0 || results[0] !== operands) return undefined;
    return only.args.map((arg) => maker.inputs[arg]);
  }
  /** What is reduced over its last axis, where `value` is that reduction. */
  overRows(value: Value, reducer: "sum" | "max"): Value | undefined {
    const maker = this.#makers.get(this.beneath(value).id);
    if (maker?.op.kind !== "reduce" || maker.op.reducer !== reducer) return undefined;
    const { program, domain, axes } = maker.op, [x] = maker.inputs;
    const plain = program.instructions.length === 0 && sameShape(x.shape, domain);
    return plain && axes.length === 1 && axes[0] === domain.length - 1 ? x : undefined;
  }
}

/** Whether `value` holds one number a row of `shape` (or one for all) and is broadcast along the rows. */
function isPerRow(value: Value, shape: readonly number[]): boolean {
  if (sizeOf(value.shape) === 1) return true;
  return value.shape.length === shape.length && value.shape.at(-1) === 1 &&
    sameShape(value.shape.slice(0, -1), shape.slice(0, -1));
}

function logSoftmax(graph: Graph): Graph {
  const pattern = new Pattern(graph);
  return rewrite(graph, (node, to) => {
    const x = logitsOf(node, pattern);
    if (x === undefined) return false;
    to.put({ op: { kind: "softmax", log: true }, inputs: [to.current(x)], outputs: node.outputs });
    return true;
  });
}

/** x, where `node` is (x - max) - log(sum(exp(x - max))) or x - (max + log(sum(exp(x - max)))) over the rows of x. */
function logitsOf({ outputs: [output] }: Node, pattern: Pattern): Value | undefined {
  const [left, right] = pattern.map(output, "sub") ?? [];
  if (left === undefined || !isPerRow(right, output.shape)) return undefined;
  const inner = pattern.map(right, "log"), sum = pattern.map(right, "add");
  let shifted: Value | undefined, largest: Value | undefined;
  if (inner !== undefined) shifted = exponentOf(inner[0], pattern);
  else if (sum !== undefined) {
    const log = sum.find((term) => pattern.map(term, "log") !== undefined);
    if (log === undefined) return undefined;
    largest = sum.find((term) => term !== log);
    shifted = exponentOf(pattern.map(log, "log")![0], pattern);
  }
  if (shifted === undefined) return undefined;
  const [x, subtracted] = pattern.map(shifted, "sub") ?? [];
  if (x === undefined || !isPerRow(subtracted, x.shape)) return undefined;
  const maximized = pattern.overRows(subtracted, "max");
  if (maximized === undefined || maximized.id !== x.id || !sameShape(x.shape, output.shape)) return undefined;
  const complete = largest === undefined
    ? left.id === shifted.id
    : left.id === x.id && pattern.same(largest, subtracted);
  return complete && x.dtype === "float32" ? x : undefined;
}

/** y, where `value` is the sum over the rows of exp(y). */
function exponentOf(value: Value, pattern: Pattern): Value | undefined {
  const exponentials = pattern.overRows(value, "sum");
  return exponentials && pattern.map(exponentials, "exp")?.[0];
}

/** One cross-entropy with its gradient: values of the old graph. */
interface Match {
  readonly logits: Value;
  readonly targets: Value;
  /** The sums over rows of target times log-probability. */
  readonly sums: Value;
  /** What the targets are multiplied by in the gradient: one number, or one a row. */
  readonly factor: Value;
}

function crossEntropy(graph: Graph): Graph {
  const pattern = new Pattern(graph), matches = new Map<number, Match>();
  for (const node of graph.nodes) {
    const match = matchGradient(node, graph, pattern);
    if (match === undefined) continue;
    matches.set(node.outputs[0].id, match);
    matches.set(match.sums.id, match);
  }
  const made = new Map<string, readonly Value[]>();
  return rewrite(graph, ({ outputs: [output] }, to) => {
    const match = matches.get(output.id);
    if (match === undefined) return false;
    const key = `${match.logits.id} ${match.targets.id}`;
    const [losses, gradient] = made.get(key) ?? emit(match, to);
    made.set(key, [losses, gradient]);
    if (output.id === match.sums.id) {
      to.replace(output, to.reshaped(apply(to, "neg", [losses]), output.shape));
    } else {
      const factor = apply(to, "neg", [to.current(match.factor)]);
      to.replace(output, apply(to, "mul", [factor, to.reshaped(gradient, output.shape)]));
    }
    return true;
  });
}

/** An operation on float32 numbers. */
function apply(to: Rewrite, op: Elementwise, inputs: readonly Value[]): Value {
  const args = inputs.map((_, index) => index), dtype = "float32";
  const program = {
    operands: args.length,
    instructions: [{ op, args, dtype }],
    results: [args.length],
  } as const;
  return to.emit({ kind: "map", program }, inputs)[0];
}

function emit({ logits, targets }: Match, to: Rewrite): Value[] {
  const width = logits.shape.at(-1)!, rows = [sizeOf(logits.shape) / width, width];
  const inputs = [logits, targets].map((value) => to.reshaped(to.current(value), rows));
  return to.emit({ kind: "softmax_cross_entropy" }, inputs);
}

/** Matches factor * t - sum(factor * t) * exp(log softmax) where the sum of t * log softmax is computed as well. */
function matchGradient({ outputs: [output] }: Node, graph: Graph, pattern: Pattern): Match | undefined {
  const [weighted, drawn] = pattern.map(output, "sub") ?? [];
  if (weighted === undefined || !sameShape(weighted.shape, output.shape)) return undefined;
  const product = pattern.map(drawn, "mul"), scaled = pattern.map(weighted, "mul");
  if (product === undefined || scaled === undefined) return undefined;
  const exponential = product.find((value) => pattern.map(value, "exp") !== undefined);
  const total = product.find((value) => value !== exponential);
  if (exponential === undefined || total === undefined || !isPerRow(total, output.shape)) return undefined;
  if (pattern.overRows(total, "sum")?.id !== weighted.id) return undefined;
  const [logs] = pattern.map(exponential, "exp")!;
  const softmax = graph.nodes.find(({ outputs }) => outputs[0].id === logs.id);
  if (softmax?.op.kind !== "softmax" || !softmax.op.log || !sameShape(logs.shape, output.shape)) {
    return undefined;
  }
  const factor = scaled.find((value) => isPerRow(value, output.shape));
  const targets = scaled.find((value) => value !== factor);
  if (factor === undefined || targets === undefined || targets.dtype !== "float32") return undefined;
  if (!sameShape(targets.shape, output.shape)) return undefined;
  for (const node of graph.nodes) {
    const terms = node.op.kind === "reduce" ? pattern.overRows(node.outputs[0], "sum") : undefined;
    const factors = terms && pattern.map(terms, "mul");
    if (factors?.some(({ id }) => id === logs.id) && factors.some(({ id }) => id === targets.id)) {
      return { logits: softmax.inputs[0], targets, sums: node.outputs[0], factor };
    }
  }
  return undefined;
}
