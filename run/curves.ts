/** What a run logged, as plots for its report. */
import type { Block } from "../report/html.ts";
import { readLog } from "./log.ts";
import type { Run } from "./run.ts";

/**
 * Metrics against steps, one line for each of `series`, which names a metric and what the plot calls it. None where
 * there are not two points.
 */
export async function curves(run: Run, options: {
  readonly series: readonly { readonly metric: string; readonly name: string }[];
  readonly y: { readonly label: string; readonly unit?: string };
  readonly caption: string;
}): Promise<Block[]> {
  const { y, caption } = options, log = await readLog(run.path("log.jsonl"));
  const series = options.series.map(({ metric, name }) => {
    const points = log.filter((entry) => typeof entry[metric] === "number" && typeof entry.step === "number");
    return {
      name,
      x: points.map((entry) => entry.step as number),
      y: points.map((entry) => entry[metric] as number),
    };
  }).filter(({ x }) => x.length > 1);
  if (series.length === 0) return [];
  return [{ kind: "plot", plot: { x: { label: "step", scale: "log" }, y, series }, caption }];
}
