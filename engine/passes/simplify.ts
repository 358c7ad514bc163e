import { type Graph, type Node, type Op, type Shape, sizeOf, type Value } from "../graph.ts";
import { opOf, sameShape } from "../kernels/kernel.ts";
import { broadcastShape, broadcastStrides } from "../kernels/strides.ts";
import { Composer } from "./compose.ts";
import { type Rewrite, rewrite, sameType } from "./rewrite.ts";
import { broadcastFrom, isWhole, swappedFrom, type View, viewOfView } from "./views.ts";

/** Drops what moves data without need: copies, casts and pads that change nothing, views of views, transposes. */
export function simplify(graph: Graph): Graph {
  return rewrite(graph, (node, to) => RULES.some((rule) => rule(node, to)));
}

/** Each deals with one kind of node, or returns false. */
const RULES: readonly ((node: Node, to: Rewrite) => boolean)[] = [
  dropMoves,
  mergeReshapes,
  mergeCopies,
  dropReduce,
  flagTransposes,
  readThroughBroadcasts,
  dropResults,
  mapBeforeBroadcast,
];

/** Appends a node and says so. */
export function put(to: Rewrite, op: Op, inputs: readonly Value[], outputs: readonly Value[]): boolean {
  to.put({ op, inputs, outputs });
  return true;
}

function replace(to: Rewrite, value: Value, by: Value): boolean {
  to.replace(value, by);
  return true;
}

/** What `value` is a reshape of; itself where it is none. Reshapes of reshapes are merged before they are read. */
export function beneath(value: Value, to: Rewrite): Value {
  const maker = to.maker(value);
  return maker?.op.kind === "reshape" ? maker.inputs[0] : value;
}

/** Reshapes to the same shape, pads by nothing, a concatenation of one. */
function dropMoves({ op, inputs: [x, ...others], outputs: [output] }: Node, to: Rewrite): boolean {
  const moves = op.kind === "reshape" || op.kind === "pad" || op.kind === "concat" && others.length === 0;
  return moves && sameShape(x.shape, output.shape) && replace(to, output, x);
}

function mergeReshapes({ op, inputs: [x], outputs }: Node, to: Rewrite): boolean {
  if (op.kind !== "reshape") return false;
  const source = beneath(x, to);
  if (source !== x) return put(to, op, [source], outputs);
  // One number everywhere is that under any shape.
  const maker = to.maker(x), copy = maker && opOf(maker, "copy");
  if (copy === undefined || sizeOf(maker!.inputs[0].shape) !== 1) return false;
  return put(to, { ...copy, strides: outputs[0].shape.map(() => 0) }, maker!.inputs, outputs);
}

/** Copies read through reshapes and other copies; one that changes nothing is a reshape. */
function mergeCopies(node: Node, to: Rewrite): boolean {
  const op = opOf(node, "copy");
  if (op === undefined) return false;
  const { inputs: [x], outputs: [output] } = node;
  const view: View = { shape: output.shape, offset: op.offset, strides: op.strides };
  if (isWhole(view, sizeOf(x.shape))) return put(to, { kind: "reshape" }, [x], [output]);
  const source = beneath(x, to), maker = to.maker(source), inner = maker && opOf(maker, "copy");
  if (inner !== undefined) {
    const merged = viewOfView(view, { ...inner, shape: source.shape });
    if (merged !== undefined) {
      const { offset, strides } = merged;
      return put(to, { kind: "copy", offset, strides }, maker!.inputs, [output]);
    }
  }
  return source !== x && put(to, op, [source], [output]);
}

/** A reduction over nothing, or over axes of extent 1. */
function dropReduce(node: Node, to: Rewrite): boolean {
  const op = opOf(node, "reduce");
  if (op === undefined || op.axes.some((axis) => op.domain[axis] !== 1)) return false;
  const [whole] = to.emit({ kind: "map", program: op.program }, node.inputs, op.domain);
  return replace(to, node.outputs[0], to.reshaped(whole, node.outputs[0].shape));
}

