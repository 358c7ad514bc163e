/**
 * `deno task fid --reference … --samples …`: the Fréchet Inception distance of two sets of images, by the published network
 * and a stated way to resize.
 *
 * After: Heusel et al. (2017); the resizing `clean` is that of Parmar et al. (2022).
 */
import { createHash } from "node:crypto";
import { type Gallery, openGallery } from "../data/gallery.ts";
import { openImages } from "../data/images.ts";
import type { Images } from "../data/image_set.ts";
import { readInceptionWeights } from "../data/inception_weights.ts";
import { RESIZE_RULES } from "../data/resize.ts";
import { featureStatistics, frechetDistance, mustHaveFullRank } from "../metrics/frechet.ts";
import {
  build,
  INCEPTION_BATCH,
  INCEPTION_SIZE,
  INCEPTION_TAPS,
  inceptionFeatures,
} from "../models/inception.ts";
import { count, number } from "../report/numbers.ts";
import { openTaskDevice } from "../run/device.ts";
import { keptSamples } from "../run/generated_images.ts";
import { runFolder } from "../run/named_run.ts";
import { findRun } from "../run/run.ts";
import { choice, commonFlags, integer, runTask, text, UsageError } from "../run/task.ts";
import { metricsTable, writePage } from "../run/write_report.ts";

type Pictures = Pick<Gallery, "count" | "picture">;

/** Data sets whose name alone says where images are. */
const NAMED = ["digits", "mnist", "cifar10", "cifar100"] as const;
const FEATURES = INCEPTION_TAPS[3];

function picturesOf({ pixels, labels, height, width, channels }: Images): Pictures {
  const area = height * width * channels, colours = channels === 1 ? 1 : 3;
  return {
    count: labels.length,
    picture: (index) => {
      const one = pixels.slice(index * area, (index + 1) * area);
      return Promise.resolve({ height, width, channels: colours, pixels: one });
    },
  };
}

/** The first images, `most` of them, of what a flag names: a data set, a run that made some, a folder or a file. */
async function openPictures(
  name: string,
  { dataDir, most }: { readonly dataDir: string | undefined; readonly most: number | undefined },
): Promise<Pictures> {
  const pictures = await openAll(name, { dataDir, most });
  return { ...pictures, count: Math.min(pictures.count, most ?? Infinity) };
}

async function openAll(
  name: string,
  { dataDir, most }: { readonly dataDir: string | undefined; readonly most: number | undefined },
): Promise<Pictures> {
  const [set, part = "test"] = name.split(":"), dataset = NAMED.find((one) => one === set);
  if (dataset !== undefined) {
    const split = part === "train" ? "train" : part === "test" ? "test" : undefined;
    if (split === undefined) {
      throw new UsageError(
        `Cannot open ${name} as a data set has two parts: name ${set}:train or ${set}:test`,
      );
    }
    return picturesOf(await openImages({ dataset, dataDir, split, atMost: most }));
  }
  const folder = await runFolder(name);
  if (await findRun(folder) === undefined) return await openGallery(name);
  const { shape: [height, width, channels], ...made } = await keptSamples(folder);
  return picturesOf({ ...made, height, width, channels, classes: 1 });
}

if (import.meta.main) {
  const { seed: _seed, dataset: _dataset, offset: _offset, steps: _steps, budget: _budget, ...common } =
    commonFlags;
  const sources =
    "a data set (cifar100: its test images, cifar100:train), a run that made images, a folder of PNG or JPEG " +
    "files, or an .npy or .npz";
  await runTask({
    name: "fid",
    summary: "Measure the Fréchet Inception distance of two sets of images.",
    flags: {
      reference: text({ placeholder: "NAME|PATH", help: `what to compare with: ${sources}` }),
      samples: text({ placeholder: "NAME|PATH", help: "what was made, named likewise" }),
      weights: text({
        placeholder: "FILE",
        help: "Inception's weights as a PyTorch file (default: those of `deno task fetch inception`)",
      }),
      resize: choice(RESIZE_RULES, {
        default: "clean",
        help:
          `how images are brought to ${INCEPTION_SIZE} x ${INCEPTION_SIZE}: cubic without rounding, or bilinear`,
      }),
      ...common,
      count: integer({ min: 1, help: "how many images of each to use at most, the first (default: all)" }),
      dataDir: text({
        placeholder: "DIR",
        help: "where the files of data sets that are named lie (default: .cache/data/<name>)",
      }),
    },
    run: async (flags, run) => {
      const { session } = run;
      if (flags.reference === undefined || flags.samples === undefined) {
        throw new UsageError("--reference and --samples must name two sets of images");
      }
      const options = { dataDir: flags.dataDir, most: flags.count };
      const reference = await openPictures(flags.reference, options);
      const samples = await openPictures(flags.samples, options);
      for (const { count } of [reference, samples]) mustHaveFullRank(count, FEATURES);
      const { state, arePublished } = await readInceptionWeights(flags.weights);
      const model = build(state), hash = createHash("sha256");
      session.follow("reading images", samples.count);
      for (let index = 0; index < samples.count; index++) {
        hash.update((await samples.picture(index)).pixels);
        await session.between();
      }
      await using device = await openTaskDevice(flags, session);
      await run.configure({
        dataset: {
          ...{ name: "samples", split: "all", offset: 0, count: samples.count },
          sha256: hash.digest("hex"),
        },
        device,
        model: { model: "inception", published: arePublished },
      });
      const statistics = [];
      for (const [name, pictures] of Object.entries({ reference, samples })) {
        session.follow(`looking at ${name}`, Math.ceil(pictures.count / INCEPTION_BATCH));
        const features = await inceptionFeatures(model, { device, pictures, rule: flags.resize });
        statistics.push(featureStatistics(features, FEATURES));
      }
      session.follow("measuring the distance");
      await session.between();
      const distance = frechetDistance(statistics[0], statistics[1]),
        name = arePublished ? "fid" : "fd_inception";
      const metrics = {
        [name]: distance,
        samples: samples.count,
        reference_images: reference.count,
        features: FEATURES,
      };
      await writePage(run, {
        title: `${flags.samples} beside ${flags.reference}`,
        abstract: "How far two sets of images are apart, by what Inception-v3 sees in them.",
        figures: [{ label: arePublished ? "FID" : "Fréchet distance", value: number(distance) }],
        sections: [{
          title: "Distance",
          blocks: [
            {
              kind: "paragraph",
              text:
                `The Fréchet distance [@fid] of ${
                  count(FEATURES)
                } features of Inception-v3 [@inception], images resized ` +
                `by the rule \`${flags.resize}\` [@cleanfid]; in double precision. ` +
                (arePublished
                  ? "The weights are the published ones."
                  : "The weights are **not** the published ones: this is no FID."),
            },
            metricsTable(metrics),
          ],
        }],
        references: [],
      });
      await run.finish({ metrics, parameters: 0, steps: 0 });
      run.note(
        `${name} ${number(distance)} (${flags.resize}, ${count(samples.count)} images beside ${
          count(reference.count)
        })${arePublished ? "" : ": no FID, as the weights are not the published ones"}`,
      );
    },
  });
}
