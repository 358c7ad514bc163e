/** Running a list of runs, each as a process of its own. */
import { join, resolve, sep } from "node:path";
import settings from "../deno.json" with { type: "json" };
import { flagName, UsageError } from "./flags.ts";
import type { ManifestLine, ManifestOptions } from "./manifest.ts";
import type { Position } from "./progress.ts";
import { findRun, type StoredRun } from "./stored_run.ts";

/** Flags that a finished run may differ in from its line. */
const CHANGEABLE: ReadonlySet<string> = new Set(["device", "threads", "steps", "budget", "debug"]);

/** The state of a list that is being run. */
export class RunList {
  readonly #lines: readonly ManifestLine[];
  readonly #options: ManifestOptions;
  readonly #state: ("waiting" | "running" | "done" | "failed")[];
  readonly #needs: readonly (readonly number[])[];
  readonly #failures: string[] = [];
  readonly #startedAt = performance.now();
  /** Called when a line has ended: a worker without work looks again. */
  #waiting: (() => void)[] = [];
  #detail = "";

  constructor(lines: readonly ManifestLine[], options: ManifestOptions) {
    this.#lines = lines;
    this.#options = options;
    this.#state = lines.map(() => "waiting");
    const places = lines.map(({ folder }) => resolve(options.folder, folder));
    places.forEach((place, index) => {
      if (places.indexOf(place) !== index) {
        throw new UsageError(`Cannot run a list in which two lines have the folder ${lines[index].folder}`);
      }
    });
    this.#needs = lines.map(({ flags }, index) =>
      Object.values(flags).flatMap((value) => {
        const at = typeof value === "string" ? places.indexOf(resolve(value)) : -1;
        return at < 0 || at === index ? [] : [at];
      })
    );
    for (const { task } of lines) commandOf(task);
  }

  #path(index: number): string {
    return join(this.#options.folder, this.#lines[index].folder);
  }

  /** How many runs are finished. */
  get done(): number {
    return this.#state.filter((state) => state === "done").length;
  }

  /** How far the list is. */
  position(): Position {
    return {
      phase: "runs",
      unit: "run",
      step: this.done,
      steps: this.#lines.length,
      seconds: (performance.now() - this.#startedAt) / 1000,
      values: {},
      detail: this.#detail,
    };
  }

  /** Marks what an earlier sitting finished. */
  async findFinished(): Promise<void> {
    for (const [index, { task, flags }] of this.#lines.entries()) {
      const stored = await findRun(this.#path(index));
      if (stored === undefined) continue;
      const { config, summary } = stored;
      const inside = resolve(this.#options.folder) + sep;
      const other = Object.entries(flags).find(([name, value]) =>
        !CHANGEABLE.has(name) && (config.flags[name] ?? false) !== (value ?? false) &&
        // What lies beside it moves with it.
        !(typeof value === "string" && resolve(value).startsWith(inside))
      );
      if (config.task !== task || other !== undefined) {
        const what = other === undefined ? config.task : `--${flagName(other[0])} ${config.flags[other[0]]}`;
        throw new UsageError(
          `Cannot go on in ${this.#path(index)} as it holds a run of ${what}: choose another --out`,
        );
      }
      const more = typeof flags.steps === "number" && flags.steps > (summary?.steps ?? 0);
      if (summary?.status === "completed" && !more) this.#state[index] = "done";
    }
  }

  /** Runs one line after the other, as long as there is one that can be run. */
  async work(): Promise<void> {
    const { session } = this.#options;
    while (!session.stopping && this.#state.includes("waiting")) {
      const index = this.#next();
      if (index === undefined) {
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
        continue;
      }
      if (this.#needs[index].some((need) => this.#state[need] === "failed")) {
        this.#state[index] = "failed";
      } else {
        this.#state[index] = "running";
        const failure = await this.#run(index);
        this.#state[index] = failure === undefined ? "done" : "failed";
        if (failure !== undefined) this.#failures.push(failure);
        session.progress.update(this.position());
      }
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const resolve of waiting) resolve();
    }
  }

  /** The first line that waits for nothing but to be run. Lines that need each other are run in their order. */
  #next(): number | undefined {
    const ready = this.#state.findIndex((state, index) =>
      state === "waiting" &&
      this.#needs[index].every((need) => this.#state[need] === "done" || this.#state[need] === "failed")
    );
    if (ready >= 0) return ready;
    return this.#state.includes("running") ? undefined : this.#state.indexOf("waiting");
  }

  /** Runs a line to its end; what went wrong, if anything. */
  async #run(index: number): Promise<string | undefined> {
    const { session, parallel = 1 } = this.#options;
    const { task, flags, folder } = this.#lines[index];
    const left = this.#state.filter((state) => state === "waiting" || state === "running").length;
    const budget = session.limited && flags.budget === undefined
      ? Math.max(1, session.secondsLeft * Math.min(parallel, left) / left)
      : undefined;
    const begun = performance.now();
    const process = new Deno.Command(Deno.execPath(), {
      args: [
        ...commandOf(task),
        ...flagWords({ ...flags, ...(budget === undefined ? {} : { budget }) }),
        "--out",
        this.#path(index),
        "--resume",
      ],
      stdout: "piped",
      stderr: "piped",
      // Ctrl-C reaches a terminal's whole group: each run shall get the signal once, from here.
      detached: true,
    }).spawn();
    using _forwarded = session.onSignal((signal) => {
      try {
        process.kill(signal);
      } catch {
        // It has ended.
      }
    });
    let said = "";
    const watch = async (
      stream: ReadableStream<Uint8Array<ArrayBuffer>>,
      take: (line: string) => void,
    ): Promise<void> => {
      let rest = "";
      for await (const text of stream.pipeThrough(new TextDecoderStream())) {
        const parts = (rest + text).split("\n");
        rest = parts.pop() ?? "";
        for (const line of parts) if (line.trim() !== "") take(line);
      }
    };
    await Promise.all([
      watch(process.stdout, (line) => {
        this.#detail = `${folder}: ${line.trim()}`;
        session.progress.update(this.position());
      }),
      watch(process.stderr, (line) => {
        if (line.startsWith(`${task}: `) || said === "") said = line;
      }),
    ]);
    const { code } = await process.status;
    if (session.stopping) return "stopped";
    if (code === 0) {
      session.note(`${folder}: done in ${Math.ceil((performance.now() - begun) / 1000)} s`);
      return undefined;
    }
    session.note(`${folder}: failed: ${said}`);
    return `${this.#path(index)} (${said || `exit code ${code}`})`;
  }

  /** The runs of all lines, or an error that names what failed. */
  async results(): Promise<readonly StoredRun[]> {
    const failed = this.#state.filter((state) => state === "failed").length;
    if (failed > 0) {
      throw new Error(
        `Cannot finish ${failed} of ${this.#lines.length} runs, first ${
          this.#failures[0]
        }: mend it and go on with --resume`,
      );
    }
    return await Promise.all(this.#lines.map(async (_, index) => {
      const stored = await findRun(this.#path(index));
      if (stored?.summary?.status !== "completed") {
        throw new Error(`Cannot use ${this.#path(index)} as its run is not complete: go on with --resume`);
      }
      return stored;
    }));
  }
}

/** How Deno is called for a task: as deno.json says, from wherever this is run. */
function commandOf(task: string): string[] {
  const tasks: Readonly<Record<string, string>> = settings.tasks;
  const found = /^deno run (.* )?(\S+\.ts)$/.exec(tasks[task] ?? "");
  if (found === null) throw new UsageError(`Cannot run ${task} as it is no task of a program in deno.json`);
  const [, permissions = "", program] = found;
  const words = permissions.replaceAll(/\$\(deno eval '.*?'\)/g, Deno.execPath()).trim().split(/\s+/);
  const path = (name: string): string => join(import.meta.dirname!, "..", name);
  return ["run", "--quiet", "--config", path("deno.json"), ...words, path(program)];
}

/** Flags as on a command line. */
function flagWords(flags: ManifestLine["flags"]): string[] {
  return Object.entries(flags).flatMap(([name, value]) =>
    value === undefined || value === null || value === false
      ? []
      : value === true
      ? [`--${flagName(name)}`]
      : [`--${flagName(name)}=${value}`]
  );
}
