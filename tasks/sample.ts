/** `deno task sample RUN`: draws more sequences from a trained model, and says how many are training sequences. */
import { join } from "node:path";
import { exists, writeAtomically } from "../base/files.ts";
import { writeTensors } from "../base/safetensors.ts";
import { CODE_SHAPE, codesToSequences, sequencesToCodes } from "../data/sequences.ts";
import { openDevice } from "../engine/open.ts";
import { type Memorization, memorization } from "../metrics/mod.ts";
import { decodeCodes, loadAutoencoder } from "../models/binary_autoencoder.ts";
import { load } from "../models/load.ts";
import { HAIRLINE, imageGrid, imagesOf } from "../report/grid.ts";
import { PALETTE } from "../report/palette.ts";
import { readCodes } from "../run/codes.ts";
import { findRun } from "../run/run.ts";
import { argument, commonFlags, integer, runTool, text, UsageError } from "../run/task.ts";

/** The sheet shows this many samples. */
const SHOWN = 60;

/** Draws the first samples, framed where they are memorized. */
function sheet(title: string, options: {
  /** [shown, pixels] in 0..1. */
  readonly images: Float32Array;
  readonly shown: number;
  readonly found: Memorization;
}): Uint8Array {
  const { images, shown, found } = options;
  const side = Math.sqrt(images.length / shown);
  return imageGrid({
    title,
    sections: [{
      caption: `The first ${shown} of ${found.samples.toLocaleString("en-US")} samples, none chosen`,
      legend: [
        { colour: PALETTE.vermilion, text: "memorized: a training sequence, and the number of its image" },
        { colour: HAIRLINE, text: "new: the sequence of no training image" },
      ],
      tiles: imagesOf(images, [shown, side, side]).map((image, index) => ({
        image,
        label: found.matches[index] >= 0 ? `#${found.matches[index]}` : "new",
        frame: found.matches[index] >= 0 ? PALETTE.vermilion : undefined,
      })),
    }],
  });
}

/** Whether something stands at `path` that must not be mixed with samples. */
async function isTaken(path: string): Promise<boolean> {
  if (!(await exists(path))) return false;
  if (!(await Deno.stat(path)).isDirectory) return true;
  for await (const _ of Deno.readDir(path)) return true;
  return false;
}

if (import.meta.main) {
  const { device, threads, debug } = commonFlags;
  await runTool({
    name: "sample",
    summary: "Draw more sequences from a trained model, and say how many of them are training sequences.",
    flags: {
      run: argument({ placeholder: "RUN", help: "the folder of a finished run of a sequence model" }),
      samples: integer({ min: 1, default: 10_000, help: "how many sequences to generate" }),
      seed: integer({
        min: 0,
        max: Number.MAX_SAFE_INTEGER,
        default: 1,
        help: "fixes the draw; the run itself drew with its own --seed",
      }),
      out: text({ placeholder: "DIR", help: "where to write the samples (default: RUN/samples-s<seed>)" }),
      device,
      threads,
      debug,
    },
    run: async (flags, session) => {
      const { samples: count, seed } = flags;
      if ((await findRun(flags.run))?.summary?.status !== "completed") {
        throw new UsageError(`RUN must be the folder of a finished run: current value is "${flags.run}"`);
      }
      if (flags.out !== undefined && await isTaken(flags.out)) {
        throw new UsageError(`--out ${flags.out} exists and is not empty: choose another`);
      }
      await using device = await openDevice(flags.device, flags);
      const trained = await load(flags.run, device);
      if (trained.kind === "binary-autoencoder" || trained.kind === "classifier") {
        throw new Error(
          `Cannot sample from ${flags.run} as there is nothing to sample from a ${trained.kind}: name a run of ` +
            "train-seq2token, train-seq2seq or train-seq2hist",
        );
      }
      const sequences = codesToSequences(await readCodes(join(flags.run, "autoencoder")));
      const { length } = sequences;
      session.note(`generating ${count.toLocaleString("en-US")} sequences`);
      const tokens = await trained.sample({ count, seed });
      const found = memorization(tokens, sequences.tokens, { length });

      const out = flags.out ?? join(flags.run, `samples-s${seed}`);
      await Deno.mkdir(out, { recursive: true });
      const codes = sequencesToCodes(tokens);
      await writeTensors(join(out, "samples.safetensors"), {
        codes: { shape: [count, ...CODE_SHAPE], data: codes },
        tokens: { shape: [count, length], data: tokens },
      });
      const shown = Math.min(SHOWN, count);
      const autoencoder = await loadAutoencoder(join(flags.run, "autoencoder"));
      const images = await decodeCodes(autoencoder, {
        device,
        codes: codes.subarray(0, codes.length / count * shown),
      });
      const title = `Samples of ${trained.kind}, seed ${seed}`;
      await writeAtomically(join(out, "samples.png"), sheet(title, { images, shown, found }));

      const percent = (share: number): string => `${(100 * share).toFixed(2)}%`;
      const { low, high } = found.interval;
      session.note(
        `memorized fraction ${percent(found.fraction)} of ${count} samples (95% interval ${
          percent(low)
        } to ` +
          `${percent(high)}), coverage ${
            percent(found.coverage)
          } of the distinct training sequences: see ${out}`,
      );
    },
  });
}
