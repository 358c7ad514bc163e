/**
 * The workload `nearest`: `run/nearest.ts`, as the audit calls it, on pictures, which are what audits compare. The built-in
 * digits are drawn into files once, bytes a row a picture, that all peers read.
 */
import { exists, writeAtomically } from "../base/files.ts";
import { drawDigits } from "../data/digits.ts";
import type { Device } from "../engine/device.ts";
import type { Table } from "../metrics/mod.ts";
import { nearest } from "../run/nearest.ts";
import { NEAREST } from "./workloads.ts";

const SETS = { base: "train", queries: "test" } as const;

/** Where the pictures of a set lie; `bench/peers/peer.py` names the same. */
function fileOf(set: keyof typeof SETS): string {
  return new URL(`../.cache/bench/${set}.u8`, import.meta.url).pathname;
}

/** Draws the pictures, unless they have been drawn. */
export async function drawPictures(): Promise<void> {
  for (const set of ["base", "queries"] as const) {
    if (await exists(fileOf(set))) continue;
    await Deno.mkdir(new URL(".", `file://${fileOf(set)}`), { recursive: true });
    const { pixels } = drawDigits({ split: SETS[set], offset: 0, count: NEAREST[set] });
    await writeAtomically(fileOf(set), pixels);
  }
}

async function tableOf(set: keyof typeof SETS): Promise<Table> {
  return { values: await Deno.readFile(fileOf(set)), count: NEAREST[set], width: NEAREST.width };
}

/** Prepares the search; each step is a whole one, and gives the mean distance as its loss. */
export async function searcher(device: Device): Promise<(steps: number) => Promise<number>> {
  const queries = await tableOf("queries"), base = await tableOf("base");
  return async (steps) => {
    let mean = NaN;
    for (; steps > 0; steps--) {
      const { distances } = await nearest(queries, base, { device, k: NEAREST.k });
      mean = distances.reduce((sum, distance) => sum + distance, 0) / distances.length;
    }
    return mean;
  };
}
