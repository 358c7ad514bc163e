/** What a benchmark measured, and how it is printed. */

/** A runner's result on a workload: figures, or the reason why there are none. */
export interface Row {
  readonly workload: string;
  readonly runner: string;
  /** Milliseconds a step: the median of the runs. Null where there is a reason instead. */
  readonly ms: number | null;
  readonly gflops: number | null;
  /** How many times a batch of steps was timed. */
  readonly runs: number;
  /** The runner's own words: version, threads, what it chose. */
  readonly description?: string;
  /** Milliseconds a step of the fastest and of the slowest run. */
  readonly range?: readonly [number, number];
  readonly reason?: string;
}

/** The middle of some numbers; the mean of the two in the middle where their count is even. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b), half = sorted.length / 2;
  return (sorted[Math.ceil(half) - 1] + sorted[Math.floor(half)]) / 2;
}

function figure(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/**
 * The rows as aligned text: `reference` is the runner whose ratio is 1, `peak` the GFLOP/s of a workload's threads,
 * absent where they are not known.
 */
export function table(
  rows: readonly Row[],
  options: { readonly reference: string; readonly peak?: (workload: string) => number },
): string {
  const head = [
    "workload",
    "runner",
    "ms/step",
    "range",
    `x ${options.reference}`,
    "GFLOP/s",
    "of peak",
    "runs",
  ];
  const lines = rows.map((row) => {
    if (row.ms === null) return [row.workload, row.runner, `not run: ${row.reason}`];
    const reference = rows.find((other) =>
      other.workload === row.workload && other.runner === options.reference
    )?.ms;
    return [
      row.workload,
      row.runner,
      figure(row.ms),
      row.range === undefined ? "" : row.range.map(figure).join("-"),
      reference ? figure(row.ms / reference) : "",
      row.gflops === null ? "" : figure(row.gflops),
      row.gflops === null || options.peak === undefined
        ? ""
        : `${Math.round(100 * row.gflops / options.peak(row.workload))}%`,
      String(row.runs),
    ];
  });
  const widths = head.map((title, column) =>
    Math.max(title.length, ...lines.filter((line) => line.length > 3).map((line) => line[column].length))
  );
  widths[0] = Math.max(widths[0], ...lines.map((line) => line[0].length));
  widths[1] = Math.max(widths[1], ...lines.map((line) => line[1].length));
  const aligned = (line: readonly string[]) =>
    line.map((cell, column) =>
      column < 2 || line.length === 3 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])
    )
      .join("  ").trimEnd();
  return [head, ...lines].map(aligned).join("\n");
}

/** A sentence for each runner whose losses differ from the first one's by more than `tolerance`, relative. */
export function disagreements(
  losses: readonly { readonly runner: string; readonly losses: readonly number[] }[],
  tolerance: number,
): string[] {
  const [first, ...others] = losses;
  return others.flatMap(({ runner, losses: own }) => {
    const step = own.findIndex((loss, index) =>
      index < first.losses.length &&
      !(Math.abs(loss - first.losses[index]) <= tolerance * Math.abs(first.losses[index]))
    );
    return step < 0 ? [] : [
      `the loss of step ${step + 1} is ${own[step]} with ${runner} but ${
        first.losses[step]
      } with ${first.runner}`,
    ];
  });
}
