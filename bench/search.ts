/** The workload `nearest`: `run/nearest.ts`, as the audit calls it. */
import type { Device } from "../engine/device.ts";
import type { Table } from "../metrics/mod.ts";
import { nearest } from "../run/nearest.ts";
import { DATA, elements, type Formula, NEAREST } from "./workloads.ts";

/** The rows of a formula. */
function tableOf(formula: Formula): Table {
  const [count, width] = formula.shape;
  return { values: elements(formula), count, width };
}

/** Prepares the search; each step is a whole one, and gives the mean distance as its loss. */
export function searcher(device: Device): (steps: number) => Promise<number> {
  const queries = tableOf(DATA.queries), base = tableOf(DATA.base);
  return async (steps) => {
    let mean = NaN;
    for (; steps > 0; steps--) {
      const { distances } = await nearest(queries, base, { device, k: NEAREST.k });
      mean = distances.reduce((sum, distance) => sum + distance, 0) / distances.length;
    }
    return mean;
  };
}
