/** A graph as text for people: one line a node. */
import type { Graph, Node, Op, Program, Value } from "./graph.ts";
import { bytesOf, describe, opOf } from "./kernels/kernel.ts";
import { keptResults, mustFit } from "./kernels/recurrent.ts";
import type { Elementwise } from "./program.ts";

const INFIX: Readonly<Partial<Record<Elementwise, string>>> = {
  add: "+",
  sub: "-",
  mul: "*",
  div: "/",
  equal: "==",
  not_equal: "!=",
  greater: ">",
  greater_equal: ">=",
  less: "<",
  less_equal: "<=",
  and: "&&",
  or: "||",
};

/** How the operands of a printed program are called. */
type Names = (value: Value) => string;

/**
 * The graph's inputs, nodes, updates and outputs. Constant scalars stand as numbers, variables under their names, and an
 * epilogue's product is `_`.
 */
export function print(graph: Graph): string {
  const nameOf = namesIn(graph);
  return [
    ...graph.inputs.map(({ name, value }) => `input ${name} ${describe(value)}`),
    ...graph.residents.filter(({ data }) => data?.length !== 1).map(({ value, kind }) =>
      `${kind} ${nameOf(value)} ${describe(value)}`
    ),
    ...printNodes(graph),
    ...graph.updates.map(({ resident, value }) =>
      `${nameOf(graph.residents[resident].value)} <- ${nameOf(value)}`
    ),
    ...graph.outputs.map(({ name, value }) => `output ${name} = ${nameOf(value)}`),
  ].join("\n");
}

/**
 * Of the gradient of a recurrent sequence, what it finds of the sequence and what it computes again; undefined of other
 * nodes.
 */
export function printKept(node: Node): string | undefined {
  const op = opOf(node, "recurrent_grad");
  if (op === undefined) return undefined;
  if (op.kept === undefined) {
    return "kept of the sequence: nothing; computed again, a part of the batch at a time: the sequence";
  }
  const { time } = mustFit(op, node.inputs);
  const bytes = bytesOf(node.inputs.slice(-keptResults(op.cell, op.kept).length));
  const size = `${(bytes / 1e6).toFixed(1)} MB, ${(bytes / time / 1e3).toFixed(1)} kB a time step`;
  // A simple cell's only gate is its state.
  const again = op.kept === "course" || op.cell === "simple" ? "nothing" : "the gates";
  return `kept of the sequence: its ${op.kept} (${size}); computed again: ${again}`;
}

/** The graph's nodes, a line each. */
export function printNodes(graph: Graph): string[] {
  const nameOf = namesIn(graph);
  return graph.nodes.map((node) => printNode(node, nameOf));
}

function namesIn(graph: Graph): Names {
  const names = new Map<number, string>();
  for (const { name, value } of graph.inputs) names.set(value.id, name);
  for (const { value, name, data } of graph.residents) {
    if (data?.length === 1) names.set(value.id, printNumber(data[0]));
    else if (name !== undefined) {
      names.set(value.id, /^[\p{L}_][\p{L}\d_]*$/u.test(name) ? name : `'${name}'`);
    }
  }
  return ({ id }) => names.get(id) ?? `%${id}`;
}

/** Seven digits, as many as a float32 has; of zero, the sign too. */
function printNumber(number: number): string {
  return Object.is(number, -0) ? "-0" : String(Number(number.toPrecision(7)));
}

function printNode(node: Node, nameOf: Names): string {
  const { op, outputs } = node;
  // The instances of `maps` are alike: the first stands for all.
  const shown = op.kind === "maps" ? outputs.slice(0, outputs.length / op.count) : outputs;
  const made = shown.map((output) => `${nameOf(output)} ${describe(output)}`).join(", ");
  return `${made} = ${printOp(node, nameOf)}`;
}

function printOp({ op, inputs }: Node, nameOf: Names): string {
  const names = inputs.map(nameOf);
  switch (op.kind) {
    case "map":
      return printProgram(op.program, names);
    case "maps": {
      const first = printProgram(op.program, names.slice(0, op.program.operands));
      return `${op.count} maps, first: ${first}`;
    }
    case "reduce":
      return `${op.reducer} over ${op.axes} of [${op.domain}] ${printProgram(op.program, names)}`;
    case "matmul": {
      const [a, b, ...others] = names;
      const product = `matmul(${a}${op.transposeA ? "ᵀ" : ""}, ${b}${op.transposeB ? "ᵀ" : ""})`;
      return product + printEpilogue(op.epilogue, others);
    }
    case "conv2d":
    case "conv2d_input_grad":
    case "embedding_bag":
      return `${op.kind}(${names.slice(0, 2).join(", ")})${printEpilogue(op.epilogue, names.slice(2))}`;
    default:
      return `${op.kind}(${[...names, ...printSettings(op)].join(", ")})`;
  }
}

function printEpilogue(epilogue: Program | undefined, names: readonly string[]): string {
  return epilogue === undefined ? "" : ` then ${printProgram(epilogue, ["_", ...names])}`;
}

/** What an op says beside its kind. */
function printSettings(op: Op): string[] {
  return Object.entries(op).filter(([name]) => name !== "kind").map(([name, setting]) =>
    `${name}: ${typeof setting === "object" ? JSON.stringify(setting) : String(setting)}`
  );
}

/** A program as expressions; what several expressions need is given a letter first. */
function printProgram(program: Program, operands: readonly string[]): string {
  const { instructions, results } = program;
  const reads = new Map<number, number>();
  for (const register of [...instructions.flatMap(({ args }) => args), ...results]) {
    reads.set(register, (reads.get(register) ?? 0) + 1);
  }
  const texts = [...operands], lets: string[] = [];
  instructions.forEach(({ op, args }, index) => {
    const register = program.operands + index, [x, y] = args.map((arg) => texts[arg]);
    const infix = INFIX[op];
    const text = infix === undefined
      ? `${op}(${args.map((arg) => texts[arg]).join(", ")})`
      : `(${x} ${infix} ${y})`;
    if ((reads.get(register) ?? 0) > 1) {
      const letter = `t${lets.length}`;
      lets.push(`${letter} = ${text}`);
      texts.push(letter);
    } else texts.push(text);
  });
  return [...lets, results.map((result) => texts[result]).join(", ")].join("; ");
}
