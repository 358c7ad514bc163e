/**
 * `deno task inpaint-pixels`: what a trained pixel predictor makes of missing pixels: the end of an image, drawn from
 * what stands before it, and single pixels and small windows, filled exactly from what stands before and after.
 */
import { join } from "node:path";
import { writeAtomically } from "../base/files.ts";
import { stream } from "../base/random.ts";
import type { Device } from "../engine/device.ts";
import { load } from "../models/mod.ts";
import type { PixelPredictor } from "../models/pixel_predictor.ts";
import { continued, truthNats } from "../models/pixel_predictor/generation.ts";
import {
  drawWindows,
  filled,
  fillingAccuracy,
  fillings,
  type Window,
} from "../models/pixel_predictor/inpainting.ts";
import { pixelImage } from "../models/pixel_predictor/pixel_image.ts";
import { imageGrid, type Sheet, type SheetSection, type Tile } from "../report/grid.ts";
import type { Section } from "../report/html.ts";
import { percent } from "../report/numbers.ts";
import { openTaskDevice } from "../run/device.ts";
import { readStoredFlags } from "../run/stored_flags.ts";
import { cellsInWords, pixelModelFlags } from "../run/pixel_experiment.ts";
import { firstOf, openPixelTest, type PixelSet } from "../run/pixel_source.ts";
import { completedRun } from "../run/stored_run.ts";
import { commonFlags, integer, runTask, text, UsageError } from "../run/task.ts";
import { metricsTable, writePage } from "../run/write_report.ts";

/** Pixels that are drawn after what is given, beside all that are missing. */
const HORIZONS = [1, 10, 28];
/** Of 784 pixels the last 300 are missing. */
const MISSING_SHARE = 300 / 784;
/** Samples of each image on the sheet, windows of each side on it, sides of windows. */
const SHOWN_SAMPLES = 5, SHOWN_WINDOWS = 10, SIDES = [1, 2];
/** Ink pixels that must be missing of an image that is shown: of others nothing can be told right or wrong. */
const LEAST_MISSING_INK = 10;

interface Context {
  readonly model: PixelPredictor;
  readonly device: Device;
  readonly seed: number;
}

type Metrics = Record<string, number>;

/** Draws the missing end of each image, and measures it. */
async function continueImages(
  { model, device, seed }: Context,
  { set, missing, samples }: { readonly set: PixelSet; readonly missing: number; readonly samples: number },
): Promise<{ readonly metrics: Metrics; readonly section: Section; readonly sheet: Sheet }> {
  const { length, count } = set, given = length - missing;
  const before = new Uint8Array(count * samples * given);
  for (let row = 0; row < count * samples; row++) {
    const image = Math.floor(row / samples);
    before.set(set.bits.subarray(image * length, image * length + given), row * given);
  }
  const drawn = await continued(model, {
    ...{ device, bits: before, given, steps: missing },
    random: stream(seed).fork("continuations"),
  });
  const truth = await truthNats(model, { device, bits: set.bits, given, steps: missing });
  const horizons = [...HORIZONS.filter((horizon) => horizon < missing), missing];
  const metrics: Metrics = {};
  const rows = horizons.map((horizon) => {
    let filling = 0, true_ = 0;
    for (let row = 0; row < count * samples; row++) {
      for (let t = 0; t < horizon; t++) {
        const nats = drawn.nats[row * missing + t], chance = Math.exp(-nats);
        // One pixel's expectation is known without sampling: its entropy.
        filling += horizon > 1
          ? nats
          : chance * nats - (1 - chance) * Math.log1p(-Math.min(chance, 1 - 1e-12));
      }
    }
    filling /= count * samples;
    for (let image = 0; image < count; image++) {
      for (let t = 0; t < horizon; t++) true_ += truth[image * missing + t] / count;
    }
    const name = horizon === missing ? "rest" : String(horizon);
    metrics[`continuation_nats_${name}`] = filling;
    metrics[`truth_nats_${name}`] = true_;
    return [
      String(horizon),
      ...[filling, true_, filling / horizon, true_ / horizon].map((value) => value.toFixed(4)),
    ];
  });
  const sheet = chosenSheet(set, { drawn: drawn.bits, given, samples, horizons });
  return {
    metrics,
    sheet,
    section: {
      title: "The end of an image",
      blocks: [
        {
          kind: "table",
          table: {
            columns: [
              "Pixels",
              "Drawn, nats",
              "Truth, nats",
              "Drawn, nats per pixel",
              "Truth, nats per pixel",
            ],
            rows,
            caption:
              `Cross-entropy of what the model draws after the first ${given} of ${length} pixels, and of what stands ` +
              `there in truth; means over ${count} test images, and over ${samples} samples of each where there is ` +
              "more than one pixel: of one the expectation is exact.",
          },
        },
        { kind: "sheet", sheet },
      ],
    },
  };
}

