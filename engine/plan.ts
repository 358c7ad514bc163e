/** Where every value of a graph lives while it runs, and where a run must wait. */
import { type Graph, type Node, sizeOf, type Value } from "./graph.ts";
import { stridesOf } from "./kernels/strides.ts";

/** A place: in the arena at `offset` elements, or a resident tensor's own storage. */
export type Place =
  | { readonly space: "arena"; readonly offset: number }
  | { readonly space: "resident"; readonly index: number };

/**
 * A graph ready for an executor: after `planMemory`, every value has a place and updates need no copy of their own.
 *
 * Inputs and outputs stand in the arena, where nothing else overwrites an input during a run, nor an output after it
 * was computed. An output of a `map` or `maps` may stand in the place of an operand of the same size (in the arena, or
 * a variable that it updates): an executor must read all operands of an element before it writes any result of it.
 */
export interface Plan {
  /** Its nodes may include copies that the plan added for variables that could not be updated in place. */
  readonly graph: Graph;
  /** By value id. A `reshape` shares the place of its input and needs no work. */
  readonly places: ReadonlyMap<number, Place>;
  /** Arena elements (four bytes each); every offset is a multiple of 16 elements. */
  readonly arenaSize: number;
  /** By node: whether it must wait for nodes before it (a read after a write, or a place used again). */
  readonly waits: readonly boolean[];
}

/** Offsets are multiples of this many elements: 64 bytes, a cache line. */
const ALIGNMENT = 16;

/** Gives every value of `graph` a place. Values whose lives do not overlap may share one. */
export function planMemory(graph: Graph): Plan {
  const prepared = prepareUpdates(graph);
  const places = new Map<number, Place>();
  for (const [id, index] of prepared.inResident) places.set(id, { space: "resident", index });
  const arenaSize = placeInArena(prepared.graph, places);
  return { graph: prepared.graph, places, arenaSize, waits: findWaits(prepared.graph, places) };
}

/** The value whose storage each value has: itself, or what it is a reshape of. By id. */
function findRoots(graph: Graph): Map<number, number> {
  const roots = new Map<number, number>();
  for (const { value } of [...graph.inputs, ...graph.residents]) roots.set(value.id, value.id);
  for (const { op, inputs, outputs } of graph.nodes) {
    for (const output of outputs) {
      roots.set(output.id, op.kind === "reshape" ? roots.get(inputs[0].id)! : output.id);
    }
  }
  return roots;
}

/** The instances of a map or maps: what is computed together, element by element. None for other ops. */
function instancesOf(
  { op, inputs, outputs }: Node,
): { inputs: readonly Value[]; outputs: readonly Value[] }[] {
  if (op.kind === "map") return [{ inputs, outputs }];
  if (op.kind !== "maps") return [];
  const reads = inputs.length / op.count, writes = outputs.length / op.count;
  return Array.from({ length: op.count }, (_, i) => ({
    inputs: inputs.slice(i * reads, (i + 1) * reads),
    outputs: outputs.slice(i * writes, (i + 1) * writes),
  }));
}

/**
 * Whether `output` may be written where `root` lives although its node reads that: a map, and all its reads of `root`
 * are by the same instance and at the same index. Equal sizes suffice for that, as operands broadcast to the output.
 */
function mayOverwrite(
  node: Node,
  output: Value,
  root: { id: number; size: number },
  roots: Map<number, number>,
): boolean {
  if (root.size !== sizeOf(output.shape)) return false;
  const readsRoot = (value: Value): boolean => roots.get(value.id) === root.id;
  return instancesOf(node).every(({ inputs, outputs }) =>
    outputs.includes(output) || !inputs.some(readsRoot)
  ) &&
    instancesOf(node).length > 0;
}

interface Prepared {
  readonly graph: Graph;
  /** The residents, their reshapes, and the values that are written straight into a variable: by id, the resident. */
  readonly inResident: Map<number, number>;
}

