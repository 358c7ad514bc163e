import { type Graph, type Node, type Program, type Shape, sizeOf, type Value } from "../graph.ts";
import type { Elementwise } from "../program.ts";
import { Composer, fits, type Register } from "./compose.ts";
import { productOf } from "./epilogue.ts";
import { type Rewrite, rewrite, Uses } from "./rewrite.ts";
import { broadcastUnder } from "./views.ts";

/** Operations that are cheaper to repeat than a number is to store and load again. */
const CHEAP: ReadonlySet<Elementwise> = new Set([
  "neg",
  "abs",
  "sign",
  "step",
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
      const maker = absorbable(input, { domain, uses, to });
      if (maker === undefined) continue;
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

interface Reader {
  readonly domain: Shape;
  readonly uses: Uses;
  readonly to: Rewrite;
}

/** The map that makes `input`, where it may move into a reader that computes over `domain`. */
function absorbable(input: Value, reader: Reader): Node | undefined {
  const { domain, uses, to } = reader, maker = to.maker(input);
  if (maker === undefined || uses.leaves(input)) return undefined;
  if (maker.op.kind === "reshape") return absorbableUnder(input, maker.inputs[0], reader);
  if (maker.op.kind !== "map" || maker.outputs.length !== 1) return undefined;
  const once = uses.readers(input).length === 1, repeated = sizeOf(input.shape) !== sizeOf(domain);
  if (once && !repeated) return maker;
  if (!isCheap(maker, to)) return undefined;
  // A product's only reader is to become its epilogue; repeated, it would be no only reader.
  const product = maker.inputs.some((value) =>
    productOf(to.maker(value)) !== undefined && uses.readOnce(value)
  );
  return (product ? once : isReadByPrograms(input, uses)) ? maker : undefined;
}

/** The same for a map that is seen under another shape and repeated along the reader's other axes. */
function absorbableUnder(input: Value, source: Value, { domain, uses, to }: Reader): Node | undefined {
  const maker = to.maker(source);
  if (maker?.op.kind !== "map" || maker.outputs.length !== 1 || uses.leaves(source) || !isCheap(maker, to)) {
    return undefined;
  }
  if (sizeOf(input.shape) === sizeOf(domain) || !isReadByPrograms(input, uses)) return undefined;
  if (!uses.readers(source).every(({ op }) => op.kind === "reshape")) return undefined;
  const shapes = maker.inputs.map((value) => broadcastUnder(value.shape, source.shape, input.shape));
  if (shapes.includes(undefined)) return undefined;
  const inputs = maker.inputs.map((value, i) =>
    value.shape.length === 0 ? value : to.reshaped(value, shapes[i]!)
  );
  return { op: maker.op, inputs, outputs: [input] };
}

/** Whether it takes no more to compute a map again than to load its result. */
function isCheap({ op, inputs, outputs }: Node, to: Rewrite): boolean {
  if (op.kind !== "map") return false;
  const { instructions } = op.program, size = sizeOf(outputs[0].shape);
  const loaded = inputs.filter((value) => to.constantOf(value)?.length !== 1 && sizeOf(value.shape) === size);
  return loaded.length <= 1 && instructions.length <= MAX_REPEATED &&
    instructions.every(({ op }) => CHEAP.has(op));
}

/** Where another kind of node reads a value it is stored anyway, and repeating it gains nothing. */
function isReadByPrograms(value: Value, uses: Uses): boolean {
  return uses.readers(value).every(({ op }) => op.kind === "map" || op.kind === "reduce");
}