/**
 * A success, a failure and an image whose samples differ: those with the fewest and the most wrong pixels on average,
 * and with the most pixels in which two samples differ on average, among images of whose ink enough is missing.
 */
function chosenSheet(
  set: PixelSet,
  { drawn, given, samples, horizons }: {
    readonly drawn: Uint8Array;
    readonly given: number;
    readonly samples: number;
    readonly horizons: readonly number[];
  },
): Sheet {
  const { length, width, count } = set, missing = length - given;
  const measured = Array.from({ length: count }, (_, image) => {
    let ink = 0, wrong = 0, differing = 0;
    for (let t = 0; t < missing; t++) {
      const truth = set.bits[image * length + given + t];
      let ones = 0;
      for (let sample = 0; sample < samples; sample++) {
        ones += drawn[(image * samples + sample) * missing + t];
      }
      ink += truth;
      wrong += (truth === 1 ? samples - ones : ones) / samples;
      differing += samples > 1 ? 2 * ones * (samples - ones) / (samples * (samples - 1)) : 0;
    }
    return { image, ink, wrong, differing };
  });
  const inked = measured.filter(({ ink }) => ink >= LEAST_MISSING_INK);
  const candidates = inked.length > 0 ? inked : measured;
  const best = (value: (of: typeof measured[number]) => number) =>
    candidates.reduce((chosen, other) => value(other) > value(chosen) ? other : chosen);
  const chosen = [
    { name: "Success", rule: "the fewest wrong pixels", of: best(({ wrong }) => -wrong) },
    { name: "Failure", rule: "the most wrong pixels", of: best(({ wrong }) => wrong) },
    {
      name: "High variance",
      rule: "samples that differ most from each other",
      of: best(({ differing }) => differing),
    },
  ];
  const sections = chosen.flatMap(({ name, rule, of: { image, wrong, differing } }): SheetSection[] => {
    const truth = set.bits.subarray(image * length, (image + 1) * length);
    return [
      {
        caption: `${name}: test image ${image + 1}, ${rule}`,
        note: `${wrong.toFixed(1)} of ${missing} pixels wrong on average, ${
          differing.toFixed(1)
        } between two samples`,
        tiles: [
          { image: pixelImage(truth, { length, width }), label: "truth" },
          { image: pixelImage(truth, { length, width, known: given }), label: "given" },
        ],
      },
      ...horizons.filter((horizon) => horizon > 1).map((horizon): SheetSection => ({
        note: `${horizon} pixels drawn`,
        tiles: Array.from({ length: Math.min(SHOWN_SAMPLES, samples) }, (_, sample): Tile => {
          const bits = truth.slice();
          bits.set(
            drawn.subarray((image * samples + sample) * missing, (image * samples + sample + 1) * missing),
            given,
          );
          return { image: pixelImage(bits, { length, width, known: given + horizon }) };
        }),
      })),
    ];
  });
  return { sections, columns: SHOWN_SAMPLES };
}

/** Fills windows exactly. */
async function fillWindows(
  { model, device, seed }: Context,
  { set, count }: { readonly set: PixelSet; readonly count: number },
): Promise<{ readonly metrics: Metrics; readonly section: Section; readonly sheet: Sheet }> {
  const metrics: Metrics = {}, rows: string[][] = [], sections: SheetSection[] = [];
  for (const side of SIDES) {
    for (const mixed of [true, false]) {
      const random = stream(seed).fork(`windows of ${side}${mixed ? ", mixed" : ""}`);
      const windows = drawWindows(set, { count, side, mixed, random });
      const found = await fillings(model, { device, set, windows });
      const mean = (value: (of: typeof found[number]) => number): number =>
        found.reduce((sum, one) => sum + value(one), 0) / found.length;
      const best = mean(({ logs, best }) => -logs[best]), truth = mean(({ logs, truth }) => -logs[truth]);
      const accuracy = fillingAccuracy(windows, found), name = `${side * side}${mixed ? "" : "_uniform"}`;
      metrics[`inpainting_accuracy_${name}`] = accuracy;
      metrics[`inpainting_nats_best_${name}`] = best;
      metrics[`inpainting_nats_truth_${name}`] = truth;
      const whole = mean((one) => one.best === one.truth ? 1 : 0);
      rows.push([
        `${side} x ${side}, ${mixed ? "both values around" : "anywhere"}`,
        percent(accuracy),
        percent(whole),
        best.toFixed(4),
        truth.toFixed(4),
      ]);
      if (mixed) sections.push(windowTiles(set, windows, found.map(({ best }) => best)));
    }
  }
  const sheet = { sections, columns: SHOWN_WINDOWS };
  return {
    metrics,
    sheet,
    section: {
      title: "Gaps, from both sides",
      blocks: [
        {
          kind: "formula",
          formula:
            String.raw`p(x_M \mid x_R) = \frac{p(x_M, x_R)}{\sum_{y \in \{0,1\}^{|M|}} p(y, x_R)}, \quad ` +
            String.raw`p(x) = \prod_{t} p(x_t \mid x_{<t})`,
          text:
            "$M$ are the missing pixels, $R$ the rest: those before the gap and those after it. All $2^{|M|}$ " +
            "fillings are scored, so that the most probable is found exactly.",
        },
        {
          kind: "table",
          table: {
            columns: ["Window", "Pixels right", "Windows right", "Most probable, nats", "Truth, nats"],
            rows,
            caption:
              `${count} windows of each kind in test images. Nats are -ln p(filling | rest), means over the windows; ` +
              "no most probable filling is above the truth: that is asserted of each.",
          },
        },
        { kind: "sheet", sheet, caption: "From the top: truth, what is missing, the most probable filling." },
      ],
    },
  };
}