/** Decides for each update whether its value is written straight into the variable, and adds copies for the others. */
function prepareUpdates(graph: Graph): Prepared {
  const values = [
    ...[...graph.inputs, ...graph.residents].map(({ value }) => value),
    ...graph.nodes.flatMap(({ outputs }) => outputs),
  ];
  let next = 1 + values.reduce((highest, { id }) => Math.max(highest, id), -1);
  const copyOf = (value: Value): Node => ({
    op: { kind: "copy", offset: 0, strides: stridesOf(value.shape) },
    inputs: [value],
    outputs: [{ ...value, id: next++ }],
  });
  const resident = new Map(graph.residents.map(({ value }, index) => [value.id, index]));
  const updated = new Set(graph.updates.map((update) => update.resident));
  const originalRoots = findRoots(graph);
  const residentOf = (value: Value): number | undefined => resident.get(originalRoots.get(value.id)!);

  // Old values of variables that are wanted after the last node are set aside before the first.
  const first: Node[] = [];
  const setAside = (value: Value): Value => {
    const copy = copyOf(graph.residents[residentOf(value)!].value);
    first.push(copy);
    // The copy has the variable's own shape; `value` may be a reshape of it.
    const reshaped: Node = {
      op: { kind: "reshape" },
      inputs: copy.outputs,
      outputs: [{ ...value, id: next++ }],
    };
    first.push(reshaped);
    return reshaped.outputs[0];
  };
  const outputs = graph.outputs.map(({ name, value }) => ({
    name,
    value: residentOf(value) === undefined ? value : setAside(value),
  }));
  const updates = graph.updates
    .filter((update) => residentOf(update.value) !== update.resident)
    .map(({ resident, value }) => {
      const source = residentOf(value);
      return { resident, value: source !== undefined && updated.has(source) ? setAside(value) : value };
    });

  const nodes = [...first, ...graph.nodes];
  const roots = findRoots({ ...graph, nodes });
  const maker = new Map(
    nodes.flatMap((node, index) => node.outputs.map((output) => [output.id, { node, index, output }])),
  );
  const readers = new Map<number, number[]>();
  nodes.forEach((node, index) => {
    if (node.op.kind === "reshape") return;
    for (const input of node.inputs) {
      const root = roots.get(input.id)!, known = readers.get(root);
      if (known === undefined) readers.set(root, [index]);
      else known.push(index);
    }
  });
  const taken = new Set(outputs.map(({ value }) => roots.get(value.id)!));
  const inResident = new Map<number, number>();
  const last: Node[] = [];
  const done = updates.map((update) => {
    const variable = graph.residents[update.resident].value;
    const root = roots.get(update.value.id)!, made = maker.get(root);
    const inPlace = made !== undefined && !taken.has(root) &&
      (readers.get(variable.id) ?? []).every((reader) =>
        reader < made.index ||
        reader === made.index &&
          mayOverwrite(made.node, made.output, { id: variable.id, size: sizeOf(variable.shape) }, roots)
      );
    if (inPlace) {
      taken.add(root);
      inResident.set(root, update.resident);
      return update;
    }
    const copy = copyOf(update.value);
    last.push(copy);
    inResident.set(copy.outputs[0].id, update.resident);
    return { resident: update.resident, value: copy.outputs[0] };
  });
  for (const [id, index] of resident) inResident.set(id, index);
  for (const [id, root] of roots) {
    if (inResident.has(root)) inResident.set(id, inResident.get(root)!);
  }
  return { graph: { ...graph, nodes: [...nodes, ...last], updates: done, outputs }, inResident };
}

/** Values that share a place in the arena, alive from node `from` to node `to`. */
interface Block {
  readonly size: number;
  from: number;
  to: number;
  /** Lives to the end whatever reads it. */
  kept: boolean;
  offset: number;
}

/** Places every value that has no place yet, and returns the arena's size. */
function placeInArena(graph: Graph, places: Map<number, Place>): number {
  const roots = findRoots(graph), end = graph.nodes.length;
  const blocks = new Map<number, Block>();
  const open = (value: Value, from: number, kept: boolean): void => {
    const size = Math.max(1, Math.ceil(sizeOf(value.shape) / ALIGNMENT)) * ALIGNMENT;
    blocks.set(value.id, { size, from, to: kept ? end : from, kept, offset: -1 });
  };
  for (const { value } of graph.inputs) open(value, -1, true);
  graph.nodes.forEach(({ outputs }, index) => {
    for (const output of outputs) {
      if (roots.get(output.id) === output.id && !places.has(output.id)) open(output, index, false);
    }
  });
  const blockOf = (value: Value): Block | undefined => blocks.get(roots.get(value.id)!);
  graph.nodes.forEach(({ op, inputs }, index) => {
    if (op.kind === "reshape") return;
    for (const input of inputs) {
      const block = blockOf(input);
      if (block !== undefined) block.to = Math.max(block.to, index);
    }
  });
  for (const { value } of graph.outputs) {
    const block = blockOf(value)!;
    block.kept = true;
    block.to = end;
  }

  graph.nodes.forEach((node, index) => {
    for (const { inputs, outputs } of instancesOf(node)) {
      for (const output of outputs) {
        const own = blocks.get(output.id);
        if (own === undefined) continue;
        const dying = inputs.find((input) => {
          const block = blockOf(input);
          // A block that an earlier result of this node has taken over lives on, unless that result is read by none.
          return block !== undefined && block !== own && !block.kept && block.to === index &&
            block.from < index &&
            !outputs.some((other) => blocks.get(other.id) === block) &&
            mayOverwrite(node, output, { id: roots.get(input.id)!, size: sizeOf(input.shape) }, roots);
        });
        if (dying === undefined) continue;
        const block = blockOf(dying)!;
        block.to = own.to;
        block.kept = own.kept;
        blocks.set(output.id, block);
      }
    }
  });

  const arenaSize = assignOffsets([...new Set(blocks.values())]);
  for (const [id, root] of roots) {
    const block = blocks.get(root);
    if (block !== undefined) places.set(id, { space: "arena", offset: block.offset });
  }
  return arenaSize;
}

