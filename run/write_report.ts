/** The report page of a run: what every model says of itself, its figures, plots and pictures, as one HTML file. */
import { exists, writeAtomically } from "../base/files.ts";
import { GLOSSARY } from "../report/glossary.ts";
import {
  type Block,
  htmlReport,
  type KeyFigure,
  type Reference,
  type Report,
  type Section,
  type WorkKey,
} from "../report/html.ts";
import type { LayerRow } from "../layers/layer.ts";
import { metricWords } from "../report/metric_names.ts";
import { count, duration, number } from "../report/numbers.ts";
import { shellWord } from "./command.ts";
import { learningBlocks } from "./learning.ts";
import { type LogEntry, readLog } from "./log.ts";
import type { Run } from "./run.ts";

/** What a model says of itself. */
export interface Description {
  readonly title: string;
  /** One paragraph: the question and the method. */
  readonly abstract: string;
  /** Paragraphs on how it is trained and measured. */
  readonly method: readonly string[];
  readonly formula: { readonly formula: string; readonly text: string };
  /** The network, layer by layer; absent: there is none. */
  readonly layers?: readonly LayerRow[];
  readonly parameters: number;
  /** What is minimized, and its unit, as `log.jsonl` has it under "loss". */
  readonly loss: { readonly name: string; readonly unit: string };
  /** The functions that are the model, as they ran. */
  readonly code: readonly ((...args: never[]) => unknown)[];
  /** Works to list beside those that the texts cite: keys of the bibliography, or works of its own. */
  readonly references?: readonly (Reference | WorkKey)[];
}

/** A layer table as aligned text; without layers the number of parameters alone. */
export function layerTable(layers: readonly LayerRow[] | undefined, parameters: number): string {
  const total = `  ${parameters.toLocaleString("en-US")} parameters`;
  if (layers === undefined) return total;
  const { columns, rows } = layerCells(layers);
  const widths = columns.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => row[column].length))
  );
  const line = (cells: readonly string[]): string =>
    "  " + cells.map((cell, column) => cell.padEnd(widths[column])).join("  ").trimEnd();
  return [line(columns), ...rows.map(line), total].join("\n");
}

const LAYER_COLUMNS = ["type", "weight", "stride", "padding", "output"] as const;

/** The cells of a layer table, without columns that are empty: few networks have strides. */
function layerCells(
  layers: readonly LayerRow[],
): { readonly columns: readonly string[]; readonly rows: readonly (readonly string[])[] } {
  const columns = LAYER_COLUMNS.filter((name) => layers.some((layer) => layer[name] !== undefined));
  return { columns, rows: layers.map((layer) => columns.map((name) => String(layer[name] ?? ""))) };
}

/** What `writeReport` needs beside the run. */
export interface ReportContent {
  readonly description: Description;
  /** The numbers that the reader came for. */
  readonly figures: readonly KeyFigure[];
  /** What comes after the model and how it learned. */
  readonly results: readonly Section[];
  /** Every figure of `summary.json`, set as a table with a sentence each. */
  readonly metrics?: Readonly<Record<string, number>>;
  /** Dashed lines in the plot of the loss, such as the entropy floor. */
  readonly floors?: readonly { readonly value: number; readonly label: string }[];
  /** What decides what is built and how it learns; absent: what the run's configuration says of its model. */
  readonly hyperparameters?: object;
}

/** Writes `report.html` of a run of one model; reports of runs inside its folder become parts of it. */
export async function writeReport(run: Run, content: ReportContent): Promise<void> {
  const { description, figures, results, metrics, floors, hyperparameters = run.config.model } = content;
  const log = await readLog(run.path("log.jsonl"));
  const learning = learningBlocks(log, { ...description.loss, floors });
  const settings = Object.entries(
    typeof hyperparameters === "object" ? flattened(hyperparameters ?? {}) : {},
  );
  const sections: Section[] = [
    {
      title: "Model",
      blocks: [
        { kind: "formula", ...description.formula },
        ...description.method.map((text): Block => ({ kind: "paragraph", text })),
        ...description.layers === undefined ? [] : [layerBlock(description.layers, description.parameters)],
        ...settings.length === 0 ? [] : [{
          kind: "table" as const,
          table: {
            columns: ["Hyperparameter", "Value"],
            rows: settings.map(([name, value]) => [
              inWords(name),
              typeof value === "number" ? number(value) : String(value),
            ]),
            caption: "What decides what is built and how it learns.",
          },
        }],
      ],
    },
    ...learning.length === 0 ? [] : [{ title: "Learning", blocks: learning }],
    ...results,
    ...metrics === undefined ? [] : [{ title: "All figures", blocks: [metricsTable(metrics)] }],
    {
      title: "Key code",
      blocks: description.code.map((fn): Block => ({
        kind: "code",
        code: String(fn),
        caption: `\`${fn.name}\``,
      })),
    },
    { title: "The run", blocks: [runTable(run, log)] },
  ];
  await writePage(run, {
    title: description.title,
    abstract: description.abstract,
    figures,
    sections,
    references: description.references,
  });
}

