import { type Graph, type Node, sizeOf, type Value } from "../graph.ts";
import { opOf } from "../kernels/kernel.ts";
import { productOf } from "./epilogue.ts";
import { type Rewrite, rewrite } from "./rewrite.ts";
import { beneath, broadcastsAs, put } from "./simplify.ts";
import { axesUnder, broadcastUnder } from "./views.ts";

/** Moves reshapes behind the maps and reductions that read them, so that these meet what computes their operands. */
export function sink(graph: Graph): Graph {
  return rewrite(graph, (node, to) => mapBeforeReshape(node, to) || reduceBeforeReshape(node, to));
}

/** Whether a value is computed, and not merely seen under another shape: moving a reshape away from it is a gain. */
function isComputed(value: Value, to: Rewrite): boolean {
  const maker = to.maker(value);
  return maker !== undefined && maker.op.kind !== "reshape";
}

/** What an operand of `size` elements is a reshape of, if that is computed. */
function reshapedFrom(value: Value, size: number, to: Rewrite): Value | undefined {
  const source = beneath(value, to);
  return source !== value && sizeOf(value.shape) === size && isComputed(source, to) ? source : undefined;
}

/**
 * A map of a reshape is the reshape of a map, so that the map meets what computes its operand: a product before others,
 * as the map can become its epilogue. A map that has met one stays.
 */
function mapBeforeReshape({ op, inputs, outputs }: Node, to: Rewrite): boolean {
  if (op.kind !== "map") return false;
  const { shape } = outputs[0], size = sizeOf(shape);
  const met = inputs.filter((input) => sizeOf(input.shape) === size && isComputed(input, to));
  const isProduct = (value: Value): boolean => productOf(to.maker(value)) !== undefined;
  if (met.some(isProduct)) return false;
  for (const input of inputs) {
    const source = reshapedFrom(input, size, to);
    if (source === undefined || broadcastsAs(source.shape, shape)) continue;
    if (met.length > 0 && !isProduct(source)) continue;
    const shapes = inputs.map((other) => broadcastUnder(other.shape, shape, source.shape));
    if (shapes.includes(undefined)) continue;
    const under = inputs.map((other, i) => to.reshaped(beneath(other, to), shapes[i]!));
    const computed = to.emit(op, under, source.shape);
    outputs.forEach((output, i) => put(to, { kind: "reshape" }, [computed[i]], [output]));
    return true;
  }
  return false;
}

/** The same for reductions. */
function reduceBeforeReshape(node: Node, to: Rewrite): boolean {
  const op = opOf(node, "reduce");
  if (op === undefined) return false;
  const { inputs, outputs: [output] } = node, size = sizeOf(op.domain);
  if (inputs.some((input) => sizeOf(input.shape) === size && isComputed(input, to))) return false;
  for (const input of inputs) {
    const source = reshapedFrom(input, size, to);
    if (source === undefined) continue;
    const axes = axesUnder(op.axes, op.domain, source.shape);
    const shapes = inputs.map((other) => broadcastUnder(other.shape, op.domain, source.shape));
    if (axes === undefined || shapes.includes(undefined)) continue;
    const under = inputs.map((other, i) => to.reshaped(beneath(other, to), shapes[i]!));
    const [reduced] = to.emit({ ...op, domain: source.shape, axes }, under);
    to.replace(output, to.reshaped(reduced, output.shape));
    return true;
  }
  return false;
}