/** Blocks above which comparing each with each takes seconds, and what another order may cost then, of the least. */
const MANY_BLOCKS = 4096, MOST_SPARE = 1 / 256;

/** Gives every block its offset and returns the arena's size. */
function assignOffsets(blocks: readonly Block[]): number {
  if (blocks.length > MANY_BLOCKS) {
    const arenaSize = placeByTime(blocks);
    if (arenaSize <= (1 + MOST_SPARE) * mostAlive(blocks)) return arenaSize;
  }
  return placeBySize(blocks);
}

/** How many elements live at once at most: no arena is smaller. */
function mostAlive(blocks: readonly Block[]): number {
  const changes = blocks.flatMap(({ size, from, to }) => [[from, size], [to + 1, -size]] as const);
  let alive = 0, most = 0;
  for (const [, size] of changes.sort(([a, some], [b, more]) => a - b || some - more)) {
    most = Math.max(most, alive += size);
  }
  return most;
}

/**
 * In the order in which they come to life, each into the tightest gap that is free then. Close to linear, and hardly
 * larger than the least where lives are nested, as they are in a long recurrence and its gradient.
 */
function placeByTime(blocks: readonly Block[]): number {
  const dying = [...blocks].sort((a, b) => a.to - b.to);
  /** By offset, no two of them touching. All from `top` on is free, too. */
  const gaps: { offset: number; size: number }[] = [];
  let top = 0, arenaSize = 0, dead = 0;
  const free = ({ offset, size }: Block): void => {
    const at = gaps.findLastIndex((gap) => gap.offset < offset) + 1;
    gaps.splice(at, 0, { offset, size });
    for (const next of [at + 1, at]) {
      const gap = gaps[next], before = gaps[next - 1];
      if (gap === undefined || before === undefined || before.offset + before.size < gap.offset) continue;
      before.size += gap.size;
      gaps.splice(next, 1);
    }
    const last = gaps.at(-1)!;
    if (last.offset + last.size === top) top = gaps.pop()!.offset;
  };
  for (const block of [...blocks].sort((a, b) => a.from - b.from || b.size - a.size)) {
    while (dying[dead].to < block.from) free(dying[dead++]);
    const tightest = gaps.reduce(
      (best, gap, at) => gap.size >= block.size && !(gaps[best]?.size <= gap.size) ? at : best,
      -1,
    );
    const gap = gaps[tightest];
    if (gap === undefined) {
      block.offset = top;
      top += block.size;
      arenaSize = Math.max(arenaSize, top);
      continue;
    }
    block.offset = gap.offset;
    gap.offset += block.size;
    gap.size -= block.size;
    if (gap.size === 0) gaps.splice(tightest, 1);
  }
  return arenaSize;
}

/** Largest first, each into the tightest gap between the blocks that live at the same time. Returns the arena's size. */
function placeBySize(blocks: readonly Block[]): number {
  const placed: Block[] = [];
  let arenaSize = 0;
  for (const block of [...blocks].sort((a, b) => b.size - a.size || a.from - b.from)) {
    let offset = 0, best = -1, tightest = Infinity;
    for (const other of placed) {
      if (other.from > block.to || other.to < block.from) continue;
      const gap = other.offset - offset;
      if (gap >= block.size && gap < tightest) {
        best = offset;
        tightest = gap;
      }
      offset = Math.max(offset, other.offset + other.size);
    }
    block.offset = best >= 0 ? best : offset;
    arenaSize = Math.max(arenaSize, block.offset + block.size);
    const after = placed.findIndex((other) => other.offset > block.offset);
    placed.splice(after < 0 ? placed.length : after, 0, block);
  }
  return arenaSize;
}

/** A range of elements: in the arena (space -1) or of a resident. */
interface Range {
  readonly space: number;
  readonly from: number;
  readonly to: number;
}

function findWaits(graph: Graph, places: ReadonlyMap<number, Place>): boolean[] {
  const rangeOf = ({ id, shape }: Value): Range => {
    const place = places.get(id)!;
    const [space, from] = place.space === "arena" ? [-1, place.offset] : [place.index, 0];
    return { space, from, to: from + sizeOf(shape) };
  };
  const meets = (some: readonly Range[], others: readonly Range[]): boolean =>
    some.some((a) => others.some((b) => a.space === b.space && a.from < b.to && b.from < a.to));
  let read: Range[] = [], written: Range[] = [];
  return graph.nodes.map(({ op, inputs, outputs }) => {
    if (op.kind === "reshape") return false;
    const reads = inputs.map(rangeOf), writes = outputs.map(rangeOf);
    const wait = meets(reads, written) || meets(writes, read) || meets(writes, written);
    if (wait) read = [], written = [];
    read.push(...reads);
    written.push(...writes);
    return wait;
  });
}
