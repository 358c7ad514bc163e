/**
 * `deno task reproduce NAME`: runs a row of the results again, or any finished run, and says of each figure whether it
 * came out.
 */
import { basename, join } from "node:path";
import { writeAtomically } from "../base/files.ts";
import { metricLabel, metricText } from "../report/metric_names.ts";
import { type Claim, CLAIMS, MACHINES } from "../results/claims.ts";
import { lockFolder } from "../run/lock.ts";
import { attemptManifest, executorFlags, type ManifestLine } from "../run/manifest.ts";
import { runFolder } from "../run/named_run.ts";
import type { StoredRun } from "../run/run.ts";
import { makeFolder } from "../run/run_folder.ts";
import { findRun } from "../run/stored_run.ts";
import {
  boolean,
  choice,
  commonFlags,
  integer,
  list,
  number,
  runTool,
  text,
  UsageError,
} from "../run/task.ts";
import {
  claimCommand,
  confirms,
  figureText,
  pagesWithTables,
  tolerance,
  withTables,
} from "./claim_tables.ts";

const ROOT = join(import.meta.dirname!, "..");

/** Flags that say where and how a run is made, and not what it computes. */
const PLACE_FLAGS: ReadonlySet<string> = new Set(["out", "resume", "force", "debug"]);

/** Where and with what runs are made again. */
export interface Means {
  /** Holds all of them. */
  readonly folder: string;
  /** Holds a folder for each data set that is not built in; absent: `.cache/data`. */
  readonly dataDir?: string;
  /** Absent: as the claim or the run has it. */
  readonly device?: string;
  /** Likewise. */
  readonly threads?: number;
}

/** Something that is run again: its runs, one a seed, and what is expected of them. */
export interface Trial {
  readonly name: string;
  /** Folders of the runs whose mean is compared. */
  readonly folders: readonly string[];
  /** What these runs take, those of other claims that they need included. */
  readonly lines: readonly ManifestLine[];
  readonly expected: readonly Expectation[];
}

/** One figure that must come out. */
interface Expectation {
  readonly metric: string;
  readonly value: number;
  /** How far off it may be. */
  readonly within: number;
}

/** What came of an expectation. */
export interface Verdict extends Expectation {
  readonly trial: string;
  /** Mean over the runs; NaN where they have no such metric. */
  readonly reached: number;
  readonly confirmed: boolean;
}

/** Whether the runs of a task may hold an autoencoder of their own. */
function hasParts(task: string): boolean {
  return /^train-(seq2|ngram)|^compare-autoregressive$/.test(task);
}

/** The claim called `name`. */
function claimOf(name: string): Claim | undefined {
  return CLAIMS.find((claim) => claim.name === name);
}

/**
 * What runs a claim again: a line for each seed, after those of the claims whose runs it needs.
 *
 * @throws {RangeError} where it needs a claim that there is not.
 */
export function claimTrial(claim: Claim, means: Means): Trial {
  const { name, task, flags, seeds = 1, figures } = claim, { folder, dataDir } = means;
  const needed = typeof flags.autoencoder === "string" ? claimOf(flags.autoencoder) : undefined;
  if (flags.autoencoder !== undefined && needed === undefined) {
    throw new RangeError(`Cannot run ${name} as there is no claim ${flags.autoencoder}`);
  }
  const folders = Array.from({ length: seeds }, (_, seed) => `${name}-s${seed}`);
  const before = needed === undefined ? undefined : claimTrial(needed, means);
  const own = folders.map((place, seed): ManifestLine => ({
    task,
    folder: place,
    flags: {
      ...flags,
      autoencoder: before === undefined ? undefined : join(folder, before.folders[0]),
      afresh: before === undefined && hasParts(task),
      seed,
      dataDir: dataDir === undefined || flags.dataset === undefined
        ? undefined
        : join(dataDir, String(flags.dataset)),
      device: means.device,
      threads: means.threads ?? flags.threads,
    },
  }));
  return {
    name,
    folders,
    lines: [...before?.lines ?? [], ...own],
    expected: figures.map((figure) => ({
      metric: figure.metric,
      value: figure.value,
      within: tolerance(figure),
    })),
  };
}

/**
 * What makes a finished run again, by its recorded flags, and expects all of its metrics.
 *
 * @param options.within How far off a metric may be, as a share of it.
 * @throws {UsageError} where it is not finished, or the clock of its machine had a part in it.
 */
