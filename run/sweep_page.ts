/** What a list of runs came to: `report.html`, and every figure in `runs.csv`. */
import { join } from "node:path";
import { writeAtomically } from "../base/files.ts";
import { GLOSSARY } from "../report/glossary.ts";
import { type Block, htmlReport, type Table } from "../report/html.ts";
import { metricLabel, metricText } from "../report/metric_names.ts";
import { duration } from "../report/numbers.ts";
import { flagName } from "./flags.ts";
import type { ManifestLine } from "./manifest_file.ts";
import type { RunList } from "./run_list.ts";
import { findRun, type StoredRun } from "./stored_run.ts";

/** A line of a list with its run, where that is complete. */
interface Entry {
  readonly line: ManifestLine;
  readonly run: StoredRun | undefined;
}

/** Writes the page and the table of a list, as far as its runs are complete. */
export async function writeSweepPage(list: RunList): Promise<void> {
  const entries = await Promise.all(list.lines.map(async (line, index): Promise<Entry> => {
    const run = await findRun(list.place(index));
    return { line, run: run?.summary?.status === "completed" ? run : undefined };
  }));
  const tasks = [...new Set(list.lines.map(({ task }) => task))];
  const seconds = entries.reduce((sum, { run }) => sum + (run?.summary?.seconds ?? 0), 0);
  const failures: Block[] = list.open.length === 0 ? [] : [{
    kind: "list",
    items: list.open.map((index) =>
      `\`${list.lines[index].folder}\` is not finished${
        list.failure(index) === undefined ? "" : `: ${list.failure(index)}`
      }`
    ),
  }];
  const html = await htmlReport({
    title: `${list.lines.length} runs`,
    abstract: `Runs of ${tasks.join(", ")}, ${list.done} of ${list.lines.length} of them finished, in ${
      duration(seconds)
    } of work. The page of each stands in its folder, and every figure in \`runs.csv\`.`,
    sections: [
      ...failures.length === 0 ? [] : [{ title: "Not finished", blocks: failures }],
      ...tasks.map((task) => ({
        title: task,
        blocks: [
          {
            kind: "table",
            table: settingsTable(entries.filter(({ line }) => line.task === task)),
          } satisfies Block,
        ],
      })),
    ],
    glossary: GLOSSARY,
  });
  await writeAtomically(join(list.folder, "report.html"), html);
  await writeAtomically(join(list.folder, "runs.csv"), csv(entries));
}

/** Flags of which not all lines say the same; how many threads a run has changes no figure. */
function varying(entries: readonly Entry[]): string[] {
  const names = [...new Set(entries.flatMap(({ line }) => Object.keys(line.flags)))];
  return names.filter((name) =>
    name !== "threads" && new Set(entries.map(({ line }) => line.flags[name] ?? null)).size > 1
  );
}

/** A row for each setting, whose runs differ in their seeds alone: mean ± standard deviation of every figure. */
function settingsTable(entries: readonly Entry[]): Table {
  const flags = varying(entries).filter((name) => name !== "seed");
  const settings = Map.groupBy(
    entries.filter(({ run }) => run !== undefined),
    ({ line }) => JSON.stringify(flags.map((name) => line.flags[name] ?? "")),
  );
  const runs = entries.flatMap(({ run }) => run ?? []);
  const metrics = Object.keys(runs[0]?.summary?.metrics ?? {}).filter((name) =>
    runs.every(({ summary }) => typeof summary?.metrics[name] === "number")
  );
  return {
    columns: [...flags.map((name) => `--${flagName(name)}`), "runs", ...metrics.map(metricLabel)],
    rows: [...settings.values()].map((own) => [
      ...flags.map((name) => String(own[0].line.flags[name] ?? "")),
      own.length,
      ...metrics.map((name) => meanText(name, own.map(({ run }) => run?.summary?.metrics[name] ?? NaN))),
    ]),
    caption: "Where several runs differ in their seeds alone: mean ± standard deviation.",
  };
}

function meanText(name: string, values: readonly number[]): string {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length === 1) return metricText(name, mean);
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return `${metricText(name, mean)} ± ${metricText(name, Math.sqrt(squares / (values.length - 1)))}`;
}

/** Every run with what sets it apart and all of its figures. */
function csv(entries: readonly Entry[]): string {
  const flags = varying(entries);
  const metrics = [...new Set(entries.flatMap(({ run }) => Object.keys(run?.summary?.metrics ?? {})))];
  const rows = [
    ["folder", "task", ...flags, "seconds", "steps", ...metrics],
    ...entries.map(({ line: { folder, task, flags: own }, run }) => [
      folder,
      task,
      ...flags.map((name) => own[name]),
      run?.summary?.seconds,
      run?.summary?.steps,
      ...metrics.map((name) => run?.summary?.metrics[name]),
    ]),
  ];
  const cell = (value: unknown): string => {
    const text = String(value ?? "");
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((row) => row.map(cell).join(",") + "\n").join("");
}
