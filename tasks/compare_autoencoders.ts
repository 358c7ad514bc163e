/**
 * `deno task compare-autoencoders`: the dense, the convolutional and the variational autoencoders on the same images,
 * by their losses over epochs, their drawings of the same test images, what they lose of images they never saw, and the
 * units of their bottleneck that died.
 */
import { join } from "node:path";
import type { ImageSet } from "../data/images.ts";
import type { Device } from "../engine/device.ts";
import { load } from "../models/mod.ts";
import { type Image, imagesOf } from "../report/grid.ts";
import type { Block, Panel } from "../report/html.ts";
import { number } from "../report/numbers.ts";
import { chosenRows, latentPlot, lossByEpoch, type Measured } from "../run/autoencoding.ts";
import { openTaskDevice } from "../run/device.ts";
import { chosenImages, imageFlags, openTestImages, openTrainingImages } from "../run/images.ts";
import { executorFlags, type ManifestLine, runManifest } from "../run/manifest.ts";
import type { StoredRun } from "../run/run.ts";
import { integer, runTask } from "../run/task.ts";
import { writePage } from "../run/write_report.ts";

/** One of the autoencoders that are compared. */
interface Contestant {
  /** The folder of its run within this one. */
  readonly name: string;
  readonly title: string;
  readonly task: string;
  readonly flags: ManifestLine["flags"];
}

/** The two networks that are asked for with 2 and 32 numbers, and each without the ReLUs that can die for good. */
const WITH_L1 = [
  { kind: "dense", title: "dense", task: "train-dense-autoencoder" },
  { kind: "conv", title: "convolutional", task: "train-conv-autoencoder" },
] as const;
const LATENTS = [2, 32] as const;

const CONTESTANTS: readonly Contestant[] = [
  { name: "dense-selu", title: "dense 784-100-30, SELU", task: "train-dense-autoencoder", flags: {} },
  { name: "conv-selu", title: "convolutional 16-32-64, SELU", task: "train-conv-autoencoder", flags: {} },
  { name: "vae", title: "variational, 20 dimensions", task: "train-vae", flags: {} },
  ...(["relu", "linear"] as const).flatMap((ends) =>
    WITH_L1.flatMap(({ kind, title, task }) =>
      LATENTS.map((latent) => ({
        name: `${kind}-${latent}${ends === "relu" ? "" : "-linear"}`,
        title: `${title}, ${latent} numbers, L1${ends === "relu" ? "" : ", linear ends"}`,
        task,
        flags: { latent, ends },
      }))
    )
  ),
];

/** Test images that all of them draw. */
const SHOWN = 8;

/** What came out for one of them. */
interface Outcome {
  readonly contestant: Contestant;
  readonly run: StoredRun;
  readonly measured: Measured;
}

async function measured(
  run: StoredRun,
  { images, device }: { images: ImageSet; device: Device },
): Promise<Measured> {
  const model = await load(run.folder, device);
  if (!("measure" in model && "decode" in model)) {
    throw new Error(`Cannot compare ${run.folder} as it holds a ${model.kind}: train it again`);
  }
  return await model.measure(images);
}

function metric(run: StoredRun, name: string): number {
  return run.summary?.metrics[name] ?? NaN;
}

function drawn({ images, reconstructions }: Measured): Image[] {
  return imagesOf(reconstructions, [images.count, images.height, images.width, images.channels]);
}

function errorTable(outcomes: readonly Outcome[]): Block {
  return {
    kind: "table",
    table: {
      columns: [
        "Autoencoder",
        "Parameters",
        "MSE",
        "L1",
        "Cross-entropy, nats",
        "PSNR, dB",
        "Dead units",
        "Seconds",
      ],
      rows: outcomes.map(({ contestant, run }) => [
        contestant.title,
        run.summary?.parameters ?? NaN,
        metric(run, "held_out_mse"),
        metric(run, "held_out_l1"),
        metric(run, "held_out_bce"),
        metric(run, "held_out_psnr_db"),
        `${metric(run, "dead_units")} of ${metric(run, "latent_units")}`,
        Math.round(run.summary?.seconds ?? NaN),
      ]),
      caption:
        "Of all test images, a level. A unit of the bottleneck is dead that gives the same number for every image.",
    },
  };
}

