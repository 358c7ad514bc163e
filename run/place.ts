/** Where a run shall go, as `--out`, `--force` and `--resume` say, and with which flags. */
import { dirname, join, resolve, sep as SEPARATOR } from "node:path";
import { flagName, type Flags, type FlagValues, type ParsedFlags, UsageError } from "./flags.ts";
import { pendingRun, type Place } from "./run_folder.ts";
import { readStoredFlags } from "./stored_flags.ts";
import { CHANGEABLE, findRun, folderKind, listRuns, RUNS, type StoredRun } from "./stored_run.ts";

/** What flags that name files and folders are called in `--help`. */
const PATHS: ReadonlySet<string> = new Set(["FILE", "DIR", "RUN"]);

/** Where the run shall go, and its flags: those of the run that is resumed, if any. Nothing is written yet. */
export async function choosePlace<F extends Flags>(
  task: { readonly name: string; readonly flags: F },
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