/** A table of more layers than these is folded away. */
const MOST_LAYERS = 40;

function layerBlock(layers: readonly LayerRow[], parameters: number): Block {
  const { columns, rows } = layerCells(layers);
  return {
    kind: "table",
    table: {
      ...rows.length > MOST_LAYERS ? { summary: `all ${rows.length} layers` } : {},
      columns: columns.map((name) => name[0].toUpperCase() + name.slice(1)),
      rows,
      caption: `The network, layer by layer: ${count(parameters)} trained numbers. N is the number of ` +
        "examples in a batch.",
    },
  };
}

/** Writes `report.html` of a run, with its configuration and command, and with the reports of runs inside its folder. */
export async function writePage(
  run: Run,
  report: Omit<Report, "configuration" | "command" | "glossary" | "parts">,
): Promise<void> {
  const { task, flags } = run.config;
  const html = await htmlReport({
    ...report,
    glossary: GLOSSARY,
    parts: await partsOf(run),
    configuration: flattened(run.config),
    command: commandOf(task, flags),
  });
  await writeAtomically(run.path("report.html"), html);
}

/** The reports that stand in folders of the run: those of the models that it rests on. */
async function partsOf(run: Run): Promise<NonNullable<Report["parts"]>> {
  const names: string[] = [];
  for await (const entry of Deno.readDir(run.folder)) if (entry.isDirectory) names.push(entry.name);
  const parts: { name: string; html: string }[] = [];
  for (const name of names.sort()) {
    const path = run.path(`${name}/report.html`);
    if (!(await exists(path))) continue;
    parts.push({ name, html: await Deno.readTextFile(path) });
  }
  return parts;
}

/** Every figure with a name for people and a sentence. */
export function metricsTable(metrics: Readonly<Record<string, number>>): Block {
  return {
    kind: "table",
    table: {
      columns: ["Figure", "Value", "What it says"],
      rows: metricWords(metrics).map(({ label, value, meaning }) => [label, value, meaning]),
    },
  };
}

/** When, where, on what and how long. */
function runTable(run: Run, log: readonly LogEntry[]): Block {
  const { device, versions, dataset, flags } = run.config;
  const phases = [...new Set(log.map((entry) => entry.phase))].flatMap((phase): string[][] => {
    const last = log.findLast((entry) => entry.phase === phase && typeof entry.step === "number");
    if (last === undefined) return [];
    return [[
      `Training: ${phase}`,
      `${count(Number(last.step))} steps in ${duration(Number(last.seconds))}`,
    ]];
  });
  return {
    kind: "table",
    table: {
      columns: ["Of this run", ""],
      rows: [
        ["Date", new Date().toISOString().replace(/T(\d+:\d+).*/, " $1 UTC")],
        [
          "Data",
          `${datasetInWords(dataset)}, from number ${count(dataset.offset + 1)} of the ${
            dataset.split === "train" ? "training" : dataset.split
          } split on`,
        ],
        ...phases,
        ["Machine", device.description],
        ["Seed", String(flags.seed ?? 0)],
        ["Software", `Engram ${versions.engram}, Deno ${versions.deno}, TensorFlow.js ${versions.tfjs}`],
      ],
    },
  };
}

/** What the data sets are called in a sentence, after a number. */
const DATASETS: Readonly<Record<string, string>> = {
  digits: "built-in digits",
  mnist: "MNIST digits",
  cifar10: "CIFAR-10 images",
  cifar100: "CIFAR-100 images",
  addnist: "AddNIST images",
  idx: "images",
  images: "images",
  text: "stretches of a text",
  melody: "stretches of melodies",
  csv: "rows of a table",
};

/** The items that a run learned, for titles: "1,024 built-in digits". */
export function datasetInWords(dataset: { readonly name: string; readonly count: number }): string {
  return `${count(dataset.count)} ${DATASETS[dataset.name] ?? `items of ${dataset.name}`}`;
}

/** Hyperparameters whose names in code say too little. */
const SETTINGS: Readonly<Record<string, string>> = {
  hidden: "hidden units",
  batch: "examples in a step",
  length: "sequence length",
  settle: "share of the steps until the codes are fixed",
  recipe: "how the decoder learns to do with signs",
  range: "observation range",
};

/** A name in code as words: `learningRate` is "learning rate". */
function inWords(name: string): string {
  return SETTINGS[name] ??
    name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).replace(/[_.]/g, " ");
}

/** Every setting that is not absent under its path: `dataset.name`. */
function flattened(value: object, path = ""): Record<string, unknown> {
  const flat: Record<string, unknown> = {};
  for (const [name, part] of Object.entries(value)) {
    if (Array.isArray(part) && part.every((one) => typeof one !== "object")) {
      flat[path + name] = part.join(", ");
    } else if (typeof part === "object" && part !== null) {
      Object.assign(flat, flattened(part, `${path}${name}.`));
    } else if (part !== null && part !== false) flat[path + name] = part;
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
    return value === true ? flag : `${flag} ${shellWord(String(value))}`;
  });
  return [`deno task ${task}`, ...words].join(" ");
}
