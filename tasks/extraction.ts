/**
 * `deno task extraction RUN`: given the first k tokens of a training sequence, does a model complete it, or another one?
 *
 * Exact for every k, from the model's own probabilities, and by sampling beside it.
 */
import { distinctRows, rowFinder, wilson } from "../metrics/mod.ts";
import type { Sequences } from "../data/sequences.ts";
import { stream } from "../base/random.ts";
import { count as grouped, percent } from "../report/numbers.ts";
import { openTaskDevice } from "../run/device.ts";
import { commonFlags, integer, runTask } from "../run/task.ts";
import { datasetInWords, writePage } from "../run/write_report.ts";
import { findLearned, learnedArgument, openLearned } from "./learned.ts";

/** What is completed from so many given tokens: means over the training sequences, copies counted as often as they stand. */
export interface Completion {
  readonly given: number;
  /** Probability that the completion is a training sequence. */
  readonly any: number;
  /** Probability that it is the very one whose beginning was given. */
  readonly own: number;
  /** The second probability of a model that knows the training set by heart: others may begin alike. */
  readonly perfect: number;
}

/**
 * What is completed from every number of given tokens.
 *
 * @param logs log-probability of each token of the distinct training sequences given those before it, in nats.
 */
export function completions(
  { tokens, length }: Pick<Sequences, "tokens" | "length">,
  { logs, counts }: { readonly logs: Float64Array; readonly counts: Int32Array },
): Completion[] {
  const rows = counts.length, total = counts.reduce((sum, count) => sum + count, 0);
  /** Of each row: the log-probability of its tokens from `given` on. */
  const rest = new Float64Array(rows);
  const found: Completion[] = [];
  for (let given = length; given >= 0; given--) {
    if (given < length) rest.forEach((_, row) => rest[row] += logs[row * length + given]);
    const groups = new Map<string, { mass: number; count: number }>();
    const keys = Array.from(rest, (log, row) => {
      const key = tokens.subarray(row * length, row * length + given).join();
      const group = groups.get(key) ?? { mass: 0, count: 0 };
      groups.set(key, { mass: group.mass + Math.exp(log), count: group.count + counts[row] });
      return key;
    });
    const mean = (value: (row: number) => number): number =>
      counts.reduce((sum, count, row) => sum + count * value(row), 0) / total;
    found.unshift({
      given,
      any: mean((row) => groups.get(keys[row])!.mass),
      own: mean((row) => Math.exp(rest[row])),
      perfect: mean((row) => counts[row] / groups.get(keys[row])!.count),
    });
  }
  return found;
}

const { device, threads, seed, out, force, debug } = commonFlags;

if (import.meta.main) {
  await runTask({
    name: "extraction",
    summary: "Give a model the first tokens of training sequences: how often does it complete one of them?",
    flags: {
      run: learnedArgument,
      samples: integer({ min: 1, default: 1000, help: "how many beginnings are completed by sampling" }),
      ...{ seed, device, threads, out, force, debug },
    },
    run: async (flags, run) => {
      const stored = await findLearned(flags.run);
      await using device = await openTaskDevice(flags, run.session);
      const { model, data: { sequences } } = await openLearned(stored, {
        device,
        session: run.session,
        samples: flags.samples,
      });
      await run.configure({ dataset: stored.config.dataset, device, model: model.model.config });
      const { tokens, length, count } = sequences;
      const { first, counts } = distinctRows(tokens, length);
      const different = new Int32Array(first.length * length);
      first.forEach((row, at) =>
        different.set(tokens.subarray(row * length, (row + 1) * length), at * length)
      );
      run.session.follow("measuring");
      const logs = await model.logProbabilities({ ...sequences, tokens: different, count: first.length });
      const exact = completions({ tokens: different, length }, { logs, counts });

      const random = stream(flags.seed).fork("extraction"), finder = rowFinder(tokens, length);
      const sampled: { share: number; low: number; high: number }[] = [];
      for (let given = 0; given < length; given++) {
        run.session.follow(`completing from ${given} tokens`);
        const draw = random.at(given);
        const beginnings = new Int32Array(flags.samples * given);
        for (let sample = 0; sample < flags.samples; sample++) {
          const at = draw.integer(count) * length;
          beginnings.set(tokens.subarray(at, at + given), sample * given);
        }
        const drawn = await model.sample({
          count: flags.samples,
          seed: flags.seed + given,
          given: beginnings,
        });
        const known = finder.in(drawn).filter((match) => match >= 0).length;
        sampled.push({ share: known / flags.samples, ...wilson(known, flags.samples) });
        await run.session.between();
      }
      const enough = exact.find(({ any }) => any >= 0.99);
      const x = exact.map(({ given }) => given);
      await writePage(run, {
        title: `Extraction: completing ${datasetInWords(stored.config.dataset)} with ${model.kind}`,
        abstract:
          "Whoever holds the beginning of a training sequence may have a model complete it [@extraction]. For every " +
          "number of given tokens: how probable is it that what the model makes of them is a training sequence?",
        figures: [
          {
            label: "nothing given",
            value: percent(exact[0].any),
            note: "completed to a training sequence: the memorized mass",
          },
          {
            label: "99 % completed",
            value: enough === undefined ? "never" : `from ${enough.given} tokens on`,
            note: `of ${length}`,
          },
        ],
        sections: [{
          title: "What is completed",
          blocks: [
            {
              kind: "plot",
              plot: {
                x: { label: "tokens given" },
                y: { label: "probability", range: [0, 1] },
                series: [
                  { name: "a training sequence", x, y: exact.map(({ any }) => any) },
                  { name: "the very one", x, y: exact.map(({ own }) => own) },
                  { name: "the very one, by a perfect memory", x, y: exact.map(({ perfect }) => perfect) },
                ],
              },
              caption: "Exact: sums of the model's own probabilities, mean over the training sequences.",
            },
            {
              kind: "table",
              table: {
                columns: [
                  "Given",
                  "A training sequence",
                  "Sampled (95 % interval)",
                  "The very one",
                  "Perfect memory",
                ],
                rows: exact.map(({ given, any, own, perfect }, index) => [
                  given,
                  percent(any),
                  sampled[index] === undefined
                    ? ""
                    : `${percent(sampled[index].share)} (${percent(sampled[index].low)} to ${
                      percent(sampled[index].high)
                    })`,
                  percent(own),
                  percent(perfect),
                ]),
                caption: `Sampled: ${
                  grouped(flags.samples)
                } beginnings drawn from the training set, completed once each.`,
              },
            },
          ],
        }],
      });
      await run.finish({
        metrics: Object.fromEntries(exact.flatMap(({ given, any, own }) => [
          [`completed_${given}`, any],
          [`completed_own_${given}`, own],
          ...(sampled[given] === undefined ? [] : [[`sampled_${given}`, sampled[given].share]]),
        ])),
        parameters: stored.summary?.parameters ?? 0,
        steps: 0,
      });
      run.note(
        `completed to a training sequence: ${percent(exact[0].any)} from nothing, ${
          enough === undefined ? "never 99 %" : `99 % from ${enough.given} tokens on`
        }: see ${run.path("report.html")}`,
      );
    },
  });
}
