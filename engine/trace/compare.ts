/** Finds what differs between two traces of one function: something that a replay would not repeat. */
import type { Graph } from "../graph.ts";
import { atUserLine } from "./origin.ts";
import type { Trace } from "./trace.ts";

const REMEDY = "declare what changes as an input, and draw random numbers with engine/random.ts";

/** The first node that reads a resident, for naming it. */
function reader(trace: Trace, resident: number): string {
  const { value } = trace.graph.residents[resident];
  const node = trace.graph.nodes.findIndex(({ inputs }) => inputs.includes(value));
  return trace.origins[node]?.kernel ?? "an output";
}

function show(data: ArrayLike<number>): string {
  return data.length === 1
    ? String(data[0])
    : `[${Array.from({ length: Math.min(4, data.length) }, (_, i) => data[i])}…]`;
}

function differentConstant(before: Trace, after: Trace): string | undefined {
  const count = Math.min(before.graph.residents.length, after.graph.residents.length);
  for (let index = 0; index < count; index++) {
    const old = before.graph.residents[index], now = after.graph.residents[index];
    if (old.kind !== now.kind || JSON.stringify(old.value) !== JSON.stringify(now.value)) return undefined;
    const a = old.data, b = now.data;
    if (a === undefined || b === undefined) {
      const source = before.sources[index], other = after.sources[index];
      const same = source.kind === "captured" && other.kind === "captured"
        ? source.dataId === other.dataId
        : source.kind === "variable" && other.kind === "variable" && source.variable === other.variable;
      if (same) continue;
      return `${reader(after, index)}${
        atUserLine(after.residentOrigins[index].place?.stack)
      } uses a ${now.kind} ` +
        `tensor that was another one in the call before`;
    }
    const at = a.findIndex((number, place) => !Object.is(number, b[place]));
    if (at < 0) continue;
    return `a constant of ${reader(after, index)}${
      atUserLine(after.residentOrigins[index].place?.stack)
    } was ` +
      `${show(a)} in one call and ${show(b)} in the next`;
  }
  return undefined;
}

function differentNode(before: Trace, after: Trace): string | undefined {
  const count = Math.max(before.graph.nodes.length, after.graph.nodes.length);
  for (let index = 0; index < count; index++) {
    if (JSON.stringify(before.graph.nodes[index]) === JSON.stringify(after.graph.nodes[index])) continue;
    const old = before.origins[index]?.kernel ?? "nothing", now = after.origins[index]?.kernel ?? "nothing";
    const shapes = [before, after].map(({ graph }) => `[${graph.nodes[index]?.outputs[0].shape}]`);
    if (old === now && shapes[0] !== shapes[1]) {
      return `operation ${index}, ${now}, had the shape ${shapes[0]} in one call and ${
        shapes[1]
      } in the next${atUserLine(after.origins[index]?.place?.stack)}`;
    }
    return `operation ${index} was ${old} in one call and ${now} in the next${
      atUserLine(after.origins[index]?.place?.stack)
    }`;
  }
  return undefined;
}

function ends({ outputs, updates }: Graph): string {
  return JSON.stringify([outputs, updates]);
}

/** @throws {Error} naming what differs between two calls of the same function, and where: `after` knows its places. */
export function mustAgree(before: Trace, after: Trace): void {
  const difference = differentConstant(before, after) ?? differentNode(before, after) ??
    (ends(before.graph) === ends(after.graph)
      ? undefined
      : "it returned or assigned something else in the next call");
  if (difference === undefined) return;
  throw new Error(
    `Cannot compile as the function must do the same in every call, but ${difference}: ${REMEDY}`,
  );
}
