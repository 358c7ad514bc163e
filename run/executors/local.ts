/** Runs of a list on this machine, each a process of its own. */
import { join } from "node:path";
import type { Position } from "../progress.ts";
import { LOGS, type RunList } from "../run_list.ts";
import type { Session } from "../session.ts";

/** How long a run's last words may be that are shown. */
const SHOWN = 200;

/**
 * Runs what of the list is not finished. A line whose flags say `threads` runs beside others, as many as there are
 * processors; one that does not has all of them for itself. A line that fails keeps no other back; its reason is marked
 * in the list. `--budget` is shared out among the lines to come.
 *
 * @param options.processors How many there are; absent: those of this machine.
 * @throws {Stopped} after a signal, which the runs got as well.
 */
export async function runLocally(
  list: RunList,
  { session, processors = navigator.hardwareConcurrency }: {
    readonly session: Session;
    readonly processors?: number;
  },
): Promise<void> {
  await Deno.mkdir(join(list.folder, LOGS), { recursive: true });
  await session.guard(async () => {
    const work = new LocalWork(list, session, processors);
    session.progress.begin("runs", list.done, 0);
    await work.run();
    if (session.stopping) session.stop();
    session.progress.end(work.position());
  });
}

/** The file in which a line's words are kept when it is run here. */
export function localLog(list: RunList, index: number): string {
  return join(list.folder, LOGS, `${list.lines[index].folder.replaceAll(/[/\\]/g, "-")}.log`);
}

class LocalWork {
  readonly #running = new Map<number, Promise<void>>();
  readonly #startedAt = performance.now();
  #detail = "";

  constructor(readonly list: RunList, readonly session: Session, readonly processors: number) {}

  /** Starts lines in their order as there is room for them, until all have ended. */
  async run(): Promise<void> {
    const waiting = new Set(this.list.open);
    for (;;) {
      const next = this.session.stopping ? undefined : this.#next(waiting);
      if (next !== undefined) {
        waiting.delete(next);
        const end = this.#start(next, waiting.size + 1).then(() => void this.#running.delete(next));
        this.#running.set(next, end);
      } else if (this.#running.size > 0) await Promise.race(this.#running.values());
      else return;
    }
  }

  /** How many processors a line takes. */
  #cost(index: number): number {
    const { threads } = this.list.lines[index].flags;
    return typeof threads === "number" ? Math.min(threads, this.processors) : this.processors;
  }

  /**
   * The first line that waits for nothing but to be run, if there is room for it. Lines that need each other are run in
   * their order.
   */
  #next(waiting: ReadonlySet<number>): number | undefined {
    const held = (index: number): boolean => waiting.has(index) || this.#running.has(index);
    const ready = [...waiting].find((index) => !this.list.needs(index).some(held)) ??
      (this.#running.size > 0 ? undefined : [...waiting][0]);
    if (ready === undefined) return undefined;
    const taken = [...this.#running.keys()].reduce((sum, index) => sum + this.#cost(index), 0);
    return taken + this.#cost(ready) <= this.processors ? ready : undefined;
  }

  /** How far the list is. */
  position(): Position {
    return {
      phase: "runs",
      unit: "run",
      step: this.list.done,
      steps: this.list.lines.length,
      seconds: (performance.now() - this.#startedAt) / 1000,
      values: {},
      detail: this.#detail,
    };
  }

  /** Runs a line to its end. */
  async #start(index: number, left: number): Promise<void> {
    const { list, session } = this;
    const { task, flags, folder } = list.lines[index];
    const beside = Math.floor(this.processors / this.#cost(index));
    const budget = session.limited && flags.budget === undefined
      ? Math.max(1, session.secondsLeft * Math.min(beside, left) / left)
      : undefined;
    const begun = performance.now();
    const process = new Deno.Command(Deno.execPath(), {
      args: list.words(index, budget === undefined ? {} : { budget }),
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
    using log = await Deno.open(localLog(list, index), { append: true, create: true });
    let said = "";
    const watch = async (
      stream: ReadableStream<Uint8Array<ArrayBuffer>>,
      take: (line: string) => void,
    ): Promise<void> => {
      let rest = "";
      for await (const text of stream.pipeThrough(new TextDecoderStream())) {
        const parts = (rest + text).split("\n");
        rest = parts.pop() ?? "";
        for (const line of parts.filter((line) => line.trim() !== "")) {
          log.writeSync(new TextEncoder().encode(line + "\n"));
          take(line);
        }
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
    if (code === 0) list.finish(index);
    else if (!session.stopping) list.fail(index, said.slice(0, SHOWN) || `exit code ${code}`);
    if (session.stopping) return;
    const seconds = Math.ceil((performance.now() - begun) / 1000);
    session.note(code === 0 ? `${folder}: done in ${seconds} s` : `${folder}: failed: ${said}`);
    session.progress.update(this.position());
  }
}
