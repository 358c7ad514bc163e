/**
 * `deno task common-features`: what a convolutional autoencoder holds to be common to all images. The mean of its latents
 * over the training images, decoded, beside the mean image itself and the means of the classes.
 */
import { join } from "node:path";
import type { ImageSet } from "../data/images.ts";
import { imageFlags, openTrainingImages } from "../run/images.ts";
import { load } from "../models/mod.ts";
import { type Image, imageGrid } from "../report/grid.ts";
import { number } from "../report/numbers.ts";
import { writeAtomically } from "../base/files.ts";
import { openTaskDevice } from "../run/device.ts";
import { executorFlags, runManifest } from "../run/manifest.ts";
import { findRun, type StoredRun } from "../run/run.ts";
import { integer, runTask, text, UsageError } from "../run/task.ts";
import { writePage } from "../run/write_report.ts";

const TASK = "train-conv-autoencoder", LATENTS = [2, 32] as const;

/** The mean of the rows of [count, size] that `wanted` chooses. */
function meanRow(
  values: ArrayLike<number>,
  { size, wanted }: { readonly size: number; readonly wanted: (row: number) => boolean },
): Float32Array {
  const sums = new Float64Array(size);
  let count = 0;
  for (let row = 0; row * size < values.length; row++) {
    if (!wanted(row)) continue;
    count++;
    for (let at = 0; at < size; at++) sums[at] += values[row * size + at];
  }
  return Float32Array.from(sums, (sum) => count === 0 ? 0 : sum / count);
}

/** The mean of the images of one class, or of all. */
function meanImage({ pixels, labels, count, height, width, channels }: ImageSet, label?: number): Image {
  const size = pixels.length / count;
  const mean = meanRow(pixels, { size, wanted: (row) => label === undefined || labels[row] === label });
  return { pixels: mean.map((level) => level / 255), shape: [height, width, channels] };
}

/** Root of the mean squared difference of two images, in levels. */
function distance(a: Image, b: Image): number {
  let squares = 0;
  for (let at = 0; at < a.pixels.length; at++) squares += (a.pixels[at] - b.pixels[at]) ** 2;
  return Math.sqrt(squares / a.pixels.length);
}

/** The networks that `compare-autoencoders` trained in `folder`. */
async function existing(folder: string): Promise<readonly StoredRun[]> {
  return await Promise.all(LATENTS.map(async (latent) => {
    const found = await findRun(join(folder, `conv-${latent}`));
    if (found?.summary?.status !== "completed" || found.config.task !== TASK) {
      throw new UsageError(
        `--autoencoders must name a finished run of compare-autoencoders: current value is "${folder}"`,
      );
    }
    return found;
  }));
}

