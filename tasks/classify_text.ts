/** `deno task classify-text RUN "…"`: what a trained text classifier holds a text to be, and which of its words it knows. */
import { tokenize, UNKNOWN } from "../data/words.ts";
import { load } from "../models/mod.ts";
import { percent } from "../report/numbers.ts";
import { openTaskDevice } from "../run/device.ts";
import { findRun } from "../run/stored_run.ts";
import { argument, commonFlags, runTool, UsageError } from "../run/task.ts";
import { VERDICTS } from "../run/text_classification.ts";

if (import.meta.main) {
  const { device, threads, debug } = commonFlags;
  await runTool({
    name: "classify-text",
    summary: "Tell what a trained text classifier holds a text to be.",
    flags: {
      run: argument({
        placeholder: "RUN",
        help: "the folder of a run of train-sentiment-rnn or train-text-cnn",
      }),
      text: argument({ placeholder: "TEXT", help: "the text, in quotation marks" }),
      ...{ device, threads, debug },
    },
    run: async (flags, session) => {
      if ((await findRun(flags.run)) === undefined) {
        throw new UsageError(`RUN must be the folder of a run: current value is "${flags.run}"`);
      }
      const words = tokenize(flags.text);
      if (words.length === 0) throw new UsageError(`TEXT must have a word: current value is "${flags.text}"`);
      await using device = await openTaskDevice(flags, session);
      const loaded = await load(flags.run, device);
      if (!("opinions" in loaded)) {
        throw new UsageError(`RUN must hold a text classifier: ${flags.run} holds a ${loaded.kind}`);
      }
      const { vocabulary, model: { config: { length } } } = loaded;
      const [share] = await loaded.opinions([flags.text]), verdict = share > 0.5 ? 1 : 0;
      const read = words.slice(-length);
      const unknown = read.filter((word) => vocabulary.encode(word)[0] === UNKNOWN);
      session.note(`${VERDICTS[verdict]}: ${percent(verdict === 1 ? share : 1 - share)} sure`);
      session.note(
        `read ${read.length} of ${words.length} words` +
          (unknown.length === 0 ? "" : `, unknown: ${[...new Set(unknown)].join(", ")}`),
      );
      return {
        verdict: VERDICTS[verdict],
        for: share,
        words: words.length,
        read: read.length,
        unknown: unknown.length,
      };
    },
  });
}
