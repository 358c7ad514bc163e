import type { Graph, Node, Op, Program, Value } from "../graph.ts";
import { sameShape } from "../kernels/kernel.ts";
import { type Bound, Composer, fits, type Register } from "./compose.ts";
import { rewrite, Uses } from "./rewrite.ts";

/** The ops that have an epilogue. */
type ProductOp = Extract<Op, { readonly epilogue?: Program }>;

/** Their own inputs; those of the epilogue follow. */
const FACTORS = 2;

/** The op of a node that can have an epilogue; undefined for others. */
export function productOf(node: Node | undefined): ProductOp | undefined {
  const op = node?.op;
  switch (op?.kind) {
    case "matmul":
    case "conv2d":
    case "conv2d_input_grad":
    case "embedding_bag":
      return op;
    default:
      return undefined;
  }
}

/** Moves a map that alone reads a product (bias, activation, an activation's gradient) into the product's epilogue. */
export function epilogue(graph: Graph): Graph {
  const uses = new Uses(graph);
  return rewrite(graph, (node, to) => {
    if (node.op.kind !== "map" || node.outputs.length !== 1) return false;
    const [output] = node.outputs;
    // A variable is updated in place by a map, which reads it index by index; a product could not do that.
    if (uses.updates(output)) return false;
    for (const input of node.inputs) {
      const maker = to.maker(input), op = productOf(maker);
      if (op === undefined || !uses.readOnce(input) || !sameShape(input.shape, output.shape)) continue;
      const bound = compose(op, maker!, { program: node.op.program, inputs: node.inputs, product: input });
      if (!fits(bound.program, FACTORS - 1)) continue;
      to.put({
        op: { ...op, epilogue: bound.program },
        inputs: [...maker!.inputs.slice(0, FACTORS), ...bound.inputs],
        outputs: node.outputs,
      });
      return true;
    }
    return false;
  });
}

/** The product's own epilogue, then the map's program. */
function compose(op: ProductOp, maker: Node, map: Bound & { readonly product: Value }): Bound {
  const composer = new Composer(), product = composer.product();
  const own = op.epilogue === undefined ? [product] : composer.inline(op.epilogue, [
    product,
    ...maker.inputs.slice(FACTORS).map((value) => composer.operand(value)),
  ]);
  const registers = map.inputs.map((value): Register =>
    value === map.product ? own[0] : composer.operand(value)
  );
  return composer.finish(composer.inline(map.program, registers), product);
}
