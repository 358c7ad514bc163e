/** How a run learned, as plots of its log: the loss, what was evaluated on the way, and when memory parts from learning. */
import type { Block, Panel } from "../report/html.ts";
import { metricLabel, metricUnit } from "../report/metric_names.ts";
import { type Axis, type LinePlot, type Mark, scaleFor, type Series } from "../report/plot.ts";
import type { LogEntry } from "./log.ts";

/** What the loss is, and what it cannot go below. */
export interface LossWords {
  readonly name: string;
  readonly unit: string;
  /** Levels in its plot; the first is the floor that the excess is counted from. */
  readonly floors?: readonly Mark[];
}

/** Fields of a log that are no measurements. */
const NOT_MEASURED: ReadonlySet<string> = new Set(["phase", "step", "seconds", "loss"]);
/** Sets whose figures belong into one plot: `test_accuracy` and `train_accuracy`. */
const SETS = /^(train|test|validation|held_out)_/;
/** The two figures of one kind whose names are not made by a set. */
const KIND_OF: Readonly<Record<string, string>> = { sequence_nats: "nats", held_out_nats: "nats" };
const SET_WORDS: Readonly<Record<string, string>> = {
  train: "training",
  test: "test",
  validation: "validation",
  held_out: "held out",
};
/** Metrics whose rise is the question: they are drawn over the logarithm of the step. */
const MEMORY = "memorized_mass";

/** The plots of a log, none where it has too few points. Phases follow each other; the steps of each are its own. */
export function learningBlocks(log: readonly LogEntry[], loss: LossWords): Block[] {
  const phases = [...new Set(log.map((entry) => entry.phase))];
  const last = log.filter((entry) => entry.phase === phases.at(-1) && typeof entry.step === "number");
  const x = stepAxis(last);
  const panels = [...lossPanels(last, { loss, x }), ...metricPanels(last, x)];
  if (panels.length === 0) return [];
  if (panels.length === 1) {
    return [{ kind: "plot", plot: panels[0].plot, caption: panels[0].caption }];
  }
  const letters = panels.map((panel, index): Panel => ({
    title: `(${String.fromCharCode(97 + index)}) ${panel.title}`,
    plot: panel.plot,
  }));
  const captions = panels.map(({ caption }, index) => `(${String.fromCharCode(97 + index)}) ${caption}`);
  return [{ kind: "panels", panels: letters, columns: 2, caption: captions.join(" ") }];
}

/** The common axis: where memory grows is read off against the loss above it. */
function stepAxis(entries: readonly LogEntry[]): Axis {
  if (!entries.some((entry) => MEMORY in entry)) return { label: "step", scale: "linear" };
  const steps = entries.map((entry) => Number(entry.step)).filter((step) => step > 0);
  const first = Math.min(...steps), last = Math.max(...steps);
  return { label: "step", scale: "log", ...first < last ? { range: [first, last] as const } : {} };
}

interface Drawn {
  readonly title: string;
  readonly plot: LinePlot;
  readonly caption: string;
}

function lossPanels(
  entries: readonly LogEntry[],
  { loss, x }: { readonly loss: LossWords; readonly x: Axis },
): Drawn[] {
  const series = seriesOf(entries, "loss", "training loss");
  if (series.x.length < 2) return [];
  const { name, unit, floors = [] } = loss;
  const learned: Drawn = {
    title: "training loss",
    plot: { x, y: { label: name, unit }, series: [series], references: floors },
    caption: `The training loss, ${name}: each point is the average over the steps since the point before.`,
  };
  const [floor] = floors;
  if (floor === undefined) return [learned];
  const excess: Drawn = {
    title: "excess of the loss",
    plot: {
      x,
      y: { label: "excess", unit, scale: "log" },
      series: [{ ...series, name: "excess", y: Array.from(series.y, (value) => value - floor.value) }],
    },
    caption: `How far the training loss is above its floor (${floor.label}), on a logarithmic scale.`,
  };
  return [learned, excess];
}

function metricPanels(
  entries: readonly LogEntry[],
  x: Axis,
): Drawn[] {
  const names = [...new Set(entries.flatMap((entry) => Object.keys(entry)))].filter((name) =>
    !NOT_MEASURED.has(name) && seriesOf(entries, name, name).x.length >= 2
  );
  const kinds = [...new Set(names.map(kindOf))];
  return kinds.map((kind) => {
    const members = names.filter((name) => kindOf(name) === kind);
    // `loss` alone is the name of what the steps minimize.
    const label = members.length === 1 ? metricLabel(members[0]) : kind === "loss" ? kind : metricLabel(kind);
    const measured = kind === "nats" ? "cross-entropy a sequence" : label;
    const unit = metricUnit(members[0]);
    const series = members.map((name) => seriesOf(entries, name, setOf(name) ?? label));
    return {
      title: kind === "nats" ? "cross-entropy" : label,
      plot: {
        x,
        y: {
          label: measured,
          ...unit === undefined || measured.startsWith(unit) ? {} : { unit },
          ...kind === MEMORY ? { range: [0, 1] as const } : { scale: scaleFor(series) },
        },
        series,
      },
      caption: members.includes("held_out_nats")
        ? "The cross-entropy of sequences that are learned and of others of the same kind: while both fall the model " +
          "learns what they have in common, and from where they part it remembers."
        : `The ${kind === "nats" ? "cross-entropy" : label}, measured as training went on.`,
    };
  });
}

function kindOf(name: string): string {
  return KIND_OF[name] ?? name.replace(SETS, "");
}

function setOf(name: string): string | undefined {
  if (name === "sequence_nats") return "training";
  const [, set] = SETS.exec(name) ?? [];
  return set === undefined ? undefined : SET_WORDS[set];
}

function seriesOf(entries: readonly LogEntry[], field: string, name: string): Series {
  const points = entries.filter((entry) => typeof entry[field] === "number");
  return {
    name,
    x: points.map((entry) => Number(entry.step)),
    y: points.map((entry) => Number(entry[field])),
  };
}