export function runTrial(
  { folder, config, summary }: StoredRun,
  { within, ...means }: Means & { readonly within: number },
): Trial {
  if (summary?.status !== "completed") {
    throw new UsageError(`RUN must be a finished run: current value is "${folder}"`);
  }
  if ((config.flags.budget ?? null) !== null) {
    throw new UsageError(
      `Cannot make ${folder} again as --budget had a clock choose its steps: make one with --steps ${summary.steps}`,
    );
  }
  const flags: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(config.flags)) {
    if (PLACE_FLAGS.has(name) || value === null || value === undefined) continue;
    if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean") {
      throw new UsageError(`Cannot make ${folder} again as its words ${JSON.stringify(value)} are no flags`);
    }
    flags[name] = value;
  }
  const { device = flags.device, threads = flags.threads } = means, name = basename(folder);
  const afresh = flags.autoencoder === undefined && hasParts(config.task);
  return {
    name,
    folders: [name],
    lines: [{
      task: config.task,
      folder: name,
      flags: { ...flags, afresh, device, threads },
    }],
    expected: Object.entries(summary.metrics).map(([metric, value]) => ({
      metric,
      value: value ?? NaN,
      within: within * Math.abs(value ?? 0),
    })),
  };
}

/** Compares what runs reached with what is expected of their mean; what was no number must be none again. */
export function verdicts(
  { name, expected }: Pick<Trial, "name" | "expected">,
  reached: readonly Readonly<Record<string, number | null>>[],
): Verdict[] {
  return expected.map((expectation) => {
    const { metric, value, within } = expectation;
    const mean = reached.reduce((sum, metrics) => sum + (metrics[metric] ?? NaN), 0) / reached.length;
    const confirmed = Number.isNaN(value) ? Number.isNaN(mean) : confirms({ metric, value, within }, mean);
    return { ...expectation, trial: name, reached: mean, confirmed };
  });
}

function verdictLine({ trial, metric, value, within, reached, confirmed }: Verdict): string {
  const words = (wanted: number): string => metricText(metric, wanted);
  const most = within === 0 ? "" : ` ± ${words(within)}`;
  return `${confirmed ? "came out" : "DID NOT COME OUT"}: ${trial}: ${metricLabel(metric)} ${
    words(reached)
  }, ` +
    `was ${words(value)}${most}`;
}

/** Minutes that a claim takes, its seeds and the runs that it needs included; undefined where nobody measured. */
export function minutesOf({ seconds, seeds = 1, flags }: Claim): number | undefined {
  const needed = typeof flags.autoencoder === "string" ? claimOf(flags.autoencoder) : undefined;
  const before = needed === undefined ? 0 : minutesOf(needed);
  return seconds === undefined || before === undefined ? undefined : seconds * seeds / 60 + before;
}

/** The claims as lines: name, minutes, command, figures. */
function listing(claims: readonly Claim[]): string {
  return claims.map((claim) => {
    const minutes = minutesOf(claim);
    const time = minutes === undefined ? "not timed" : `${minutes.toFixed(1)} min`;
    return [
      `${claim.name} (${time}): deno task ${claimCommand(claim)}`,
      `  ${claim.figures.map(figureText).join(", ")}`,
      `  ${MACHINES[claim.machine]}`,
    ].join("\n");
  }).join("\n");
}

/** Writes the tables of all pages anew, and returns the pages that changed. */
async function writeTables(): Promise<string[]> {
  const changed: string[] = [];
  for (const page of await pagesWithTables(ROOT)) {
    const before = await Deno.readTextFile(page), after = withTables(before);
    if (after === before) continue;
    await writeAtomically(page, after);
    changed.push(page);
  }
  return changed;
}

