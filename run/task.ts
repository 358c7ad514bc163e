/** A task: a program with typed flags, `--help`, clear errors, exit codes, and mostly a run folder. */
import { dirname, join, resolve, sep as SEPARATOR } from "node:path";
import {
  flagName,
  type Flags,
  type FlagValues,
  helpText,
  type ParsedFlags,
  parseFlags,
  readStoredFlags,
  UsageError,
} from "./flags.ts";
import { type Output, standardOutput } from "./progress.ts";
import { findRun, listRuns, type Place, Run, type StoredRun } from "./run.ts";
import { pendingRun } from "./run_folder.ts";
import { Session, Stopped } from "./session.ts";
import { folderKind, RUNS } from "./stored_run.ts";

export {
  argument,
  boolean,
  choice,
  commonFlags,
  type Flag,
  type Flags,
  type FlagValues,
  integer,
  number,
  text,
  UsageError,
} from "./flags.ts";

/** A task that writes a run folder. Its flags are `commonFlags`, some of them left out, and its own. */
export interface Task<F extends Flags> {
  /** As in deno.json's tasks. */
  readonly name: string;
  /** One sentence for `--help`. */
  readonly summary: string;
  readonly flags: F;
  /** Returns when all is written; `run.finish` must have been called. */
  readonly run: (flags: FlagValues<F>, run: Run) => Promise<void>;
}

/** A task without a run folder of its own. */
export interface Tool<F extends Flags> extends Omit<Task<F>, "run"> {
  readonly run: (flags: FlagValues<F>, session: Session) => Promise<void>;
}

/** Where a task's words go. */
export interface Streams {
  readonly output: Output;
  readonly error: (text: string) => void;
}

/** What flags that name files and folders are called in `--help`. */
const PATHS: ReadonlySet<string> = new Set(["FILE", "DIR", "RUN"]);

/** Flags that may differ when a run is resumed. */
const CHANGEABLE: ReadonlySet<string> = new Set([
  "device",
  "threads",
  "steps",
  "budget",
  "debug",
  "out",
  "resume",
  "force",
]);

/** Runs `task` with the command line's arguments, and ends the process with its exit code. */
export async function runTask<F extends Flags>(task: Task<F>): Promise<never> {
  return Deno.exit(await executeTask(task, { args: Deno.args, streams: standardStreams(), startedAt: 0 }));
}

/** `runTask` for a program that writes no run folder. */
export async function runTool<F extends Flags>(tool: Tool<F>): Promise<never> {
  return Deno.exit(await executeTool(tool, { args: Deno.args, streams: standardStreams(), startedAt: 0 }));
}

/** What a task needs to run. */
export interface Invocation {
  readonly args: readonly string[];
  readonly streams: Streams;
  /** When the command began, as `performance.now()` tells it; absent: now. */
  readonly startedAt?: number;
}

/** Runs `task` and returns its exit code. */
export function executeTask<F extends Flags>(task: Task<F>, invocation: Invocation): Promise<number> {
  return execute(task, invocation, async (parsed, session) => {
    const { values, place } = await choosePlace(task, parsed);
    if (place === "complete") {
      session.note(`${values.out} is complete: there is nothing to resume`);
      return;
    }
    const { budget }: { readonly budget?: unknown } = values;
    if (typeof budget === "number") session.limit(budget);
    const run = new Run(session, { task: task.name, flags: values, place });
    session.onEnd = (status) => run.abandon(status);
    try {
      await task.run(values, run);
    } catch (error) {
      // Flags that turned out wrong leave nothing behind.
      if (error instanceof UsageError) await run.discard().catch(() => {});
      // What went wrong first is what is reported, even if the summary cannot be written either.
      await run.abandon(error instanceof Stopped ? "stopped" : "failed").catch(() => {});
      throw error;
    }
  });
}

/** Runs `tool` and returns its exit code. */
export function executeTool<F extends Flags>(tool: Tool<F>, invocation: Invocation): Promise<number> {
  return execute(tool, invocation, (parsed, session) => tool.run(parsed.values, session));
}

async function execute<F extends Flags>(
  task: { readonly name: string; readonly summary: string; readonly flags: F },
  { args, streams, startedAt }: Invocation,
  work: (parsed: ParsedFlags<F>, session: Session) => Promise<void>,
): Promise<number> {
  const session = new Session(streams.output, { startedAt });
  using _signals = session.listen();
  const report = (error: unknown): number => {
    session.progress.clear();
    if (error instanceof Stopped) return error.code;
    const usage = error instanceof UsageError;
    const hint = usage ? ` (deno task ${task.name} --help lists the flags)` : "";
    streams.error(`${task.name}: ${oneLine(error)}${hint}\n`);
    if (args.includes("--debug") && error instanceof Error) streams.error(`${error.stack}\n`);
    return usage ? 2 : 1;
  };
  // An error in a callback of a worker or a device reaches no awaiting code.
  const onRejection = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    const code = report(event.reason);
    session.onEnd("failed").finally(() => Deno.exit(code));
  };
  globalThis.addEventListener("unhandledrejection", onRejection);
  try {
    const parsed = parseFlags(task.flags, args);
    if (parsed.help) streams.output.write(helpText(task));
    else await work(parsed, session);
    return 0;
  } catch (error) {
    return report(error);
  } finally {
    globalThis.removeEventListener("unhandledrejection", onRejection);
  }
}

