/** What a person sees of a running task: one live line on a terminal, plain lines every few seconds elsewhere. */

/** Where lines go. The tests give their own. */
export interface Output {
  /** Shows `text` as it is. */
  write(text: string): void;
  /** Whether a line can be overwritten. */
  readonly terminal: boolean;
  /** Width of the terminal in characters. */
  readonly columns: () => number;
  /** Milliseconds since some moment. */
  readonly now: () => number;
}

/** How far a phase is. */
export interface Position {
  /** What is done. */
  readonly phase: string;
  /** What a step is called; absent: "step". */
  readonly unit?: string;
  /** Steps done. */
  readonly step: number;
  /** The limits; whichever is reached first ends the phase. */
  readonly steps?: number;
  /** In seconds. */
  readonly budget?: number;
  /** Seconds spent on the phase, earlier sittings included. */
  readonly seconds: number;
  /** Loss, metrics: in the order in which they are shown. */
  readonly values: Readonly<Record<string, number>>;
  /** What is being done, in words. */
  readonly detail?: string;
}

const LIVE_INTERVAL = 100;
const PLAIN_INTERVAL = 5000;

/** The progress of one task. */
export class Progress {
  readonly #output: Output;
  #live = false;
  #shownAt = -Infinity;
  #phase = "";
  /** Where this sitting began in the phase: the rate is that of this sitting. */
  #start = { step: 0, seconds: 0 };
  /** Whether the first step of this sitting is made. */
  #warm = false;

  /** Shows nothing yet. */
  constructor(output: Output) {
    this.#output = output;
  }

  /**
   * Starts a phase: its first position is shown at once (where `quiet`, after the usual interval), and the rate is
   * counted from the one after that, as the first step compiles.
   */
  begin(phase: string, step: number, seconds: number, options: { readonly quiet?: boolean } = {}): void {
    this.#phase = phase;
    this.#start = { step, seconds };
    this.#warm = false;
    this.#shownAt = options.quiet ? this.#output.now() : -Infinity;
  }

  /** Shows `position`, unless the last one is too fresh. */
  update(position: Position): void {
    if (position.phase !== this.#phase) this.begin(position.phase, 0, 0);
    if (!this.#warm && position.step > this.#start.step) {
      this.#warm = true;
      this.#start = { step: position.step, seconds: position.seconds };
    }
    const now = this.#output.now();
    const interval = this.#output.terminal ? LIVE_INTERVAL : PLAIN_INTERVAL;
    if (now - this.#shownAt < interval) return;
    this.#shownAt = now;
    this.#show(position);
  }

  /** Shows the last position of a phase, whenever the one before was shown, and leaves it standing. */
  end(position: Position): void {
    this.#show(position);
    if (this.#live) this.#output.write("\n");
    this.#live = false;
  }

  /** Prints a line of its own. */
  note(line: string): void {
    this.clear();
    this.#output.write(line + "\n");
  }

  /** Takes the live line away, so that something else can be printed. */
  clear(): void {
    if (this.#live) this.#output.write("\r\x1b[2K");
    this.#live = false;
  }

  #show(position: Position): void {
    const line = this.#line(position);
    if (this.#output.terminal) {
      // A line that wraps could not be overwritten.
      this.#output.write(`\r\x1b[2K${line.slice(0, Math.max(this.#output.columns() - 1, 20))}`);
      this.#live = true;
    } else {
      this.#output.write(line + "\n");
    }
  }

  #line({ phase, unit = "step", step, steps, budget, seconds, values, detail }: Position): string {
    const parts = [`${phase}  ${unit} ${count(step)}${steps === undefined ? "" : `/${count(steps)}`}`];
    for (const [name, value] of Object.entries(values)) parts.push(`${name} ${figure(value)}`);
    const rate = (step - this.#start.step) / (seconds - this.#start.seconds);
    if (Number.isFinite(rate) && rate > 0) {
      parts.push(`${rate < 10 ? figure(rate) : count(Math.round(rate))} ${plural(unit)}/s`);
      const bySteps = steps === undefined ? Infinity : (steps - step) / rate;
      const left = Math.min(bySteps, budget === undefined ? Infinity : budget - seconds);
      if (Number.isFinite(left) && left > 0) parts.push(`${duration(left)} left`);
    }
    if (detail !== undefined) parts.push(detail);
    return parts.join("  ");
  }
}

/** Standard output; a reader that has gone away (`| head`) does not end the task. */
export function standardOutput(): Output {
  const encoder = new TextEncoder();
  return {
    write(text) {
      const bytes = encoder.encode(text);
      try {
        for (let written = 0; written < bytes.length;) {
          written += Deno.stdout.writeSync(bytes.subarray(written));
        }
      } catch (error) {
        if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
      }
    },
    terminal: Deno.stdout.isTerminal(),
    // Some terminals do not know their width and say 0.
    columns: () => Deno.consoleSize().columns || 80,
    now: () => performance.now(),
  };
}

/** 12345 as "12,345". */
function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** A number with four digits that matter, and more where it would look whole: 0.99997 is not 1. */
function figure(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e9) return count(value);
  const size = Math.abs(value);
  if (size < 1e-3 || size >= 1e6) return value.toExponential(2);
  for (let digits = 4; digits < 8; digits++) {
    const shown = Number(value.toPrecision(digits));
    if (!Number.isInteger(shown) || size >= 1000) return String(shown);
  }
  return value.toPrecision(8);
}

function plural(unit: string): string {
  return unit.endsWith("ch") ? `${unit}es` : `${unit}s`;
}

/** Seconds as "42 s", "3 min 20 s" or "2 h 5 min". */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor(whole % 3600 / 60)} min`;
}
