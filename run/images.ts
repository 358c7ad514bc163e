import { type ImageDataset, type ImageSet, openImages } from "../data/images.ts";

/** What a task's flags say about its images. */
export interface ImageFlags {
  readonly dataset: ImageDataset;
  readonly dataDir: string | undefined;
  readonly offset: number;
  readonly count: number | undefined;
  readonly size?: number;
  readonly channels?: "1" | "3";
}

/** As many images are learned where `--count` does not say. */
const MOST = 1024;

/**
 * The training images that a task's flags choose: `--count` of them, else as many as there are up to `most`.
 *
 * @param options.holdOut Whether images of one's own without a test split keep every fifth of each label for
 * `openTestImages`. Absent: no.
 * @throws {RangeError} naming the flag that asks for more than there is.
 */
export async function openTrainingImages(
  flags: ImageFlags,
  options: { readonly most?: number; readonly holdOut?: boolean } = {},
): Promise<ImageSet> {
  const { offset, count } = flags, { most = MOST, holdOut } = options;
  return await openImages({ ...sourceOf(flags), split: "train", offset, count, atMost: most, holdOut });
}

/** The whole test split of the set, in the shape of its training images. */
export async function openTestImages(flags: ImageFlags, training: ImageSet): Promise<ImageSet> {
  return await openImages({ ...sourceOf(flags), split: "test", channels: training.channels as 1 | 3 });
}

function sourceOf({ dataset, dataDir, size, channels }: ImageFlags) {
  return { dataset, dataDir, size, channels: channels === undefined ? undefined : Number(channels) as 1 | 3 };
}
