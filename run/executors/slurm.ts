/** Runs of a list as job arrays of Slurm, which schedules, queues and stops them. */
import { createHash } from "node:crypto";
import { basename, join, resolve } from "node:path";
import { writeAtomically } from "../../base/files.ts";
import { flagWords, shellWord, taskWords } from "../command.ts";
import { UsageError } from "../flags.ts";
import { type ManifestLine, writeManifest } from "../manifest_file.ts";
import { LOGS, type RunList, SUBMITTED } from "../run_list.ts";
import { Deferred, type Session } from "../session.ts";
import { type JobArray, jobArrays } from "./arrays.ts";
import { arrayScript, collectScript, type ScriptSetup } from "./batch_script.ts";
import type { ExecutorFlags } from "./flags.ts";
import { askArraySize, askQueue, submit } from "./queue.ts";
import { type LineAtWork, linesAtWork, readSubmitted } from "./submitted.ts";

/** The largest array of a Slurm whose configuration says nothing else. */
const DEFAULT_ARRAY = 1001;

/** How a list is handed in. */
export interface SlurmOptions {
  readonly session: Session;
  readonly executor: ExecutorFlags;
  /** The task that goes on when all runs have ended, and its flags without those of the executor. */
  readonly again: Pick<ManifestLine, "task" | "flags"> & { readonly words?: readonly string[] };
}

/**
 * Hands in what of the list is neither finished nor in Slurm's queue already, and a job that goes on when all of it has
 * ended. Returns where there is nothing to wait for: all is finished, or `--collect` finds runs that ended otherwise,
 * which are marked as failed.
 *
 * @throws {Deferred} where runs are at work.
 */
export async function runOnSlurm(list: RunList, options: SlurmOptions): Promise<void> {
  const { session, executor } = options;
  if (session.limited) {
    throw new UsageError("--budget cannot be shared out among jobs: give --steps, or --slurm --time=MINUTES");
  }
  if (list.open.length === 0) return;
  const submitted = await readSubmitted(list.folder);
  const queue = executor.dryRun ? [] : await askQueue();
  const work = linesAtWork(list.lines, { submitted, queue });
  const missing = list.open.filter((index) => !work.has(list.lines[index].folder));
  const status = `deno task sweep-status ${shellWord(list.folder)}`;
  if (executor.collect) {
    const known = new Set([...submitted.values()].flat().map(({ folder }) => folder));
    const ended = missing.filter((index) => known.has(list.lines[index].folder));
    for (const index of ended) list.fail(index, `ended without a result, as ${status} shows`);
    if (ended.length > 0 && work.size === 0) return;
  }
  if (missing.length === 0 || executor.collect && work.size > 0) {
    throw new Deferred(`${work.size} of ${list.lines.length} runs are with Slurm: ${status}`);
  }
  const most = executor.dryRun ? DEFAULT_ARRAY : await askArraySize();
  const arrays = jobArrays(list, { lines: missing, most }).map((array) =>
    scriptOf(array, { list, executor })
  );
  const collector = collectorOf(list, options);
  if (executor.dryRun) {
    for (const { level, script } of arrays) {
      session.note(`${level === 0 ? "" : "# starts when the arrays above have ended\n"}${script}`);
    }
    session.note(`# starts when all arrays have ended\n${collector.script}`);
    const what = `${missing.length} runs in ${arrays.length} job arrays; nothing was handed in`;
    throw new Deferred(what, { nothingBegun: true });
  }
  const rounds = executor.chain ? executor.requeues + 1 : 1;
  const { jobs, last } = await handIn(list, { arrays, collector, work, rounds });
  throw new Deferred(
    `${missing.length} runs are handed to Slurm (jobs ${
      jobs.join(", ")
    }); job ${last} goes on when all have ` +
      `ended: ${status}`,
  );
}

/** A script and the name of its job. */
interface NamedScript {
  readonly name: string;
  readonly script: string;
}

/** Hands in arrays, each `rounds` times and after what it needs, and the job that waits for all; returns their numbers. */
async function handIn(
  list: RunList,
  { arrays, collector, work, rounds }: {
    readonly arrays: readonly (JobArray & NamedScript)[];
    readonly collector: NamedScript;
    readonly work: ReadonlyMap<string, LineAtWork>;
    readonly rounds: number;
  },
): Promise<{ readonly jobs: readonly string[]; readonly last: string }> {
  await Deno.mkdir(join(list.folder, LOGS), { recursive: true });
  await Deno.mkdir(join(list.folder, SUBMITTED), { recursive: true });
  const path = (name: string): string => join(list.folder, SUBMITTED, name);
  // The arrays that hold a line, by its index.
  const holders = new Map(list.lines.map(({ folder }, index) => [index, work.get(folder)?.arrays ?? []]));
  const holding = (lines: readonly number[]): string[] => [
    ...new Set(lines.flatMap((index) => holders.get(index) ?? [])),
  ];
  const jobs: string[] = [];
  for (const { name, script, lines } of arrays) {
    await writeManifest(path(`${name}.jsonl`), lines.map((index) => list.lines[index]));
    await writeAtomically(path(`${name}.sh`), script);
    let after = holding(lines.flatMap((index) => list.needs(index)));
    for (let round = 0; round < rounds; round++) {
      after = [await submit(path(`${name}.sh`), { after })];
      jobs.push(...after);
    }
    for (const index of lines) holders.set(index, after);
  }
  await writeAtomically(path(`${collector.name}.sh`), collector.script);
  const last = await submit(path(`${collector.name}.sh`), { after: holding([...holders.keys()]) });
  return { jobs, last };
}

/** The script of an array, under a name that says which lines of which list it holds. */
function scriptOf(
  array: JobArray,
  { list, executor: { slurm, requeues, chain } }: {
    readonly list: RunList;
    readonly executor: ExecutorFlags;
  },
): JobArray & NamedScript {
  const { lines, threads } = array;
  const commands = lines.map((index) => [Deno.execPath(), ...list.words(index)]);
  const name = jobName(list, commands);
  const script = arrayScript(setupOf(name, list, slurm), {
    commands,
    threads,
    requeues: chain ? 0 : requeues,
  });
  return { ...array, name, script };
}

/** The script of the job that goes on. */
function collectorOf(
  list: RunList,
  { again: { task, flags, words = [] }, executor }: SlurmOptions,
): NamedScript {
  const { slurm, requeues, chain } = executor;
  const own = { executor: "slurm", slurm, requeues, chain, collect: true };
  const command = [Deno.execPath(), ...taskWords(task), ...words, ...flagWords({ ...flags, ...own })];
  const name = `${jobName(list, [command])}-collect`;
  return { name, script: collectScript(setupOf(name, list, executor.slurm), command) };
}

function setupOf(name: string, list: RunList, options: string | undefined): ScriptSetup {
  if (options !== undefined && /[\r\n]/.test(options)) {
    throw new UsageError("--slurm must be one line of options");
  }
  return { name, logs: resolve(list.folder, LOGS), directory: Deno.cwd(), options };
}

/** The name of the list's folder, as far as a job may have it, with a hash of what is run where. */
function jobName(list: RunList, commands: readonly (readonly string[])[]): string {
  const folder = resolve(list.folder);
  const hash = createHash("sha256").update(JSON.stringify([folder, commands])).digest("hex").slice(0, 8);
  return `${basename(folder).replaceAll(/[^\w.-]/g, "_").replace(/^\.+/, "").slice(0, 40)}-${hash}`;
}