if (import.meta.main) {
  await runTool({
    name: "reproduce",
    summary:
      "Run what README and results/ claim again, or any finished run, and say of each figure whether it came out.",
    flags: {
      names: list({
        placeholder: "NAME|RUN",
        help: "rows of the results (--list), or folders of finished runs",
      }),
      list: boolean({ help: "say what is claimed, and run nothing" }),
      tables: boolean({
        help: "write the tables of README and results/ anew from the list, and run nothing",
      }),
      minutes: number({ min: 0, help: "all rows that take at most so long each" }),
      within: number({
        min: 0,
        default: 0,
        help: "how far off a metric of a RUN may be, as a share of it: 0 on the machine that made it",
      }),
      dataDir: text({
        placeholder: "DIR",
        help: "holds a folder for each data set: DIR/mnist, … (default: .cache/data)",
      }),
      device: choice(["auto", "webgpu", "wasm", "tfjs"], { help: "where to compute (default: as it was)" }),
      threads: integer({ min: 1, help: "processor threads of the wasm device (default: as it was)" }),
      out: text({
        placeholder: "DIR",
        help: "holds the runs; what is finished there is kept (default: a new runs/reproduce-<name>)",
      }),
      ...executorFlags,
      debug: commonFlags.debug,
    },
    run: async (flags, session) => {
      const { names, minutes, within, dataDir, device, threads, out, debug: _, ...rest } = flags;
      const { list: listed, tables, ...executor } = rest;
      const short = (claim: Claim): boolean => (minutesOf(claim) ?? Infinity) <= (minutes ?? Infinity);
      if (listed) {
        const claims = CLAIMS.filter((claim) => minutes === undefined || short(claim));
        session.note(listing(claims));
        return claims;
      }
      if (tables) {
        const changed = await writeTables();
        session.note(
          changed.length === 0 ? "all tables are as the list has them" : `written: ${changed.join(", ")}`,
        );
        return { changed };
      }
      if (names.length === 0 && minutes === undefined) {
        throw new UsageError(
          "NAME|RUN is missing: give one, or --minutes for all that take at most so long, or --list",
        );
      }
      const wanted = names.length > 0 ? names : CLAIMS.filter(short).map(({ name }) => name);
      const runs = new Map<string, StoredRun>();
      for (const name of wanted.filter((name) => claimOf(name) === undefined)) {
        const stored = await findRun(await runFolder(name));
        if (stored === undefined) {
          throw new UsageError(
            `NAME|RUN must be a row of --list or the folder of a finished run: current value is "${name}"`,
          );
        }
        runs.set(name, stored);
      }
      const trialsIn = (folder: string): Trial[] => {
        const means = { folder, dataDir, device, threads };
        return wanted.map((name) => {
          const claim = claimOf(name);
          return claim === undefined
            ? runTrial(runs.get(name)!, { ...means, within })
            : claimTrial(claim, means);
        });
      };
      // What is refused is refused before a folder is made.
      trialsIn("");
      const place = `reproduce-${names.length === 1 ? basename(names[0]) : "claims"}`;
      const folder = out ?? (executor.dryRun ? join("runs", place) : await makeFolder(place));
      const trials = trialsIn(folder);
      const lines = [
        ...new Map(trials.flatMap(({ lines }) => lines).map((line) => [line.folder, line])).values(),
      ];
      if (!executor.dryRun) await Deno.mkdir(folder, { recursive: true });
      const lock = executor.dryRun ? undefined : await lockFolder(folder);
      try {
        const again = {
          task: "reproduce",
          words: wanted,
          flags: { out: folder, within, dataDir, device, threads },
        };
        const made = await attemptManifest(lines, { within: { folder, session, again }, executor });
        const open = new Map(made.open.map((index) => [lines[index].folder, made.failure(index)]));
        const found: Verdict[] = [], missing: string[] = [];
        for (const trial of trials) {
          const lacking = trial.folders.find((place) => open.has(place));
          if (lacking !== undefined) {
            missing.push(trial.name);
            session.note(`NOT RUN: ${trial.name}: ${open.get(lacking) ?? "its run is not complete"}`);
            continue;
          }
          const runs = await Promise.all(trial.folders.map((place) => findRun(join(folder, place))));
          found.push(...verdicts(trial, runs.map((run) => run?.summary?.metrics ?? {})));
        }
        for (const verdict of found) session.note(verdictLine(verdict));
        const failed = found.filter(({ confirmed }) => !confirmed).length;
        if (failed > 0) {
          throw new Error(
            `Cannot confirm ${failed} of ${found.length} figures: compare the runs in ${folder} with what is claimed`,
          );
        }
        if (missing.length > 0) {
          throw new Error(
            `Cannot confirm ${missing.join(", ")} as the runs failed: mend that and add --out ${folder}`,
          );
        }
        session.note(`all ${found.length} figures came out: see ${folder}`);
        return { folder, figures: found };
      } finally {
        lock?.release();
      }
    },
  });
}
