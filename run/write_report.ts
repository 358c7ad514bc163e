/** The report page of a run: what every model says of itself, its figures, plots and pictures, as one HTML file. */
import { writeAtomically } from "../base/files.ts";
import {
  type Block,
  htmlReport,
  type KeyFigure,
  type Reference,
  type Report,
  type Section,
} from "../report/html.ts";
import { readLog } from "./log.ts";
import type { Run } from "./run.ts";

/** A row of a network's layer table, as in the first assignment's Table 1. */
export interface Layer {
  readonly type: string;
  /** Shape of the weight, inputs first. */
  readonly weight?: string;
  readonly stride?: number;
  /** Where both sides differ, a text such as "1, 2". */
  readonly padding?: number | string;
  /** Shape of the output, N being the batch. */
  readonly output: string;
}

/** What a model says of itself. */
export interface Description {
  readonly title: string;
  /** One paragraph: the question and the method. */
  readonly abstract: string;
  /** Paragraphs on how it is trained and measured. */
  readonly method: readonly string[];
  readonly formula: { readonly formula: string; readonly text: string };
  readonly layers: readonly Layer[];
  readonly parameters: number;
  /** The functions that are the model, as they ran. */
  readonly code: readonly ((...args: never[]) => unknown)[];
  readonly references: readonly Reference[];
}

/** A layer table as aligned text. */
export function layerTable(layers: readonly Layer[], parameters: number): string {
  const rows = layerRows(layers), columns = LAYER_COLUMNS;
  const widths = columns.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => row[column].length))
  );
  const line = (cells: readonly string[]): string =>
    "  " + cells.map((cell, column) => cell.padEnd(widths[column])).join("  ").trimEnd();
  return [line(columns), ...rows.map(line), `  ${parameters.toLocaleString("en-US")} parameters`].join("\n");
}

const LAYER_COLUMNS = ["type", "weight", "stride", "padding", "output"];

function layerRows(layers: readonly Layer[]): string[][] {
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
  const learning = await lossPlot(run, floors);
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
    htmlReport({ ...report, configuration: flattened(run.config), command: commandOf(task, flags) }),
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
  references?: readonly { readonly value: number; readonly label: string }[],
): Promise<Block | undefined> {
  const entries = await readLog(run.path("log.jsonl"));
  const points = entries.filter((entry) => typeof entry.loss === "number" && typeof entry.step === "number");
  if (points.length < 2) return undefined;
  return {
    kind: "plot",
    plot: {
      x: { label: "step" },
      y: { label: "training loss", unit: "nats" },
      series: [{
        name: "mean since the point before",
        x: points.map((entry) => entry.step as number),
        y: points.map((entry) => entry.loss as number),
      }],
      references,
    },
    caption: "The loss of the steps as they were made.",
  };
}