function windowTiles(set: PixelSet, windows: readonly Window[], best: readonly number[]): SheetSection {
  const { length, width } = set;
  return {
    caption: windows[0].places.length === 1 ? "One pixel" : "Two by two pixels",
    tiles: windows.slice(0, SHOWN_WINDOWS).map((window, at): Tile => {
      const { image, places } = window, truth = set.bits.subarray(image * length, (image + 1) * length);
      const masked = Float32Array.from(truth);
      for (const place of places) masked[place] = 0.5;
      return {
        image: [truth, masked, filled(set, window, best[at])].map((bits) =>
          pixelImage(bits, { length, width })
        ),
      };
    }),
  };
}

if (import.meta.main) {
  const { count: _count, offset: _offset, dataset: _dataset, steps: _steps, budget: _budget, ...common } =
    commonFlags;
  await runTask({
    name: "inpaint-pixels",
    summary: "Continue and fill test images with a trained pixel predictor, and measure how well.",
    flags: {
      ...common,
      predictor: text({ placeholder: "RUN", help: "the run of train-pixel-predictor" }),
      images: integer({ min: 1, default: 100, help: "test images whose end is drawn" }),
      missing: integer({ min: 1, help: "how many pixels at the end are missing (default: 300 of 784)" }),
      samples: integer({ min: 1, default: 10, help: "samples of each image" }),
      windows: integer({ min: 1, default: 1000, help: "windows of each kind that are filled" }),
    },
    run: async (flags, run) => {
      const { predictor, samples, windows, seed } = flags;
      if (predictor === undefined) {
        throw new UsageError("--predictor must name a run of train-pixel-predictor");
      }
      const stored = await completedRun("predictor", { from: predictor, task: "train-pixel-predictor" });
      const own = readStoredFlags(pixelModelFlags, stored.config.flags, {
        path: join(predictor, "config.json"),
      });
      const { source, set } = await openPixelTest({ ...own, dataDir: flags.dataDir ?? own.dataDir });
      const missing = flags.missing ?? Math.max(1, Math.round(MISSING_SHARE * set.length));
      if (missing >= set.length) {
        throw new UsageError(
          `--missing must be below the ${set.length} pixels of an image: current value is ${missing}`,
        );
      }
      await using device = await openTaskDevice(flags, run.session);
      const loaded = await load(predictor, device);
      if (loaded.kind !== "pixel-predictor") throw new UsageError(`--predictor holds a ${loaded.kind}`);
      const { model } = loaded;
      await run.configure({ dataset: source, device, model: model.config });
      const context = { model, device, seed };
      run.session.follow("drawing");
      const ends = await continueImages(context, { set: firstOf(set, flags.images), missing, samples });
      run.session.follow("filling");
      const gaps = await fillWindows(context, { set, count: windows });
      const metrics = { ...ends.metrics, ...gaps.metrics };
      await writeAtomically(run.path("continuations.png"), imageGrid(ends.sheet));
      await writeAtomically(run.path("gaps.png"), imageGrid(gaps.sheet));
      const accuracies = [metrics.inpainting_accuracy_1, metrics.inpainting_accuracy_4];
      await writePage(run, {
        title: `Missing pixels: ${cellsInWords(model.config)}`,
        abstract:
          "A model of each pixel given those before it is a model of whole images: it can draw the end of one " +
          "from its beginning, and say of a gap how probable each filling is, given all around it.",
        figures: [
          {
            label: "single pixels right",
            value: percent(accuracies[0]),
            note: `${windows} with both values around`,
          },
          { label: "pixels of 2 x 2 right", value: percent(accuracies[1]), note: "likewise" },
        ],
        sections: [ends.section, gaps.section, { title: "All figures", blocks: [metricsTable(metrics)] }],
      });
      await run.finish({ metrics, parameters: model.network.parameters, steps: 0 });
      run.note(
        `single pixels right ${percent(accuracies[0])}, pixels of 2 x 2 right ${percent(accuracies[1])}`,
      );
      run.note(`see ${run.path("report.html")}`);
    },
  });
}