/** The figure that is asked for: for each number of units the training loss, an input, and its reconstruction. */
async function sixPanels(
  pairs: readonly Outcome[],
  { title, images, truth }: { readonly title: string; readonly images: number; readonly truth: Image },
): Promise<Block> {
  const panels: Panel[] = [];
  for (const [index, { contestant, run, measured }] of pairs.entries()) {
    const letter = (offset: number) => `(${"abcdef"[3 * index + offset]})`, latent = contestant.flags.latent;
    const [learned] = await lossByEpoch(run.folder, { images, batch: batchOf(run) });
    panels.push(
      {
        title: `${letter(0)} ${latent} numbers: training loss`,
        plot: {
          x: { label: "epoch" },
          y: { label: "mean absolute error", unit: "levels" },
          series: [learned],
        },
      },
      { title: `${letter(1)} an input`, image: truth },
      { title: `${letter(2)} its reconstruction`, image: drawn(measured)[0] },
    );
  }
  return { kind: "panels", panels, columns: 3, caption: title };
}

function batchOf({ config: { model } }: StoredRun): number {
  const { batch } = model as { readonly batch: number };
  return batch;
}

/** What the figures say, in words. */
function findings(outcomes: readonly Outcome[]): string[] {
  const of = (name: string): Outcome => outcomes.find(({ contestant }) => contestant.name === name)!;
  const figure = (name: string, wanted: string): string => number(metric(of(name).run, wanted));
  const dead = outcomes.filter(({ run }) => metric(run, "dead_units") > 0);
  const all = dead.filter(({ run }) => metric(run, "dead_units") === metric(run, "latent_units"));
  return [
    `*Dense or convolutional.* With SELU the dense network's test images are off by a mean square of ${
      figure("dense-selu", "held_out_mse")
    }, the convolutional one's by ${
      figure("conv-selu", "held_out_mse")
    }. The comparison is not one of equal ` +
    "bottlenecks: 30 numbers against the 1,024 that the third pool leaves, more than the image has pixels. What the " +
    "convolutional network has to learn is not what to keep but how to draw it.",
    `*2 or 32 numbers.* With ReLU and L1 the dense network goes from ${
      figure("dense-2", "held_out_l1")
    } levels to ${figure("dense-32", "held_out_l1")}, the convolutional one from ${
      figure("conv-2", "held_out_l1")
    } to ${
      figure("conv-32", "held_out_l1")
    }. An image that is all black would be off by about .13: a network near that has learned nothing.`,
    dead.length === 0
      ? "*Dead units.* None died here; with other seeds some do."
      : `*Dead units.* A ReLU that is 0 for every image has no gradient and stays so. It befell ${
        dead.map(({ contestant, run }) =>
          `${metric(run, "dead_units")} of ${metric(run, "latent_units")} units of *${contestant.title}*`
        ).join(", ")
      }.` + (all.length === 0 ? "" : " Where all are dead every image gets the same drawing.") +
        ` The variant without a ReLU at bottleneck and output keeps ${
          metric(of("dense-2-linear").run, "latent_units") - metric(of("dense-2-linear").run, "dead_units")
        } of 2 alive in the dense network and ${
          metric(of("conv-2-linear").run, "latent_units") - metric(of("conv-2-linear").run, "dead_units")
        } of 2 in the convolutional one, at ${figure("dense-2-linear", "held_out_l1")} and ${
          figure("conv-2-linear", "held_out_l1")
        } levels.`,
    `*Generating.* The variational network pays for a latent that can be drawn from: ${
      figure("vae", "held_out_mse")
    } against ${figure("dense-selu", "held_out_mse")} of the plain one.`,
  ];
}

