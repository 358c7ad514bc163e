/** What the comparisons of recurrent models of pixels share: which models, their runs, and their tables as files. */
import { writeAtomically } from "../base/files.ts";
import type { GatedCell } from "../layers/recurrent.ts";
import type { Table } from "../report/html.ts";
import { executorFlags, type ManifestLine } from "../run/manifest.ts";
import { type PixelFlags, pixelFlags } from "../run/pixel_source.ts";
import type { Run, StoredRun } from "../run/run.ts";
import { type FlagValues, integer, number, text, UsageError } from "../run/task.ts";
import { figureName } from "./pixel_tables.ts";

/** One of the models that are compared. */
export interface PixelContestant {
  /** What `--models` calls it, and its folder within the run: "gru-64", "gru-3x32". */
  readonly name: string;
  readonly cell: GatedCell;
  readonly units: number;
  readonly layers: number;
}

/** The assignment's sizes. */
const SIZES = [[1, 32], [1, 64], [1, 128], [3, 32]] as const;

/** The assignment's four models of a cell. */
export function contestants(cell: GatedCell): PixelContestant[] {
  return SIZES.map(([layers, units]) => ({
    name: layers === 1 ? `${cell}-${units}` : `${cell}-${layers}x${units}`,
    ...{ cell, units, layers },
  }));
}

/** The flags of both comparisons. */
export const comparisonFlags = {
  ...pixelFlags,
  models: text({ placeholder: "A,B", help: "which models, such as gru-32,gru-3x32 (default: all)" }),
  epochs: number({ min: 0.01, default: 2, help: "how often all images are gone through, without --steps" }),
  batch: integer({ min: 1, default: 64, help: "images in a step" }),
  ...executorFlags,
};
/** What they say. */
export type ComparisonFlags = FlagValues<typeof comparisonFlags>;

/**
 * Those of `all` that `--models` names.
 *
 * @throws {UsageError} where it names another.
 */
export function chosen<C extends { readonly name: string }>(
  all: readonly C[],
  names: string | undefined,
): C[] {
  if (names === undefined) return [...all];
  const wanted = names.split(",").map((name) => name.trim());
  if (wanted.some((name) => !all.some((one) => one.name === name))) {
    const known = all.map(({ name }) => name).join(", ");
    throw new UsageError(
      `--models must be some of ${known}, with commas between: current value is "${names}"`,
    );
  }
  return all.filter(({ name }) => wanted.includes(name));
}

/** What the run of a model takes of a comparison's flags. */
type LineFlags = Omit<ComparisonFlags, "models" | "epochs"> & { readonly epochs?: number };

/** The run of a model within a comparison; `own` are flags of its task alone. */
export function pixelLine(
  { cell, units, layers }: Pick<PixelContestant, "cell" | "units" | "layers">,
  options: {
    readonly task: string;
    readonly folder: string;
    readonly flags: LineFlags;
    readonly own?: ManifestLine["flags"];
  },
): ManifestLine {
  const { task, folder, own } = options;
  return { task, folder, flags: { ...pixelOnly(options.flags), cell, units, layers, ...own } };
}

/** The flags that the tasks of the models know. */
function pixelOnly(flags: LineFlags) {
  const { dataset, count, offset, seed, device, threads, dataDir, steps, debug } = flags;
  const { pool, pixels, test, epochs, batch } = flags;
  return {
    dataset,
    count,
    offset,
    seed,
    device,
    threads,
    dataDir,
    steps,
    debug,
    pool,
    pixels,
    test,
    epochs,
    batch,
  };
}

/** A metric of a finished run; NaN where it lacks it. */
export function metricOf({ summary }: StoredRun, name: string): number {
  return summary?.metrics[name] ?? NaN;
}

/** Metrics of each model's run under the names that a comparison's summary has for them; those that it lacks are left out. */
export function figuresOf(
  models: readonly string[],
  { runs, metrics }: { readonly runs: readonly StoredRun[]; readonly metrics: readonly string[] },
): Record<string, number> {
  return Object.fromEntries(
    models.flatMap((model, at) =>
      metrics.map((metric) => [figureName(model, metric), metricOf(runs[at], metric)] as const)
    )
      .filter(([, value]) => !Number.isNaN(value)),
  );
}

/** What the rows of a table were trained on, and what it was read as: they differ from the goals' full size. */
export function sizeInWords(flags: Pick<PixelFlags, "pool" | "pixels" | "count">, pixels: number): string {
  const full = flags.pool === 1 && flags.pixels === undefined && flags.count === undefined;
  return full
    ? `${pixels} pixels of all images, the full size`
    : `${pixels} pixels${flags.pool > 1 ? `, each the mean of ${flags.pool} x ${flags.pool}` : ""}${
      flags.count === undefined ? "" : ` of ${flags.count} images`
    }: smaller than the goals' 784 of all images`;
}

/** Writes tables as `tables.md` and `tables.csv`. */
export async function writeTables(
  run: Run,
  tables: readonly { readonly title: string; readonly table: Table }[],
) {
  const markdown = tables.map(({ title, table: { columns, rows, caption } }) =>
    [
      `## ${title}`,
      "",
      `| ${columns.join(" | ")} |`,
      `|${columns.map(() => " --- |").join("")}`,
      ...rows.map((row) => `| ${row.join(" | ")} |`),
      ...caption === undefined ? [] : ["", caption],
      "",
    ].join("\n")
  );
  const quoted = (cell: string | number): string =>
    /[",\n]/.test(String(cell)) ? `"${String(cell).replaceAll('"', '""')}"` : String(cell);
  const csv = tables.flatMap(({ title, table: { columns, rows } }) => [
    ["table", ...columns],
    ...rows.map((row) => [title, ...row]),
  ]);
  await writeAtomically(run.path("tables.md"), markdown.join("\n"));
  await writeAtomically(run.path("tables.csv"), csv.map((row) => row.map(quoted).join(",") + "\n").join(""));
}
