/**
 * Lists of runs, for comparisons, sweeps and assignments: each line is a task with its flags and its folder, run as a
 * process of its own. What is finished is kept, so that a list that was stopped goes on where it was.
 */
import { isRecord, writeAtomically } from "../base/files.ts";
import { RunList } from "./run_list.ts";
import type { Session } from "./session.ts";
import type { StoredRun } from "./stored_run.ts";

/** One run of a list. */
export interface ManifestLine {
  /** As in deno.json's tasks. */
  readonly task: string;
  /**
   * By their names in code; absent and false ones are not passed on. A flag that names the folder of another line, as
   * `autoencoder` may, makes this line wait for that one: what several runs need is made once.
   */
  readonly flags: Readonly<Record<string, string | number | boolean | null | undefined>>;
  /** Where it goes, within the folder of the list; no two lines share one. */
  readonly folder: string;
}

/** Where and how a list is run. */
export interface ManifestOptions {
  /** Holds the folders of all lines. */
  readonly folder: string;
  readonly session: Session;
  /** How many runs at once; absent: 1, as one run uses all processors. */
  readonly parallel?: number;
}

/** Writes a list as JSON lines. */
export async function writeManifest(path: string, lines: readonly ManifestLine[]): Promise<void> {
  await writeAtomically(path, lines.map((line) => JSON.stringify(line) + "\n").join(""));
}

/**
 * Reads a list that `writeManifest` or a person wrote.
 *
 * @throws {SyntaxError} naming the file and the line that is none.
 */
export async function readManifest(path: string): Promise<ManifestLine[]> {
  const lines = (await Deno.readTextFile(path)).split("\n");
  return lines.flatMap((text, index) => {
    if (text.trim() === "") return [];
    const line = parseLine(text);
    if (line === undefined) {
      throw new SyntaxError(
        `Cannot use ${path} as its line ${
          index + 1
        } must be {"task", "flags", "folder"}: current value is ${text}`,
      );
    }
    return [line];
  });
}

function parseLine(text: string): ManifestLine | undefined {
  try {
    const line: unknown = JSON.parse(text);
    if (!isRecord(line) || typeof line.task !== "string" || typeof line.folder !== "string") return undefined;
    const { task, folder, flags } = line;
    return isFlags(flags) ? { task, flags, folder } : undefined;
  } catch {
    return undefined;
  }
}

function isFlags(value: unknown): value is ManifestLine["flags"] {
  return isRecord(value) &&
    Object.values(value).every((flag) =>
      flag === null || ["string", "number", "boolean"].includes(typeof flag)
    );
}

/**
 * Runs the lines that are not finished yet, and returns the runs of all lines in their order. A line that fails does
 * not keep the others from being run, but for those that need it. `--budget` is shared out among the lines to come.
 *
 * @throws {Error} naming the first run that failed, when all that can be done is done.
 * @throws {UsageError} where a line names no task, shares its folder, or finds a run of other flags there.
 */
export async function runManifest(
  lines: readonly ManifestLine[],
  options: ManifestOptions,
): Promise<readonly StoredRun[]> {
  const { session, parallel = 1 } = options;
  return await session.guard(async () => {
    const list = new RunList(lines, options);
    await list.findFinished();
    session.progress.begin("runs", list.done, 0);
    await Promise.all(Array.from({ length: parallel }, () => list.work()));
    if (session.stopping) session.stop();
    session.progress.end(list.position());
    return await list.results();
  });
}
