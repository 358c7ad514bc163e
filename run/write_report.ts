/** The report page of a run: what every model says of itself, its figures, plots and pictures, as one HTML file. */
import { writeAtomically } from "../base/files.ts";
import { type Block, htmlReport, type KeyFigure, type Report, type Section } from "../report/html.ts";
import type { Reference, WorkKey } from "../report/bibliography.ts";
import type { LayerRow } from "../layers/layer.ts";
import type { Run } from "./run.ts";

/** What a model says of itself. */
export interface Description {
  readonly title: string;
  /** One paragraph: the question and the method. */
  readonly abstract: string;
  /** Paragraphs on how it is trained and measured. */
  readonly method: readonly string[];
  readonly formula: { readonly formula: string; readonly text: string };
  readonly layers: readonly LayerRow[];
  readonly parameters: number;
  /** What is minimized, and its unit, as `log.jsonl` has it under "loss". */
  readonly loss: { readonly name: string; readonly unit: string };
  /** The functions that are the model, as they ran. */
  readonly code: readonly ((...args: never[]) => unknown)[];
  readonly references: readonly (Reference | WorkKey)[];
}

/** A layer table as aligned text. */
export function layerTable(layers: readonly LayerRow[], parameters: number): string {
  const rows = layerRows(layers), columns = LAYER_COLUMNS;
  const widths = columns.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => row[column].length))
  );
  const line = (cells: readonly string[]): string =>
    "  " + cells.map((cell, column) => cell.padEnd(widths[column])).join("  ").trimEnd();
  return [line(columns), ...rows.map(line), `  ${parameters.toLocaleString("en-US")} parameters`].join("\n");
}

const LAYER_COLUMNS = ["type", "weight", "stride", "padding", "output"];

function layerRows(layers: readonly LayerRow[]): string[][] {
  return layers.map(({ type, weight = "", stride, padding, output }) => [
    type,
    weight,
    stride === undefined ? "" : String(stride),
    padding === undefined ? "" : String(padding),
    output,
  ]);
}

/** A figure in a report: metrics in 0..1 keep four digits, others three. */
export function shown(value: number): string {
  return Math.abs(value) <= 1
    ? value.toFixed(4)
    : value.toLocaleString("en-US", { maximumFractionDigits: 2 });
}

/** Writes `report.html` of a run. `results` come after the model's own sections. */
export async function writeReport(run: Run, options: {
  readonly description: Description;
  readonly figures: readonly KeyFigure[];
  readonly results: readonly Section[];
  /** Dashed lines in the plot of the loss, such as the entropy floor. */
  readonly floors?: readonly { readonly value: number; readonly label: string }[];
}): Promise<void> {
  const { description, figures, results, floors } = options;
  const learning = await lossPlot(run, { loss: description.loss, floors });
  const sections: Section[] = [
    {
      title: "Model",
      blocks: [
        { kind: "formula", ...description.formula },
        ...description.method.map((text): Block => ({ kind: "paragraph", text })),
        {
          kind: "table",
          table: {
            columns: LAYER_COLUMNS.map((name) => name[0].toUpperCase() + name.slice(1)),
            rows: layerRows(description.layers),
            caption: `Network, ${description.parameters.toLocaleString("en-US")} parameters.`,
          },
        },
      ],
    },
    ...(learning === undefined ? [] : [{ title: "Learning", blocks: [learning] }]),
    ...results,
    {
      title: "Key code",
      blocks: description.code.map((fn): Block => ({ kind: "code", code: String(fn), caption: fn.name })),
    },
  ];
  await writePage(run, {
    title: description.title,
    abstract: description.abstract,
    figures,
    sections,
    references: description.references,
  });
}

/** Writes `report.html` of a run that is not about one model, with the run's configuration and command. */
export async function writePage(run: Run, report: Omit<Report, "configuration" | "command">): Promise<void> {
  const { task, flags } = run.config;
  await writeAtomically(
    run.path("report.html"),
    await htmlReport({ ...report, configuration: flattened(run.config), command: commandOf(task, flags) }),
  );
}

/** Every setting that is not absent under its path: `dataset.name`. */
function flattened(value: object, path = ""): Record<string, unknown> {
  const flat: Record<string, unknown> = {};
  for (const [name, part] of Object.entries(value)) {
    if (typeof part === "object" && part !== null) Object.assign(flat, flattened(part, `${path}${name}.`));
    else if (part !== null && part !== false) flat[path + name] = part;
  }
  return flat;
}

/** The command line that starts the same run in a folder of its own. */
function commandOf(task: string, flags: Readonly<Record<string, unknown>>): string {
  const own = Object.entries(flags).filter(([name, value]) =>
    value !== null && value !== false && !["out", "resume", "force", "debug"].includes(name)
  );
  const words = own.map(([name, value]) => {
    const flag = "--" + name.replace(/[A-Z]/g, (letter) => "-" + letter.toLowerCase());
    return value === true ? flag : `${flag} ${value}`;
  });
  return [`deno task ${task}`, ...words].join(" ");
}

async function lossPlot(
  run: Run,
  { loss, floors }: {
    readonly loss: Description["loss"];
    readonly floors?: readonly { readonly value: number; readonly label: string }[];
  },
): Promise<Block | undefined> {
  const log = await Deno.readTextFile(run.path("log.jsonl"));
  const entries = log.split("\n").filter(Boolean).map((line) => JSON.parse(line) as Record<string, unknown>);
  const points = entries.filter((entry) => typeof entry.loss === "number" && typeof entry.step === "number");
  if (points.length < 2) return undefined;
  return {
    kind: "plot",
    plot: {
      x: { label: "step" },
      y: { label: `training loss: ${loss.name}`, unit: loss.unit },
      series: [{
        name: "mean since the point before",
        x: points.map((entry) => entry.step as number),
        y: points.map((entry) => entry.loss as number),
      }],
      references: floors,
    },
    caption: "The loss of the steps as they were made.",
  };
}
