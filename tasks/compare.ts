/** `deno task compare [RUN ...]`: runs of any kind side by side on one page. */
import { basename, dirname } from "node:path";
import { exists, writeAtomically } from "../base/files.ts";
import { type Block, htmlReport, type Section } from "../report/html.ts";
import { metricLabel, metricText, metricUnit } from "../report/metric_names.ts";
import { count, duration } from "../report/numbers.ts";
import { PALETTE } from "../report/palette.ts";
import type { Series } from "../report/plot.ts";
import { flagName } from "../run/flags.ts";
import { type LogEntry, readLog } from "../run/log.ts";
import { runFolder } from "../run/named_run.ts";
import { findRun, listRuns, RUNS, type StoredRun } from "../run/stored_run.ts";
import { commonFlags, list, runTool, text, UsageError } from "../run/task.ts";
import { GLOSSARY } from "../report/glossary.ts";

/** A run with its name on the page. */
interface Compared extends StoredRun {
  readonly name: string;
  readonly log: readonly LogEntry[];
}

/** As many curves as there are colours to tell them apart. */
const COLOURS = Object.values(PALETTE), MOST_CURVES = COLOURS.length;
/** Flags that say where a run is and how it was started, and nothing of what it computes. */
const NOT_COMPARED: ReadonlySet<string> = new Set(["out", "resume", "force", "debug", "dataDir"]);
/** Fields of a log that are no measurements. */
const NOT_MEASURED: ReadonlySet<string> = new Set(["phase", "step", "seconds"]);

async function opened(names: readonly string[]): Promise<Compared[]> {
  const runs = names.length === 0
    ? (await listRuns(RUNS)).filter(({ folder }) => dirname(folder) === RUNS)
    : await Promise.all(names.map(async (name) => {
      const run = await findRun(await runFolder(name));
      if (run === undefined) {
        throw new UsageError(`RUN must be the folder of a run: current value is "${name}"`);
      }
      return run;
    }));
  if (runs.length === 0) throw new UsageError(`RUN is missing: there are no runs in ${RUNS} to compare`);
  const bases = runs.map(({ folder }) => basename(folder));
  return await Promise.all(runs.map(async (run, index) => ({
    ...run,
    name: bases.indexOf(bases[index]) === bases.lastIndexOf(bases[index]) ? bases[index] : run.folder,
    log: await exists(`${run.folder}/log.jsonl`) ? await readLog(`${run.folder}/log.jsonl`) : [],
  })));
}

/** What each run was given, as far as it is not the same in all. */
function differences(runs: readonly Compared[]): Block {
  const flags = [...new Set(runs.flatMap(({ config }) => Object.keys(config.flags)))].filter((flag) =>
    !NOT_COMPARED.has(flag) && new Set(runs.map(({ config }) => shown(config.flags[flag]))).size > 1
  );
  return {
    kind: "table",
    table: {
      columns: [
        "Run",
        "Task",
        "Data",
        "Steps",
        "Time",
        "Ended",
        ...flags.map((flag) => `--${flagName(flag)}`),
      ],
      rows: runs.map(({ name, config, summary }) => [
        name,
        config.task,
        `${count(config.dataset.count)} ${config.dataset.name}`,
        summary === undefined ? "" : count(summary.steps),
        summary === undefined ? "" : duration(summary.seconds),
        summary?.status ?? "not yet",
        ...flags.map((flag) => shown(config.flags[flag])),
      ]),
      caption: "What each run was given; flags that are the same in all are left out.",
    },
  };
}

function shown(value: unknown): string {
  return value === null || value === undefined || value === false ? "" : String(value);
}

/** The figures that several runs have, or all of a single one. */
function figures(runs: readonly Compared[]): Block | undefined {
  const metrics = runs.map(({ summary }) => summary?.metrics ?? {});
  const names = [...new Set(metrics.flatMap(Object.keys))].filter((name) =>
    !/_(low|high)$/.test(name) &&
    metrics.filter((each) => typeof each[name] === "number").length >= Math.min(2, runs.length)
  );
  if (names.length === 0) return undefined;
  return {
    kind: "table",
    table: {
      columns: ["Figure", ...runs.map(({ name }) => name)],
      rows: names.map((name) => [
        metricLabel(name),
        ...metrics.map((each) => typeof each[name] === "number" ? metricText(name, each[name]) : ""),
      ]),
      caption: "The figures that more than one run has.",
    },
  };
}

/** What was logged while the runs learned, a plot a measurement; of the last phase of each run. */
function curves(runs: readonly Compared[]): Block | undefined {
  // A run has one colour in all plots, also where others have no curve.
  const drawn = runs.slice(0, MOST_CURVES).map(({ name, log }, index) => ({
    name,
    colour: COLOURS[index],
    entries: log.filter(({ phase, step }) => phase === log.at(-1)?.phase && typeof step === "number"),
  }));
  const fields = [...new Set(drawn.flatMap(({ entries }) => entries.flatMap((entry) => Object.keys(entry))))]
    .filter((field) => !NOT_MEASURED.has(field));
  const panels = fields.flatMap((field) => {
    const series = drawn.map(({ name, colour, entries }): Series => {
      const points = entries.filter((entry) => typeof entry[field] === "number");
      return {
        name,
        colour,
        x: points.map(({ step }) => Number(step)),
        y: points.map((entry) => Number(entry[field])),
      };
    }).filter(({ x }) => x.length >= 2);
    if (series.length === 0) return [];
    const unit = metricUnit(field), title = metricLabel(field);
    return [{
      title,
      plot: {
        x: { label: "step", scale: "log" as const },
        y: { label: title, ...unit === undefined ? {} : { unit } },
        series,
      },
    }];
  });
  if (panels.length === 0) return undefined;
  const left = runs.length - drawn.length;
  return {
    kind: "panels",
    panels,
    columns: 2,
    caption: "What was measured while the runs learned, over the logarithm of the step." +
      (left > 0 ? ` The first ${MOST_CURVES} runs are drawn, ${left} are not.` : ""),
  };
}

if (import.meta.main) {
  await runTool({
    name: "compare",
    summary:
      "Lay runs of any kind side by side on one page: what they were given, their figures, their curves.",
    flags: {
      runs: list({
        placeholder: "RUN",
        help: "run folders or their names in runs/ (none named: all in runs/)",
      }),
      out: text({ placeholder: "FILE", default: `${RUNS}/compare.html`, help: "the page" }),
      debug: commonFlags.debug,
    },
    run: async ({ runs: names, out }, session) => {
      const runs = await opened(names);
      const blocks = [differences(runs), figures(runs), curves(runs)];
      const titles = ["What they were given", "Figures", "Learning"];
      const sections = blocks.flatMap((block, index): Section[] =>
        block === undefined ? [] : [{ title: titles[index], blocks: [block] }]
      );
      const title = `${count(runs.length)} run${runs.length === 1 ? "" : "s"} compared`;
      const abstract = "Runs side by side: what each was given, what came out, and how it learned.";
      await writeAtomically(out, await htmlReport({ title, abstract, sections, glossary: GLOSSARY }));
      session.note(`${title}: see ${out}`);
      return { file: out, runs: runs.map(({ folder }) => folder) };
    },
  });
}
