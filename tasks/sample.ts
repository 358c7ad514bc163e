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
import { countMemorized, countMemorizedWindows } from "../run/counting.ts";
import { checkSamples } from "../run/demand.ts";
import { openTaskDevice } from "../run/device.ts";
import { moreImages } from "../run/generation.ts";
import type { StoredRun } from "../run/run.ts";
import { samplingRuns } from "../run/sampling.ts";
import type { SequenceData } from "../run/sequence_source.ts";
import { argument, commonFlags, integer, number, runTool, text, UsageError } from "../run/task.ts";
import { datasetInWords } from "../run/write_report.ts";
import { findLearned, openLearned } from "./learned.ts";

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

/**
 * How many tokens a sequence shall have.
 *
 * @throws {UsageError} where it cannot have so many.
 */
function extentOf(length: number | undefined, { sequences, windows = false }: SequenceData): number {
  if (length === undefined) return sequences.length;
  if (!windows) throw new UsageError("--length goes with runs that learned text or melodies: leave it out");
  if (length >= sequences.length) return length;
  throw new UsageError(
    `--length must be at least the ${sequences.length} of a window that was learned: current value is ${length}`,
  );
}

/** The tokens of the prompt, once for each sequence; undefined without one. */
function beginnings(
  prompt: string | undefined,
  { data: { read }, count, extent }: {
    readonly data: SequenceData;
    readonly count: number;
    readonly extent: number;
  },
): Int32Array | undefined {
  if (prompt === undefined) return undefined;
  if (read === undefined) throw new UsageError("--prompt goes with runs that learned text: leave it out");
  const tokens = read(prompt);
  if (tokens.length >= extent) {
    throw new UsageError(
      `--prompt must be shorter than the ${extent} symbols that are drawn: its length is ${tokens.length}; ` +
        "--length draws more",
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
      run: argument({
        placeholder: "RUN",
        help:
          "a finished run of a sequence model or a generator of images: its folder, its name in runs/, or latest",
      }),
      samples: integer({ min: 1, default: 10_000, help: "how many to generate" }),
      seed: integer({
        min: 0,
        max: Number.MAX_SAFE_INTEGER,
        default: 1,
        help: "fixes the draw; the run itself drew with its own --seed",
      }),
      prompt: text({ help: "what each begins with, where text was learned" }),
      length: integer({
        min: 2,
        help: "how many symbols of text or notes each has, more than were learned at once (default: as many)",
      }),
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
      dataDir: text({
        placeholder: "DIR",
        help: "where the files of what a generator of images learned lie (default: where its run found them)",
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
        if (flags.prompt !== undefined || flags.length !== undefined || flags.temperature !== 1) {
          throw new UsageError(
            "--prompt, --length and --temperature go with sequence models: leave them out",
          );
        }
        return await moreImages(generator, {
          ...{ stored, place, device, session, samples: count, seed },
          dataDir: flags.dataDir,
        });
      }
      const { model, data } = await openLearned(stored, { device, session, samples: count });
      const { length } = data.sequences, extent = extentOf(flags.length, data), isLonger = extent > length;
      checkSamples(count, { length: extent });
      const given = beginnings(flags.prompt, { data, count, extent });

      session.note(`generating ${count.toLocaleString("en-US")} sequences`);
      session.follow("generating", samplingRuns(count, length, extent));
      const tokens = await model.sample({ count, seed, given, extent, temperature: flags.temperature });
      const learned = data.sequences.tokens;
      const found = isLonger
        ? await countMemorizedWindows(tokens, learned, { length, extent, session })
        : await countMemorized(tokens, learned, { length, session });
      session.follow("drawing");
      const title = `Samples of ${model.kind}: ${datasetInWords(stored.config.dataset)}`;
      const exhibit = await data.show({
        title,
        tokens,
        // What is longer than a training sequence equals none.
        matches: isLonger ? new Int32Array(count).fill(-1) : found.matches,
        memorizedFraction: isLonger ? 0 : found.fraction,
      });
      const out = await place();
      await Deno.mkdir(out, { recursive: true });
      await writeTensors(join(out, "samples.safetensors"), {
        tokens: { shape: [count, extent], data: tokens },
        ...(data.codes === undefined
          ? {}
          : { codes: { shape: [count, ...data.codes], data: sequencesToCodes(tokens, data.codes) } }),
      });
      for (const [name, content] of Object.entries(exhibit.files)) {
        await writeAtomically(join(out, name), content);
      }
      const { low, high } = found.interval;
      // Windows that overlap are no independent draws: their share has no interval.
      const share = isLonger
        ? {
          label: "memorized windows",
          note: `of the ${grouped(found.samples)} windows of ${length} in them`,
        }
        : {
          label: "memorized fraction",
          note: `of ${grouped(count)} samples; 95 % interval ${percent(low)} to ${percent(high)}`,
        };
      const how = [
        `seed ${seed}`,
        ...flags.prompt === undefined ? [] : [`from ${JSON.stringify(flags.prompt)} on`],
        ...isLonger ? [`${extent} long`] : [],
        ...flags.temperature === 1 ? [] : [`temperature ${flags.temperature}`],
      ];
      const parts = isLonger ? "of their windows" : "of them";
      await writeAtomically(
        join(out, "report.html"),
        await htmlReport({
          title,
          abstract: `${grouped(count)} sequences drawn from ${stored.folder}, ${
            how.join(", ")
          }, and how many ${parts} are training sequences.`,
          figures: [
            { ...share, value: percent(found.fraction) },
            { label: "coverage", value: percent(found.coverage), note: "of the distinct training sequences" },
          ],
          sections: [{ title: "What it generates", blocks: exhibit.blocks }],
          glossary: GLOSSARY,
        }),
      );
      session.note(
        `${share.label} ${percent(found.fraction)} ${share.note}, coverage ${
          percent(found.coverage)
        } of the distinct training sequences: see ${out}`,
      );
      return {
        folder: out,
        metrics: {
          samples: count,
          ...isLonger ? { length: extent, memorized_windows: found.fraction } : {
            memorized_fraction: found.fraction,
            memorized_fraction_low: low,
            memorized_fraction_high: high,
          },
          coverage: found.coverage,
        },
      };
    },
  });
}
