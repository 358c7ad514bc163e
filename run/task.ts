/** A task: a program with typed flags, `--help`, clear errors, exit codes, and mostly a run folder. */
import { TooLarge } from "../base/too_large.ts";
import settings from "../deno.json" with { type: "json" };
import { type Flags, type FlagValues, type ParsedFlags, parseFlags, UsageError } from "./flags.ts";
import { helpText } from "./help.ts";
import { choosePlace } from "./place.ts";
import { type Output, standardOutput } from "./progress.ts";
import { findRun, Run } from "./run.ts";
import { Deferred, Session, Stopped } from "./session.ts";

export {
  argument,
  boolean,
  choice,
  commonFlags,
  type Flag,
  type Flags,
  type FlagValues,
  integer,
  list,
  number,
  text,
  UsageError,
  wholeNumbers,
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
  /** What it returns is what `--json` prints. */
  readonly run: (flags: FlagValues<F>, session: Session) => Promise<object | void>;
}

/** Where a task's words go. */
export interface Streams {
  readonly output: Output;
  readonly error: (text: string) => void;
}

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
      const { out }: { readonly out?: unknown } = values;
      return { folder: out, ...(await findRun(String(out)))?.summary };
    }
    const { budget, until }: { readonly budget?: unknown; readonly until?: unknown } = values;
    if (typeof budget === "number") session.limit(budget);
    if (typeof until === "number") session.stopAt(until);
    const run = new Run(session, { task: task.name, flags: values, place });
    session.onEnd = (status) => run.abandon(status);
    try {
      await task.run(values, run);
    } catch (error) {
      if (error instanceof Deferred) {
        if (error.nothingBegun) await run.discard();
        throw error;
      }
      // Flags that turned out wrong leave nothing behind.
      if (error instanceof UsageError || error instanceof TooLarge) await run.discard().catch(() => {});
      // What went wrong first is what is reported, even if the summary cannot be written either.
      await run.abandon(error instanceof Stopped ? "stopped" : "failed").catch(() => {});
      throw error;
    }
    return { folder: run.folder, ...run.summary };
  });
}

/** Runs `tool` and returns its exit code. */
export function executeTool<F extends Flags>(tool: Tool<F>, invocation: Invocation): Promise<number> {
  return execute(tool, invocation, (parsed, session) => tool.run(parsed.values, session));
}

async function execute<F extends Flags>(
  task: { readonly name: string; readonly summary: string; readonly flags: F },
  { args, streams, startedAt }: Invocation,
  work: (parsed: ParsedFlags<F>, session: Session) => Promise<object | void>,
): Promise<number> {
  const { output } = streams, json = args.includes("--json");
  const spoken = args.includes("--quiet")
    ? { ...output, terminal: false, write: () => {} }
    : json
    ? { ...output, terminal: false, write: streams.error }
    : output;
  const session = new Session(spoken, { startedAt });
  using _signals = session.listen();
  const report = (error: unknown): number => {
    session.progress.clear();
    if (error instanceof Stopped) return error.code;
    if (error instanceof Deferred) {
      session.note(error.message);
      return 0;
    }
    const usage = error instanceof UsageError;
    const hint = usage ? ` (deno task ${task.name} --help lists the flags)` : "";
    streams.error(`${task.name}: ${oneLine(inWords(error, task.flags))}${hint}\n`);
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
    if (parsed.asked === "help") output.write(helpText(task));
    else if (parsed.asked === "version") {
      output.write(`engram ${settings.version}, Deno ${Deno.version.deno}\n`);
    } else {
      const result = await work(parsed, session);
      if (json && result !== undefined) output.write(JSON.stringify(result) + "\n");
    }
    return 0;
  } catch (error) {
    return report(error);
  } finally {
    globalThis.removeEventListener("unhandledrejection", onRejection);
  }
}

function standardStreams(): Streams {
  return {
    output: standardOutput(),
    error: (text) => {
      Deno.stderr.writeSync(new TextEncoder().encode(text));
    },
  };
}

/** Flags that make a network smaller, and those that make the rest of what a task holds. */
const NETWORK = ["size", "hidden"], HELD = [...NETWORK, "batch", "count", "samples"];
/** What JavaScript says where memory does not hold what is asked for. */
const EXHAUSTED =
  /^(Array buffer allocation failed|Invalid (typed )?array length|Invalid string length|.*maximum size exceeded)/;

/** An error, with the flags that help where something is too large. */
function inWords(error: unknown, flags: Flags): unknown {
  if (!(error instanceof RangeError)) return error;
  const exhausted = EXHAUSTED.test(error.message);
  if (!exhausted && !(error instanceof TooLarge)) return error;
  const names = (exhausted ? HELD : NETWORK).filter((name) => Object.hasOwn(flags, name));
  const what = exhausted ? `Cannot hold in memory what was asked for (${error.message})` : error.message;
  return new RangeError(
    names.length === 0 ? what : `${what}: lower ${names.map((name) => `--${name}`).join(" or ")}`,
  );
}

/** An error's message as one line. */
function oneLine(error: unknown): string {
  return (error instanceof Error ? error.message || error.name : String(error)).replace(/\s*\n\s*/g, " ");
}
