/** `deno task membership RUN`: can one tell from a model's probabilities which sequences it learned? */
import { membership, operatingCurve } from "../metrics/mod.ts";
import { count as grouped, percent } from "../report/numbers.ts";
import { openTaskDevice } from "../run/device.ts";
import { notLearned } from "../run/memory.ts";
import { sequenceSums } from "../run/sampling.ts";
import { commonFlags, integer, runTask } from "../run/task.ts";
import { datasetInWords, writePage } from "../run/write_report.ts";
import { findLearned, learnedArgument, openLearned } from "./learned.ts";

/** Shares of others that may be taken for members, as metrics are named. */
const RATES = { "01": 0.001, "1": 0.01 };

const { device, threads, out, force, debug } = commonFlags;

if (import.meta.main) {
  await runTask({
    name: "membership",
    summary:
      "Compare the probabilities of what a model learned with those of what it did not: who is exposed?",
    flags: {
      run: learnedArgument,
      heldOut: integer({
        min: 2,
        default: 10_000,
        help: "how many sequences that were not learned, at most",
      }),
      ...{ device, threads, out, force, debug },
    },
    run: async (flags, run) => {
      const stored = await findLearned(flags.run);
      await using device = await openTaskDevice(flags, run.session);
      const { model, data } = await openLearned(stored, {
        device,
        session: run.session,
        samples: flags.heldOut,
      });
      const { sequences } = data, { length, count } = sequences;
      await run.configure({ dataset: stored.config.dataset, device, model: model.model.config });
      run.session.follow("reading what was not learned");
      const others = data.heldOut === undefined
        ? undefined
        : notLearned(sequences, await data.heldOut(flags.heldOut));
      if (others === undefined || others.count === 0) {
        throw new Error(
          `Cannot tell members from others as ${stored.folder} learned all there is: train it on fewer items with --count`,
        );
      }
      run.session.follow("measuring");
      const members = sequenceSums(await model.logProbabilities(sequences), length);
      const strangers = sequenceSums(await model.logProbabilities(others), length);
      const { auc, points } = membership(members, strangers, { rates: Object.values(RATES) });
      const curve = operatingCurve(members, strangers);
      const shown = points.map(({ falsePositives, truePositives, interval }) => ({
        label: `found at ${100 * falsePositives} % false alarms`,
        value: percent(truePositives),
        note: `95 % interval ${percent(interval.low)} to ${percent(interval.high)}`,
      }));
      await writePage(run, {
        title: `Membership: ${datasetInWords(stored.config.dataset)} and ${model.kind}`,
        abstract:
          "A model that remembers gives what it learned a higher probability than what it did not. How well does that " +
          "alone tell members of the training set from others? An average hides who is exposed, so the share of " +
          "members that are found at few false alarms counts [@lira].",
        figures: [
          {
            label: "area under the curve",
            value: auc.toFixed(4),
            note: "0.5 is blind, 1 knows every member",
          },
          ...shown,
        ],
        sections: [{
          title: "Members and others",
          blocks: [
            {
              kind: "plot",
              plot: {
                kind: "histogram",
                x: { label: "log-probability of a sequence", unit: "nats" },
                series: [
                  { name: `${grouped(count)} learned`, values: members },
                  { name: `${grouped(others.count)} not learned`, values: strangers },
                ],
                share: true,
              },
              caption: "Where the two overlap nobody can be told.",
            },
            {
              kind: "plot",
              plot: {
                x: { label: "others taken for members", scale: "log" },
                y: { label: "members found", range: [0, 1] },
                series: [
                  { name: "by probability", x: curve.falsePositives, y: curve.truePositives },
                  { name: "by chance", x: curve.falsePositives, y: curve.falsePositives },
                ],
              },
              caption: "For every threshold: the share of members above it against the share of others.",
            },
          ],
        }],
      });
      await run.finish({
        metrics: {
          membership_auc: auc,
          ...Object.fromEntries(
            Object.keys(RATES).map((name, index) => [
              `true_positives_${name}`,
              points[index].truePositives,
            ]),
          ),
          held_out_sequences: others.count,
        },
        parameters: stored.summary?.parameters ?? 0,
        steps: 0,
      });
      run.note(
        `area under the curve ${auc.toFixed(4)}, ${
          shown.map(({ label, value }) => `${value} ${label}`).join(", ")
        }: see ${run.path("report.html")}`,
      );
    },
  });
}
