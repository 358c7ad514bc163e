/** `deno task sample RUN`: draws more sequences or images from a trained model, and says how many it learned as they are. */
import { join } from "node:path";
import { exists, writeAtomically } from "../base/files.ts";
import { writeTensors } from "../base/safetensors.ts";
import { sequencesToCodes } from "../data/sequences.ts";
import { AUTOENCODER_PART } from "../models/binary_autoencoder.ts";
import { load } from "../models/mod.ts";
import { countMemorized } from "../run/counting.ts";
import { openTaskDevice } from "../run/device.ts";
import { moreImages } from "../run/generation.ts";
import { runFolder } from "../run/named_run.ts";
import { findRun, Run } from "../run/run.ts";
import { sequenceFlags } from "../run/sequence_source.ts";
import { SAMPLE_BATCH } from "../run/sampling.ts";
import { openStoredSource } from "../run/sources.ts";
import { readStoredFlags } from "../run/stored_flags.ts";
import { argument, commonFlags, integer, runTool, text, UsageError } from "../run/task.ts";

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
    summary:
      "Draw more sequences or images from a trained model, and say how many of them are training data.",
    flags: {
      run: argument({
        placeholder: "RUN",
        help: "a finished run of a sequence model or a generator: its folder, its name in runs/, or latest",
      }),
      samples: integer({ min: 1, default: 10_000, help: "how many to generate" }),
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
      const folder = await runFolder(flags.run);
      const stored = await findRun(folder);
      if (stored?.summary?.status !== "completed") {
        throw new UsageError(`RUN must be the folder of a finished run: current value is "${flags.run}"`);
      }
      if (flags.out !== undefined && await isTaken(flags.out)) {
        throw new UsageError(`--out ${flags.out} exists and is not empty: choose another`);
      }
      await using device = await openTaskDevice(flags, session);
      const trained = await load(folder, device);
      const out = flags.out ?? join(folder, `samples-s${seed}`);
      if ("generate" in trained) {
        return await moreImages(trained, { stored, out, device, session, samples: count, seed });
      }
      if (!("sample" in trained)) {
        throw new Error(
          `Cannot sample from ${flags.run} as there is nothing to sample from a ${trained.kind}: name a run of a ` +
            "sequence model or a generator, such as train-seq2hist or train-flow",
        );
      }
      const path = join(stored.folder, "config.json");
      const source = await openStoredSource(stored, {
        flags: readStoredFlags(sequenceFlags, stored.config.flags, { path }),
        autoencoder: AUTOENCODER_PART,
      });
      const data = await source.open({ run: Run.finished(session, stored), device });

      session.note(`generating ${count.toLocaleString("en-US")} sequences`);
      session.follow("generating", Math.ceil(count / SAMPLE_BATCH));
      const tokens = await trained.sample({ count, seed });
      const { length } = data.sequences;
      const found = await countMemorized(tokens, data.sequences.tokens, { length, session });
      session.follow("drawing");
      const exhibit = await data.show({
        title: `Samples of ${trained.kind}, seed ${seed}`,
        tokens,
        matches: found.matches,
        memorizedFraction: found.fraction,
      });
      await Deno.mkdir(out, { recursive: true });
      await writeTensors(join(out, "samples.safetensors"), {
        tokens: { shape: [count, length], data: tokens },
        ...(data.codes === undefined
          ? {}
          : { codes: { shape: [count, ...data.codes], data: sequencesToCodes(tokens, data.codes) } }),
      });
      for (const [name, content] of Object.entries(exhibit.files)) {
        await writeAtomically(join(out, name), content);
      }
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
      return {
        folder: out,
        metrics: {
          samples: count,
          memorized_fraction: found.fraction,
          memorized_fraction_low: low,
          memorized_fraction_high: high,
          coverage: found.coverage,
        },
      };
    },
  });
}