if (import.meta.main) {
  await runTask({
    name: "compare-autoencoders",
    summary: "Train dense, convolutional and variational autoencoders on the same images and compare them.",
    flags: {
      ...imageFlags,
      count: integer({ min: 1, help: "how many images to learn (default: the whole training split)" }),
      steps: integer({ min: 1, help: "optimizer updates of each network (default: its own epochs)" }),
      ...executorFlags,
    },
    run: async (flags, run) => {
      const { dataset, dataDir, size, channels, count, offset, steps, seed, device: kind, threads } = flags;
      const images = await openTrainingImages(flags, { most: Infinity, holdOut: true, session: run.session });
      const test = await openTestImages(flags, images);
      {
        // Closed before the runs, which use all processors themselves.
        await using device = await openTaskDevice(flags, run.session);
        await run.configure({
          dataset: images,
          device,
          model: { models: CONTESTANTS.map(({ name }) => name) },
        });
      }
      const shared = { dataset, dataDir, size, channels, count, offset, steps, seed, device: kind, threads };
      const lines = CONTESTANTS.map(({ name, task, flags }) => ({
        task,
        flags: { ...shared, ...flags },
        folder: name,
      }));
      const runs = await runManifest(lines, { within: run, executor: flags });

      await using device = await openTaskDevice(flags, run.session);
      const few = chosenImages(test, chosenRows(test, { count: SHOWN, seed }));
      const outcomes: Outcome[] = [];
      for (const [index, contestant] of CONTESTANTS.entries()) {
        outcomes.push({
          contestant,
          run: runs[index],
          measured: await measured(runs[index], { images: few, device }),
        });
      }
      const truth = imagesOf(few.pixels, [few.count, few.height, few.width, few.channels]);
      const curves = async (wanted: (outcome: Outcome) => boolean) =>
        (await Promise.all(
          outcomes.filter(wanted).map(async ({ contestant, run }) => {
            const [learned, unseen] = await lossByEpoch(run.folder, {
              images: images.count,
              batch: batchOf(run),
            });
            return [{ ...learned, name: contestant.title }, { ...unseen, name: `${contestant.title}, test` }];
          }),
        )).flat();
      const isL1 = ({ contestant }: Outcome): boolean => contestant.flags.latent !== undefined;
      const latents: Block[] = [];
      for (const name of ["dense-2", "dense-2-linear", "conv-2", "conv-2-linear"]) {
        const { contestant, run } = outcomes.find(({ contestant }) => contestant.name === name)!;
        latents.push(
          { kind: "paragraph", text: `*${contestant.title}*` },
          ...latentPlot(await measured(run, { images: chosenImages(test, firstRows(test)), device }), 2),
        );
      }
      await writePage(run, {
        title: `Autoencoders of ${images.count.toLocaleString("en-US")} images`,
        abstract:
          "An autoencoder keeps of an image what fits through its bottleneck. The same images, the same test " +
          "images, and the same measures for dense, convolutional and variational ones.",
        figures: outcomes.slice(0, 3).map(({ contestant, run }) => ({
          label: contestant.title,
          value: number(metric(run, "held_out_mse")),
          note: "MSE of test images",
        })),
        sections: [
          {
            title: "Errors",
            blocks: [
              errorTable(outcomes),
              ...findings(outcomes).map((text): Block => ({ kind: "paragraph", text })),
            ],
          },
          {
            title: "The same test images, drawn by each",
            blocks: [{
              kind: "sheet",
              sheet: {
                columns: SHOWN,
                sections: [
                  { caption: "Test images drawn at random", tiles: truth.map((image) => ({ image })) },
                  ...outcomes.map(({ contestant, measured }) => ({
                    caption: contestant.title,
                    tiles: drawn(measured).map((image) => ({ image })),
                  })),
                ],
              },
            }],
          },
          {
            title: "Loss by epoch",
            blocks: [
              {
                kind: "plot",
                plot: {
                  x: { label: "epoch" },
                  y: { label: "loss", unit: "nats a level", scale: "log" },
                  series: await curves((outcome) => !isL1(outcome)),
                },
                caption:
                  "Cross-entropy; that of the variational network includes the divergence of its latents.",
              },
              ...await Promise.all(
                WITH_L1.map(({ kind, title }) =>
                  sixPanels(
                    LATENTS.map((latent) => outcomes.find((o) => o.contestant.name === `${kind}-${latent}`)!),
                    {
                      title:
                        `The ${title} network with ReLU after every layer and L1, with 2 and with 32 numbers.`,
                      images: images.count,
                      truth: truth[0],
                    },
                  )
                ),
              ),
            ],
          },
          { title: "Two numbers an image", blocks: latents },
        ],
      });
      const sum = (field: "parameters" | "steps"): number =>
        runs.reduce((total, { summary }) => total + (summary?.[field] ?? 0), 0);
      const named = outcomes.flatMap(({ contestant, run }) =>
        ["held_out_mse", "held_out_l1", "held_out_bce", "held_out_psnr_db", "dead_units"].map((name) =>
          [`${contestant.name.replaceAll("-", "_")}_${name}`, metric(run, name)] as const
        )
      );
      await run.finish({
        metrics: Object.fromEntries(named),
        parameters: sum("parameters"),
        steps: sum("steps"),
      });
      for (const { contestant, run: { summary } } of outcomes) {
        const { held_out_mse, held_out_l1, held_out_bce, dead_units } = summary?.metrics ?? {};
        run.note(
          `${contestant.title}: held-out MSE ${number(held_out_mse ?? NaN)}, L1 ${
            number(held_out_l1 ?? NaN)
          }, ` +
            `cross-entropy ${number(held_out_bce ?? NaN)}, ${dead_units} dead`,
        );
      }
      run.note(`see ${join(run.folder, "report.html")}`);
    },
  });
}

/** The rows of the test images whose latents are drawn. */
function firstRows(test: ImageSet): Int32Array {
  return Int32Array.from({ length: Math.min(2000, test.count) }, (_, row) => row);
}
