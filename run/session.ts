/** One sitting of a task: its output, and what SIGINT and SIGTERM do to it. */
import { type Output, Progress } from "./progress.ts";

/** The signals that stop a task in good order. */
export type StopSignal = "SIGINT" | "SIGTERM";

const EXIT_CODES: Readonly<Record<StopSignal, number>> = { SIGINT: 130, SIGTERM: 143 };
/** Signal handlers and timers fire between macrotasks only. */
const PAUSE_INTERVAL = 50;
/** A timer of more milliseconds than 32 bits hold would fire at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** Thrown through a task that a signal stops. */
export class Stopped extends Error {
  override readonly name = "Stopped";
  readonly code: number;

  constructor(signal: StopSignal) {
    super(`Stopped by ${signal}`);
    this.code = EXIT_CODES[signal];
  }
}

/** Thrown through a task whose runs are made elsewhere: the command ends well, and another goes on when they are done. */
export class Deferred extends Error {
  override readonly name = "Deferred";
  /** Whether the task's own folder is to stay as it was. */
  readonly nothingBegun: boolean;

  /** @param message What is said to the user. */
  constructor(message: string, options: { readonly nothingBegun?: boolean } = {}) {
    super(message);
    this.nothingBegun = options.nothingBegun ?? false;
  }
}

/** A sitting of a task, from the command line to the exit code. */
export class Session {
  /** What a person sees of it. */
  readonly progress: Progress;
  /** Where its words go. */
  readonly output: Output;
  /** Called before the process ends in the middle of the task. */
  onEnd: (status: "stopped" | "failed") => Promise<void> = () => Promise.resolve();
  #signal: StopSignal | undefined;
  #guards = 0;
  #interruptible = false;
  readonly #listeners = new Set<(signal: StopSignal) => void>();
  /** What is done outside of training. */
  #followed:
    | { readonly phase: string; readonly batches?: number; done: number; readonly since: number }
    | undefined;
  #pausedAt = performance.now();
  readonly #startedAt: number;
  #budget = Infinity;
  /** Seconds that the task still needs when training is over, as far as it knows: left out of what training may take. */
  reserve = 0;

  /** Begins a sitting; `startedAt` is when its command began, as `performance.now()` tells it (absent: now). */
  constructor(output: Output, options: { readonly startedAt?: number } = {}) {
    this.output = output;
    this.progress = new Progress(output);
    this.#startedAt = options.startedAt ?? performance.now();
  }

  /** Bounds the sitting from its start on: --budget, in seconds. */
  limit(budget: number): void {
    this.#budget = budget;
  }

  /** Stops the sitting at a moment, in seconds since 1970, as SIGTERM would: --until. */
  stopAt(time: number): void {
    const left = 1000 * time - Date.now();
    const timer = setTimeout(() => {
      if (left > LONGEST_TIMER) this.stopAt(time);
      else if (!this.stopping) this.#receive("SIGTERM");
    }, Math.max(0, Math.min(left, LONGEST_TIMER)));
    // Work that ends before shall end.
    Deno.unrefTimer(timer);
  }

  /** Whether the sitting is bounded. */
  get limited(): boolean {
    return this.#budget !== Infinity;
  }

  /** Seconds until the sitting has taken what it may, at least 0; Infinity without a limit. */
  get secondsLeft(): number {
    return Math.max(0, this.#budget - (performance.now() - this.#startedAt) / 1000);
  }

  /** Prints a line. */
  note(line: string): void {
    this.progress.note(line);
  }

  /** Whether a signal asked the task to stop. */
  get stopping(): boolean {
    return this.#signal !== undefined;
  }

  /**
   * Lets signals and timers in, if the last time was 50 ms ago or more; costs nothing otherwise. To be awaited
   * inside every long loop.
   */
  async pause(): Promise<void> {
    if (performance.now() - this.#pausedAt < PAUSE_INTERVAL) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#pausedAt = performance.now();
  }

  /**
   * Says what is done from now on outside of training: `phase`, in so many `batches` where that is known. A batch is over
   * where `between` is awaited, which a task's device does after each of its runs.
   */
  follow(phase: string, batches?: number): void {
    this.#followed = { phase, batches, done: 0, since: performance.now() };
    this.progress.begin(phase, 0, 0, { quiet: true });
  }

  /**
   * To be awaited between two batches: lets signals in, ends interruptible work after one, and shows how far the work
   * is that `follow` named.
   *
   * @throws {Stopped} inside `interruptible`, after a signal.
   */
  async between(): Promise<void> {
    const followed = this.#followed;
    if (followed !== undefined) {
      const { phase, batches: steps, since } = followed, step = ++followed.done;
      const seconds = (performance.now() - since) / 1000;
      this.progress.update({ phase, step, steps, unit: "batch", seconds, values: {} });
    }
    await this.pause();
    if (this.#interruptible) this.#throwIfStopping();
  }

  /** Runs a part of guarded work that a signal may end at its next `between`. */
  async interruptible<T>(work: () => Promise<T>): Promise<T> {
    this.#interruptible = true;
    try {
      return await work();
    } finally {
      this.#interruptible = false;
    }
  }

  /** Runs `work`, which a first signal does not interrupt: it looks at `stopping` itself. */
  async guard<T>(work: () => Promise<T>): Promise<T> {
    this.#throwIfStopping();
    this.#followed = undefined;
    this.#guards++;
    try {
      return await work();
    } finally {
      this.#guards--;
    }
  }

  /** Ends the task, if a signal asked for it. */
  #throwIfStopping(): void {
    if (this.#signal !== undefined) throw new Stopped(this.#signal);
  }

  /** Ends guarded work that has put itself in order because of a signal. */
  stop(): never {
    throw new Stopped(this.#signal ?? "SIGTERM");
  }

  /** Takes the process's signals until the result is disposed. */
  listen(): Disposable {
    const signals: readonly StopSignal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
    const handlers = signals.map((signal) => {
      const handler = () => this.#receive(signal);
      Deno.addSignalListener(signal, handler);
      return { signal, handler };
    });
    return {
      [Symbol.dispose]() {
        for (const { signal, handler } of handlers) Deno.removeSignalListener(signal, handler);
      },
    };
  }

  /** Calls `listener` at every signal until the result is disposed: for work in other processes. */
  onSignal(listener: (signal: StopSignal) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  #receive(signal: StopSignal): void {
    for (const listener of this.#listeners) listener(signal);
    // The second signal does not wait for anything.
    if (this.#signal !== undefined) Deno.exit(EXIT_CODES[signal]);
    this.#signal = signal;
    if (this.#guards > 0) return;
    this.progress.clear();
    this.onEnd("stopped").finally(() => Deno.exit(EXIT_CODES[signal]));
  }
}