if (import.meta.main) {
  await runTask({
    name: "common-features",
    summary: "Decode the mean latent of convolutional autoencoders over all training images.",
    flags: {
      ...imageFlags,
      count: integer({ min: 1, help: "how many images to learn (default: the whole training split)" }),
      steps: integer({ min: 1, help: "optimizer updates of each network (default: its own epochs)" }),
      autoencoders: text({
        placeholder: "RUN",
        help: "a finished run of compare-autoencoders on the same images (default: train the two networks)",
      }),
      ...executorFlags,
    },
    run: async (flags, run) => {
      const {
        dataset,
        dataDir,
        size,
        channels,
        count,
        offset,
        steps,
        seed,
        device: kind,
        threads,
        autoencoders,
      } = flags;
      const images = await openTrainingImages(flags, { most: Infinity, holdOut: true, session: run.session });
      const given = autoencoders === undefined ? undefined : await existing(autoencoders);
      {
        // Closed before the runs, which use all processors themselves.
        await using device = await openTaskDevice(flags, run.session);
        await run.configure({ dataset: images, device, model: { latents: LATENTS } });
      }
      const shared = { dataset, dataDir, size, channels, count, offset, steps, seed, device: kind, threads };
      const lines = LATENTS.map((latent) => ({
        task: TASK,
        flags: { ...shared, latent },
        folder: `conv-${latent}`,
      }));
      const runs = given ?? await runManifest(lines, { within: run, executor: flags });

      await using device = await openTaskDevice(flags, run.session);
      const whole = meanImage(images);
      const common: { latent: number; image: Image; apart: number; spread: number; dead: number }[] = [];
      for (const [index, latent] of LATENTS.entries()) {
        const model = await load(runs[index].folder, device);
        if (model.kind !== "conv-autoencoder") {
          throw new Error(`Cannot use ${runs[index].folder} as it holds a ${model.kind}: train it again`);
        }
        const { latents, reconstructions } = await model.measure(images);
        const mean = meanRow(latents, { size: latent, wanted: () => true });
        const [image] = await model.decode(mean);
        const size = reconstructions.length / images.count;
        const drawn = meanRow(reconstructions, { size, wanted: () => true });
        common.push({
          latent,
          image,
          apart: distance(image, whole),
          spread: distance({ pixels: drawn, shape: whole.shape }, whole),
          dead: runs[index].summary?.metrics.dead_units ?? NaN,
        });
      }
      const classes = Array.from({ length: images.classes }, (_, label) => ({
        image: meanImage(images, label),
        label: String(label),
      }));
      await writeAtomically(
        run.path("common-features.png"),
        imageGrid({ sections: [{ tiles: common.map(({ image }) => ({ image })) }] }),
      );
      const nearest = ({ image }: { image: Image }): { readonly label: string; readonly apart: number } =>
        classes.map(({ image: other, label }) => ({ label, apart: distance(image, other) }))
          .sort((a, b) => a.apart - b.apart)[0];
      await writePage(run, {
        title: `What ${images.count.toLocaleString("en-US")} images have in common`,
        abstract:
          "Each image becomes a few numbers. Their mean over all images, decoded, is what the network draws when " +
          "it is told nothing about an image but what is true of all.",
        figures: common.map(({ latent, apart }) => ({
          label: `${latent} numbers`,
          value: number(apart),
          note: "levels between the decoded mean and the mean image, root of the mean square",
        })),
        sections: [
          {
            title: "The decoded mean",
            blocks: [
              {
                kind: "panels",
                columns: 2,
                panels: common.map(({ latent, image }, index) => ({
                  title: `(${"ab"[index]}) ${latent} numbers`,
                  image,
                })),
                caption: "The mean latent over all training images, decoded.",
              },
              ...common.map((each) => {
                const near = nearest(each);
                return {
                  kind: "paragraph" as const,
                  text:
                    `*${each.latent} numbers.* The drawing is ${
                      number(each.apart)
                    } levels from the mean image and ` +
                    `${number(near.apart)} from the mean of class ${near.label}, the nearest. ` +
                    (near.apart < each.apart
                      ? "The decoder is not linear: the middle of all latents is not drawn as the middle of all " +
                        "images, but as an image of the kind whose latents lie around that middle."
                      : "It is nearest to the mean of all images: the decoder blends what lies around the middle.") +
                    ` The mean of all its drawings is ${
                      number(each.spread)
                    } levels from the mean image: under L1 each ` +
                    "drawing is a median, which is blacker than the mean. " +
                    (each.dead > 0
                      ? `${each.dead} of its units are dead and say nothing about any image.`
                      : "None of its units is dead."),
                };
              }),
            ],
          },
          {
            title: "Beside it: means of images",
            blocks: [{
              kind: "sheet",
              sheet: { sections: [{ tiles: [{ image: whole, label: "all" }, ...classes] }] },
              caption: "The mean of all training images, and the mean of each class.",
            }],
          },
        ],
      });
      await run.finish({
        metrics: Object.fromEntries(common.map(({ latent, apart }) => [`mean_distance_${latent}`, apart])),
        parameters: runs.reduce((sum, { summary }) => sum + (summary?.parameters ?? 0), 0),
        steps: runs.reduce((sum, { summary }) => sum + (summary?.steps ?? 0), 0),
      });
      run.note(`see ${run.path("report.html")}`);
    },
  });
}
