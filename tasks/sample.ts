/** `deno task sample RUN`: draws more sequences or images from a trained model, and says how many it has learned as they are. */
import { join } from "node:path";
import { exists, writeAtomically } from "../base/files.ts";
import { htmlReport } from "../report/html.ts";
import { GLOSSARY } from "../report/glossary.ts";
import { count as grouped, percent } from "../report/numbers.ts";
import { writeTensors } from "../base/safetensors.ts";
import { sequencesToCodes } from "../data/sequences.ts";
import type { Device } from "../engine/device.ts";
import { load } from "../models/mod.ts";
import { countMemorized } from "../run/counting.ts";
import { openTaskDevice } from "../run/device.ts";
import { moreImages } from "../run/generation.ts";
import type { StoredRun } from "../run/run.ts";
import { samplingRuns } from "../run/sampling.ts";
import type { SequenceData } from "../run/sequence_source.ts";
import { commonFlags, integer, number, runTool, text, UsageError } from "../run/task.ts";
import { datasetInWords } from "../run/write_report.ts";
import { findLearned, learnedArgument, openLearned } from "./learned.ts";

/** The tasks whose models make images. */
const GENERATORS: ReadonlySet<string> = new Set(["train-flow", "train-dcgan"]);

/** The generator of images that a run holds; undefined where it holds another model. */
async function generatorOf({ folder, config }: StoredRun, device: Device) {
  if (!GENERATORS.has(config.task)) return undefined;
  const model = await load(folder, device);
  return "generate" in model ? model : undefined;
}

/** Whether something stands at `path` that must not be mixed with samples. */
async function isTaken(path: string): Promise<boolean> {
  if (!(await exists(path))) return false;
  if (!(await Deno.stat(path)).isDirectory) return true;
  for await (const _ of Deno.readDir(path)) return true;
  return false;
}

/** Makes the folder `path`, or the first of `path`-2, -3, … that does not exist yet. */
async function newFolder(path: string): Promise<string> {
  for (let attempt = 1;; attempt++) {
    const folder = attempt === 1 ? path : `${path}-${attempt}`;
    try {
      await Deno.mkdir(folder);
      return folder;
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
  }
}

/** The tokens of the prompt, once for each sequence; undefined without one. */
function beginnings(
  prompt: string | undefined,
  { data: { read, sequences }, count }: { readonly data: SequenceData; readonly count: number },
): Int32Array | undefined {
  if (prompt === undefined) return undefined;
  if (read === undefined) throw new UsageError("--prompt goes with runs that learned text: leave it out");
  const tokens = read(prompt);
  if (tokens.length >= sequences.length) {
    throw new UsageError(
      `--prompt must be shorter than the ${sequences.length} symbols of a window: current length is ${tokens.length}`,
    );
  }
  return Int32Array.from({ length: count * tokens.length }, (_, at) => tokens[at % tokens.length]);
}

if (import.meta.main) {
  const { device, threads, debug } = commonFlags;
  await runTool({
    name: "sample",
    summary:
      "Draw more sequences or images from a trained model, and say how many of them are training data.",
    flags: {
      run: learnedArgument,
      samples: integer({ min: 1, default: 10_000, help: "how many to generate" }),
      seed: integer({
        min: 0,
        max: Number.MAX_SAFE_INTEGER,
        default: 1,
        help: "fixes the draw; the run itself drew with its own --seed",
      }),
      prompt: text({ help: "what each begins with, where text was learned" }),
      temperature: number({
        min: 0.01,
        max: 100,
        default: 1,
        help: "below 1 what is probable gets more so, above 1 all gets more alike",
      }),
      out: text({
        placeholder: "DIR",
        help:
          "where to write the samples (default: RUN/samples-s<seed>, or with -2, -3, … where that is taken)",
      }),
      device,
      threads,
      debug,
    },
    run: async (flags, session) => {
      const { samples: count, seed } = flags;
      const stored = await findLearned(flags.run);
      if (flags.out !== undefined && await isTaken(flags.out)) {
        throw new UsageError(`--out ${flags.out} exists and is not empty: choose another`);
      }
      await using device = await openTaskDevice(flags, session);
      const place = async (): Promise<string> =>
        flags.out ?? await newFolder(join(stored.folder, `samples-s${seed}`));
      const generator = await generatorOf(stored, device);
      if (generator !== undefined) {
        if (flags.prompt !== undefined || flags.temperature !== 1) {
          throw new UsageError("--prompt and --temperature go with sequence models: leave them out");
        }
        return await moreImages(generator, { stored, place, device, session, samples: count, seed });
      }
      const { model, data } = await openLearned(stored, { device, session, samples: count });
      const given = beginnings(flags.prompt, { data, count });

      session.note(`generating ${count.toLocaleString("en-US")} sequences`);
      session.follow("generating", samplingRuns(count, data.sequences.length));
      const tokens = await model.sample({ count, seed, given, temperature: flags.temperature });
      const { length } = data.sequences;
      const found = await countMemorized(tokens, data.sequences.tokens, { length, session });
      session.follow("drawing");
      const title = `Samples of ${model.kind}: ${datasetInWords(stored.config.dataset)}`;
      const exhibit = await data.show({
        title,
        tokens,
        matches: found.matches,
        memorizedFraction: found.fraction,
      });
      const out = await place();
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
      const { low, high } = found.interval;
      const how = [
        `seed ${seed}`,
        ...flags.prompt === undefined ? [] : [`from ${JSON.stringify(flags.prompt)} on`],
        ...flags.temperature === 1 ? [] : [`temperature ${flags.temperature}`],
      ];
      await writeAtomically(
        join(out, "report.html"),
        await htmlReport({
          title,
          abstract:
            `${grouped(count)} sequences drawn from ${stored.folder}, ${
              how.join(", ")
            }, and how many of them are ` +
            "training sequences.",
          figures: [
            {
              label: "memorized fraction",
              value: percent(found.fraction),
              note: `of ${grouped(count)} samples; 95 % interval ${percent(low)} to ${percent(high)}`,
            },
            { label: "coverage", value: percent(found.coverage), note: "of the distinct training sequences" },
          ],
          sections: [{ title: "What it generates", blocks: exhibit.blocks }],
          glossary: GLOSSARY,
        }),
      );
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