/** Transposes before a product are its flags. */
function flagTransposes(node: Node, to: Rewrite): boolean {
  const op = opOf(node, "matmul");
  if (op === undefined) return false;
  const plain = [0, 1].map((i): Value | undefined => {
    const maker = to.maker(node.inputs[i]), copy = maker && opOf(maker, "copy");
    if (copy === undefined) return undefined;
    const [source] = maker!.inputs;
    const before = swappedFrom({ ...copy, shape: node.inputs[i].shape }, sizeOf(source.shape));
    return before && to.reshaped(source, before);
  });
  if (plain[0] === undefined && plain[1] === undefined) return false;
  const transposeA = (plain[0] !== undefined) !== op.transposeA,
    transposeB = (plain[1] !== undefined) !== op.transposeB;
  const factors = [plain[0] ?? node.inputs[0], plain[1] ?? node.inputs[1]];
  return put(to, { ...op, transposeA, transposeB }, [...factors, ...node.inputs.slice(2)], node.outputs);
}

/** Programs broadcast by themselves. */
function readThroughBroadcasts({ op, inputs, outputs }: Node, to: Rewrite): boolean {
  if (op.kind !== "map" && op.kind !== "reduce") return false;
  const domain = op.kind === "map" ? outputs[0].shape : op.domain;
  const direct = inputs.map((input) => {
    const maker = to.maker(input), source = beneath(input, to);
    // One element needs no shape; and a reshape that only adds leading ones is none to a program.
    if (source !== input && (sizeOf(source.shape) === 1 || isTail(source.shape, input.shape))) {
      if (source.shape.length <= domain.length) return source;
    }
    const copy = maker && opOf(maker, "copy");
    if (copy === undefined) return input;
    const [narrow] = maker!.inputs;
    const shape = broadcastFrom({ ...copy, shape: input.shape }, sizeOf(narrow.shape));
    if (shape === undefined || sizeOf(shape) === sizeOf(input.shape)) return input;
    return broadcastsAs(narrow.shape, shape) ? narrow : to.reshaped(narrow, shape);
  });
  return direct.some((value, i) => value !== inputs[i]) && put(to, op, direct, outputs);
}

/** Whether `shape` is `other` without leading ones. */
function isTail(shape: Shape, other: Shape): boolean {
  const missing = other.length - shape.length;
  return missing > 0 &&
    other.every((extent, axis) => extent === (axis < missing ? 1 : shape[axis - missing]));
}

/** Whether a tensor of `shape` is broadcast as one of `other` is. */
export function broadcastsAs(shape: Shape, other: Shape): boolean {
  return sameShape(shape, other) || isTail(shape, other);
}

/** Results of a map that are operands as they are. */
function dropResults({ op, inputs, outputs }: Node, to: Rewrite): boolean {
  if (op.kind !== "map") return false;
  const { program } = op;
  const operandOf = (output: Value): Value | undefined => {
    const register = program.results[outputs.indexOf(output)];
    return register < program.operands ? inputs[register] : undefined;
  };
  const computed = outputs.filter((output) => operandOf(output) === undefined);
  if (computed.length === outputs.length) return false;
  for (const output of outputs) {
    const operand = operandOf(output);
    if (operand === undefined) continue;
    const { shape } = output;
    if (sameType(operand, output)) to.replace(output, operand);
    else if (sizeOf(operand.shape) === sizeOf(shape)) to.replace(output, to.reshaped(operand, shape));
    else {
      const strides = broadcastStrides(operand.shape, shape);
      put(to, { kind: "copy", offset: 0, strides }, [operand], [output]);
    }
  }
  if (computed.length === 0) return true;
  const composer = new Composer();
  const results = composer.inline(program, inputs.map((input) => composer.operand(input)));
  const bound = composer.finish(results.filter((_, i) => computed.includes(outputs[i])));
  return put(to, { kind: "map", program: bound.program }, bound.inputs, computed);
}

/** A map whose operands are all smaller than its output is computed once, then broadcast. */
function mapBeforeBroadcast({ op, inputs, outputs }: Node, to: Rewrite): boolean {
  if (op.kind !== "map") return false;
  const { shape } = outputs[0], narrow = broadcastShape(inputs.map((input) => input.shape))!;
  if (sameShape(narrow, shape)) return false;
  const computed = to.emit(op, inputs);
  const strides = broadcastStrides(narrow, shape);
  outputs.forEach((output, i) => put(to, { kind: "copy", offset: 0, strides }, [computed[i]], [output]));
  return true;
}
