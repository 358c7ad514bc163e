/** What an autoencoder made of an image set: its codes, and better ones where they are searched for. */
import type { ImageSet } from "../../data/images.ts";
import type { Device } from "../../engine/device.ts";
import { distinctRows, psnr } from "../../metrics/mod.ts";
import { writeCodes } from "../../run/codes.ts";
import { levels } from "../../run/images.ts";
import type { Reconstructed } from "../../run/reconstruction.ts";
import type { Run } from "../../run/run.ts";
import { type Coded, reconstruct, redraw } from "./coding.ts";
import type { Network } from "./networks.ts";
import { searchCodes, type SearchProgress } from "./search_codes.ts";

/**
 * Draws images from their codes, and measures that. Those of the images that were learned are written into the folder
 * of `run`; where the decoder has learned fixed codes, they are told apart as they were then.
 *
 * @param options.flags.search rounds of a search for better codes than the encoder's; absent: 0.
 */
export async function measureCodes({ network, config }: {
  readonly network: Network;
  readonly config: { readonly settle: number };
}, options: {
  readonly run: Run;
  readonly device: Device;
  readonly images: ImageSet;
  readonly learned: boolean;
  readonly flags: { readonly search?: number };
}): Promise<Reconstructed> {
  const { run, device, learned, flags: { search = 0 } } = options, images = levels(options.images);
  const apart = learned && config.settle < 1;
  const encoded = await reconstruct({ network }, { device, images, apart });
  const found = search === 0 ? encoded : await searched({ network }, {
    ...{ run, device, images, search },
    ...{ codes: encoded.codes, split: options.images.split },
  });
  const { codes, reconstructions, framedErrors } = found;
  const encoder: Readonly<Record<string, number>> = search === 0
    ? {}
    : { psnr_encoder_db: psnr(images, encoded.reconstructions, { size: network.pixels, peak: 1 }) };
  if (!learned) return { reconstructions, metrics: encoder };
  await writeCodes(run, codes, network.code);
  // An image whose only pixel is off by the root of its mean squared error has the PSNR of the whole.
  const roots = framedErrors.map(Math.sqrt), zeros = new Float32Array(roots.length);
  const padded: Readonly<Record<string, number>> = network.padded
    ? { psnr_padded_db: psnr(roots, zeros, { size: 1, peak: 1 }) }
    : {};
  return {
    reconstructions,
    metrics: {
      ...padded,
      ...encoder,
      distinct_codes: distinctRows(codes, network.bits).first.length,
      distinct_images: distinctRows(options.images.pixels, network.pixels).first.length,
    },
  };
}

/** What is drawn from the codes that a search finds. */
async function searched(model: { readonly network: Network }, options: {
  readonly run: Run;
  readonly device: Device;
  readonly images: Float32Array;
  readonly codes: Int8Array;
  readonly split: string;
  readonly search: number;
}): Promise<Coded> {
  const { run: { session }, device, images, split, search } = options;
  let begun = performance.now();
  const onProgress = async ({ round, tried, open, improved }: SearchProgress): Promise<void> => {
    const now = performance.now();
    const position = {
      phase: `search ${round}/${search}, ${split} images`,
      step: tried,
      steps: open,
      seconds: (now - begun) / 1000,
      values: { improved },
    };
    if (tried < open) {
      session.progress.update(position);
    } else {
      session.progress.end(position);
      begun = now;
    }
    await session.pause();
  };
  const codes = await searchCodes(model.network, {
    ...{ device, images, rounds: search, onProgress },
    codes: options.codes,
  });
  return await redraw(model, { device, images, codes });
}
