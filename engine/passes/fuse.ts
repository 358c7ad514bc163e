import { type Graph, type Node, type Program, type Shape, sizeOf, type Value } from "../graph.ts";
import { sameShape } from "../kernels/kernel.ts";
import type { Elementwise } from "../program.ts";
import { Composer, fits, type Register } from "./compose.ts";
import { productOf } from "./epilogue.ts";
import { type Rewrite, rewrite, Uses } from "./rewrite.ts";

/** Operations that are cheaper to repeat than a number is to store and load again. */
const CHEAP: ReadonlySet<Elementwise> = new Set([
  "neg",
  "abs",
  "sign",
  "square",
  "relu",
  "not",
  "to_int32",
  "to_float32",
  "to_bool",
  "add",
  "sub",
  "mul",
  "min",
  "max",
  "prelu",
  "equal",
  "not_equal",
  "greater",
  "greater_equal",
  "less",
  "less_equal",
  "and",
  "or",
  "xor",
  "select",
]);
/** More instructions than this are not repeated. */
const MAX_REPEATED = 2;

/** Moves maps into the maps and reductions that read them, so that what is between them is never stored. */
export function fuse(graph: Graph): Graph {
  const uses = new Uses(graph);
  return rewrite(graph, (node, to) => {
    const { op } = node;
    if (op.kind !== "map" && op.kind !== "reduce") return false;
    const domain = op.kind === "map" ? node.outputs[0].shape : op.domain;
    const absorbed = new Map<Value, Node>();
    let bound = { program: op.program, inputs: node.inputs };
    for (const input of node.inputs) {
      const maker = to.maker(input);
      if (maker === undefined || !mayAbsorb(maker, { input, domain, uses, to })) continue;
      absorbed.set(input, maker);
      const wider = compose(op.program, node.inputs, absorbed);
      if (fits(wider.program)) bound = wider;
      else absorbed.delete(input);
    }
    if (absorbed.size === 0) return false;
    to.put({ op: { ...op, program: bound.program }, inputs: bound.inputs, outputs: node.outputs });
    return true;
  });
}

/** A program whose operands are, where `absorbed` says so, computed on the spot. */
function compose(program: Program, inputs: readonly Value[], absorbed: ReadonlyMap<Value, Node>) {
  const composer = new Composer();
  const registers = inputs.map((input): Register => {
    const maker = absorbed.get(input);
    if (maker?.op.kind !== "map") return composer.operand(input);
    const results = composer.inline(maker.op.program, maker.inputs.map((value) => composer.operand(value)));
    return results[maker.outputs.findIndex(({ id }) => id === input.id)];
  });
  return composer.finish(composer.inline(program, registers));
}

/** Whether a map that makes `input` may move into a reader that computes over `domain`. */
function mayAbsorb(
  maker: Node,
  reader: { readonly input: Value; readonly domain: Shape; readonly uses: Uses; readonly to: Rewrite },
): boolean {
  const { input, domain, uses, to } = reader;
  if (maker.op.kind !== "map" || maker.outputs.length !== 1 || uses.leaves(input)) return false;
  const once = uses.readers(input).length === 1, repeated = sizeOf(input.shape) !== sizeOf(domain);
  if (once && !repeated) return true;
  const { instructions } = maker.op.program;
  const cheap = instructions.length <= MAX_REPEATED && instructions.every(({ op }) => CHEAP.has(op));
  if (!cheap) return false;
  // A product's only reader is to become its epilogue; repeated, it would be no only reader.
  if (maker.inputs.some((value) => productOf(to.maker(value)) !== undefined && uses.readOnce(value))) {
    return once;
  }
  // Where it is kept for another reader anyway, or loads more than it stores, repeating it gains nothing.
  const loaded = maker.inputs.filter((value) =>
    to.constantOf(value)?.length !== 1 && sizeOf(value.shape) === sizeOf(input.shape)
  );
  return loaded.length <= 1 &&
    uses.readers(input).every(({ op }) =>
      op.kind === "map" || op.kind === "reduce" && sameShape(op.domain, input.shape)
    );
}
