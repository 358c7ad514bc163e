/** A list of runs on the disk: where each goes, what it needs, what starts it, and what of it is done. */
import { join, resolve, sep } from "node:path";
import { flagWords, taskWords } from "./command.ts";
import { flagName, SITTING_FLAGS, UsageError } from "./flags.ts";
import type { ManifestLine } from "./manifest_file.ts";
import { findRun, type StoredRun } from "./stored_run.ts";

/** Flags that a finished run may differ in from its line. */
const CHANGEABLE: ReadonlySet<string> = new Set([
  "device",
  "threads",
  "steps",
  "budget",
  "debug",
  ...SITTING_FLAGS,
]);

/** What runs say goes here: a folder within that of the list. */
export const LOGS = "logs";
/** What was handed to Slurm is kept here, likewise. */
export const SUBMITTED = "slurm";

/** A list of runs and the folder that holds theirs. */
export class RunList {
  readonly lines: readonly ManifestLine[];
  readonly folder: string;
  readonly #needs: readonly (readonly number[])[];
  readonly #done = new Set<number>();
  /** By line, what went wrong. */
  readonly #failures = new Map<number, string>();

  /** @throws {UsageError} where a line names no task, shares its folder, or goes outside of `folder`. */
  constructor(lines: readonly ManifestLine[], folder: string) {
    this.lines = lines;
    this.folder = folder;
    const root = resolve(folder) + sep, places = new Map<string, number>();
    for (const [index, { folder: name }] of lines.entries()) {
      const place = resolve(folder, name);
      if (places.has(place)) {
        throw new UsageError(`Cannot run a list in which two lines have the folder ${name}`);
      }
      if (!place.startsWith(root) || [LOGS, SUBMITTED].some((own) => place === root + own)) {
        throw new UsageError(
          `Cannot run a list whose line has the folder ${name} as it must lie within that of the list, and not be ` +
            `${LOGS} or ${SUBMITTED}`,
        );
      }
      places.set(place, index);
    }
    this.#needs = lines.map(({ flags }, index) =>
      Object.values(flags).flatMap((value) => {
        const at = typeof value === "string" ? places.get(resolve(value)) : undefined;
        return at === undefined || at === index ? [] : [at];
      })
    );
    for (const { task } of lines) taskWords(task);
  }

  /** The folder of a line's run. */
  place(index: number): string {
    return join(this.folder, this.lines[index].folder);
  }

  /** The lines whose folders this line names in its flags: these come first. */
  needs(index: number): readonly number[] {
    return this.#needs[index];
  }

  /** What Deno is called with for a line: a run that is begun goes on, one that is complete says so. */
  words(index: number, more: ManifestLine["flags"] = {}): string[] {
    const { task, flags } = this.lines[index];
    return [...taskWords(task), ...flagWords({ ...flags, ...more, out: this.place(index), resume: true })];
  }

  /** How many runs are finished. */
  get done(): number {
    return this.#done.size;
  }

  /** The lines whose runs are not finished. */
  get open(): readonly number[] {
    return [...this.lines.keys()].filter((index) => !this.#done.has(index));
  }

  /** What went wrong with a line, if it was marked as failed. */
  failure(index: number): string | undefined {
    return this.#failures.get(index);
  }

  /** Marks a line as finished. */
  finish(index: number): void {
    this.#done.add(index);
  }

  /** Marks a line as failed, and says why. */
  fail(index: number, reason: string): void {
    this.#failures.set(index, reason);
  }

  /**
   * Marks what is finished already.
   *
   * @throws {UsageError} where a run of other flags stands in the folder of a line.
   */
  async findFinished(): Promise<void> {
    for (const [index, { task, flags }] of this.lines.entries()) {
      const stored = await findRun(this.place(index));
      if (stored === undefined) continue;
      const { config } = stored;
      const inside = resolve(this.folder) + sep;
      const other = Object.entries(flags).find(([name, value]) =>
        !CHANGEABLE.has(name) && (config.flags[name] ?? false) !== (value ?? false) &&
        // What lies beside it moves with it.
        !(typeof value === "string" && resolve(value).startsWith(inside))
      );
      if (config.task !== task || other !== undefined) {
        const what = other === undefined ? config.task : `--${flagName(other[0])} ${config.flags[other[0]]}`;
        throw new UsageError(
          `Cannot go on in ${this.place(index)} as it holds a run of ${what}: choose another --out`,
        );
      }
      if (isFinished(this.lines[index], stored)) this.#done.add(index);
    }
  }

  /**
   * The runs of all lines.
   *
   * @throws {Error} naming the first that is not finished.
   */
  async results(): Promise<readonly StoredRun[]> {
    const { open } = this;
    if (open.length > 0) {
      const first = open.find((index) => this.#failures.has(index)) ?? open[0];
      const reason = this.#failures.get(first) ?? "its run is not complete";
      throw new Error(
        `Cannot finish ${open.length} of ${this.lines.length} runs, first ${
          this.place(first)
        } (${reason}): mend it and go on with --resume`,
      );
    }
    return await Promise.all(this.lines.map(async (_, index) => {
      const stored = await findRun(this.place(index));
      if (stored?.summary?.status !== "completed") {
        throw new Error(`Cannot use ${this.place(index)} as its run is not complete: go on with --resume`);
      }
      return stored;
    }));
  }
}

/** Whether a run is all that its line asks for: it may have made fewer steps than it was given. */
export function isFinished({ flags }: ManifestLine, { config, summary }: StoredRun): boolean {
  const given = typeof config.flags.steps === "number" ? config.flags.steps : summary?.steps ?? 0;
  return summary?.status === "completed" && !(typeof flags.steps === "number" && flags.steps > given);
}
