/** The curves of a classifier by epoch: training loss and accuracy, and those of images that it does not learn. */
import type { Section } from "../report/html.ts";
import { number, percent } from "../report/numbers.ts";
import { type Axis, scaleFor, type Series } from "../report/plot.ts";
import type { LogEntry } from "./log.ts";

/** A figure over training: `x` in epochs. */
export interface EpochCurve {
  readonly x: readonly number[];
  readonly y: readonly number[];
}

/**
 * What the steps themselves gave for `field`, as the mean over each epoch. A line of the log that has `loss` is the mean
 * over the steps since the one before; none may span two epochs.
 */
export function meansByEpoch(
  log: readonly LogEntry[],
  { field, epoch }: { readonly field: string; readonly epoch: number },
): EpochCurve {
  const sums = new Map<number, { sum: number; steps: number; end: number }>();
  let before = 0;
  for (const entry of log) {
    const step = Number(entry.step), value = entry[field];
    if (!("loss" in entry) || typeof value !== "number" || step <= before) continue;
    const index = Math.ceil(step / epoch), { sum, steps } = sums.get(index) ?? { sum: 0, steps: 0 };
    sums.set(index, { sum: sum + value * (step - before), steps: steps + step - before, end: step / epoch });
    before = step;
  }
  const means = [...sums.values()];
  return { x: means.map(({ end }) => end), y: means.map(({ sum, steps }) => sum / steps) };
}

/** What was evaluated on the way for `field`, by epoch. */
export function pointsByEpoch(
  log: readonly LogEntry[],
  { field, epoch }: { readonly field: string; readonly epoch: number },
): EpochCurve {
  const points = new Map<number, number>();
  for (const entry of log) {
    const value = entry[field];
    if (typeof value === "number") points.set(Number(entry.step) / epoch, value);
  }
  return { x: [...points.keys()], y: [...points.values()] };
}

/** The four curves and a table of them; `epoch` is how many steps an epoch has. */
export function epochSection(log: readonly LogEntry[], { epoch }: { readonly epoch: number }): Section {
  const unseen = log.some((entry) => "validation_loss" in entry) ? "validation" : "test";
  const curves = (["loss", "accuracy"] as const).map((kind) => ({
    kind,
    training: meansByEpoch(log, { field: `train_${kind}`, epoch }),
    unseen: pointsByEpoch(log, { field: `${unseen}_${kind}`, epoch }),
  }));
  const series = (name: string, { x, y }: EpochCurve): Series => ({ name, x: [...x], y: [...y] });
  const [losses, accuracies] = curves;
  const at = ({ x, y }: EpochCurve, place: number, text: (value: number) => string): string =>
    x.includes(place) ? text(y[x.indexOf(place)]) : "";
  return {
    title: "By epoch",
    blocks: [
      {
        kind: "panels",
        columns: 2,
        panels: curves.map(({ kind, training, unseen: points }) => {
          const both = [series("training images", training), series(`${unseen} images`, points)];
          const y: Axis = kind === "loss"
            ? { label: "cross-entropy", unit: "nats", scale: scaleFor(both) }
            : { label: "accuracy" };
          return { title: kind, plot: { x: { label: "epoch" }, y, series: both } };
        }),
        caption:
          "Training images as they were learned, moved and through the network of their own step: the mean " +
          `over each epoch. The ${unseen} images as they are, after it.`,
      },
      {
        kind: "table",
        table: {
          columns: [
            "Epoch",
            "Training loss",
            "Training accuracy",
            `${title(unseen)} loss`,
            `${title(unseen)} accuracy`,
          ],
          rows: losses.unseen.x.map((place) => [
            number(place),
            at(losses.training, place, number),
            at(accuracies.training, place, percent),
            at(losses.unseen, place, number),
            at(accuracies.unseen, place, percent),
          ]),
          caption: "Losses are cross-entropies in nats, without smoothing.",
        },
      },
    ],
  };
}

function title(word: string): string {
  return word[0].toUpperCase() + word.slice(1);
}