/** Where the run shall go, and its flags: those of the run that is resumed, if any. Nothing is written yet. */
async function choosePlace<F extends Flags>(
  task: Task<F>,
  { values, given }: ParsedFlags<F>,
): Promise<{ readonly values: FlagValues<F>; readonly place: Place | "complete" }> {
  // A task may leave flags out; one without --out, say, only has a default place.
  const wanted: Readonly<Record<string, unknown>> = values;
  const out = typeof wanted.out === "string" ? wanted.out : undefined;
  const { resume, force } = wanted;
  if (resume && force) throw new UsageError("--resume and --force exclude each other: give one of them");
  if (out === undefined) {
    const stored = resume ? await newestMatch(task.name, { wanted, given }) : undefined;
    return stored === undefined
      ? { values, place: { mode: "fresh" } }
      : resumed(task.flags, { stored, folder: stored.folder }, values, given);
  }
  const pending = await pendingRun(out), kind = await folderKind(out);
  if (kind === "absent") return { values, place: { mode: "fresh", folder: out } };
  if (!resume && !force) {
    throw new UsageError(
      `--out ${out} exists: add --force to replace that run, or --resume to go on with it`,
    );
  }
  if (kind === "empty") return { values, place: { mode: "fresh", folder: out } };
  const stored = await findRun(out);
  if (stored === undefined) {
    throw new UsageError(`--out ${out} is no run folder and stays as it is: choose another`);
  }
  if (force) {
    await checkReplaceable(task.flags, values, out);
    return { values, place: { mode: "replace", folder: out } };
  }
  const begun = pending ?? stored;
  if (begun.config.task !== task.name) {
    throw new UsageError(`--out ${out} holds a run of ${begun.config.task}: choose another`);
  }
  return resumed(task.flags, { stored: begun, folder: out }, values, given);
}

/** Refuses to replace a folder that something is still needed of: what a flag names in it, or the place one is in. */
async function checkReplaceable(
  flags: Flags,
  values: Readonly<Record<string, unknown>>,
  out: string,
): Promise<void> {
  const real = await Deno.realPath(out);
  const inside = (path: string): boolean => path === real || path.startsWith(real + SEPARATOR);
  if (inside(Deno.cwd())) {
    throw new UsageError(
      `--out ${out} is where this command runs: change to another folder, or choose another`,
    );
  }
  for (const [name, flag] of Object.entries(flags)) {
    const value = values[name];
    if (name === "out" || typeof value !== "string" || !PATHS.has(flag.placeholder)) continue;
    const path = await Deno.realPath(value).catch(() => resolve(value));
    if (inside(path)) {
      throw new UsageError(
        `--${
          flagName(name)
        } ${value} lies inside --out ${out}, which --force replaces: choose another of them`,
      );
    }
  }
}

/** The flags of a run that is gone on with, but for those that were given and may differ. */
function resumed<F extends Flags>(
  flags: F,
  { stored, folder }: { readonly stored: StoredRun; readonly folder: string },
  values: FlagValues<F>,
  given: ReadonlySet<string>,
): { readonly values: FlagValues<F>; readonly place: Place | "complete" } {
  const wanted: Readonly<Record<string, unknown>> = values;
  const before: Readonly<Record<string, unknown>> = readStoredFlags(flags, stored.config.flags, {
    path: join(stored.folder, "config.json"),
  });
  const merged: Record<string, unknown> = {};
  for (const name of Object.keys(flags)) {
    const kept = before[name];
    if (given.has(name) && !CHANGEABLE.has(name) && wanted[name] !== kept) {
      throw new UsageError(
        `--${flagName(name)} cannot change on --resume: ${folder} was made with ${kept}, given is ${
          wanted[name]
        }`,
      );
    }
    merged[name] = given.has(name) ? wanted[name] : kept;
  }
  // Each command has its own budget; the number of steps that the first one chose stays.
  merged.budget = given.has("budget") ? wanted.budget : undefined;
  merged.out = folder;
  merged.resume = true;
  merged.force = false;
  merged.debug = wanted.debug;
  // The names are those of `flags`, and every value is of its flag: parsed now or by the run that wrote it.
  const resolved = merged as FlagValues<F>;
  const { summary } = stored;
  if (summary?.status === "completed" && summary.ended !== "budget") {
    const { steps } = wanted;
    const more = given.has("steps") && typeof steps === "number" && steps > summary.steps;
    if (!more) return { values: resolved, place: "complete" };
  }
  return { values: resolved, place: { mode: "resume", folder, stored } };
}

/** The newest run of `task` in `runs/` that was made with the flags given. */
async function newestMatch(
  task: string,
  { wanted, given }: {
    readonly wanted: Readonly<Record<string, unknown>>;
    readonly given: ReadonlySet<string>;
  },
): Promise<StoredRun | undefined> {
  const fixed = [...given].filter((name) => !CHANGEABLE.has(name));
  const runs = await listRuns(RUNS);
  // A run inside another one is resumed through that one.
  return runs.find(({ config, folder }) =>
    dirname(folder) === RUNS && config.task === task &&
    fixed.every((name) => config.flags[name] === wanted[name])
  );
}

function standardStreams(): Streams {
  return {
    output: standardOutput(),
    error: (text) => {
      Deno.stderr.writeSync(new TextEncoder().encode(text));
    },
  };
}

/** An error's message as one line. */
function oneLine(error: unknown): string {
  return (error instanceof Error ? error.message || error.name : String(error)).replace(/\s*\n\s*/g, " ");
}
