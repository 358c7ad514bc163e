/** `deno task evaluate RUN`: the test figures of a trained classifier, or model of pixels, computed again from its weights. */
import { load } from "../models/mod.ts";
import { metricLabel, metricText } from "../report/metric_names.ts";
import { openTaskDevice } from "../run/device.ts";
import { runFolder } from "../run/named_run.ts";
import { findRun } from "../run/stored_run.ts";
import { argument, commonFlags, runTool, UsageError } from "../run/task.ts";

if (import.meta.main) {
  const { device, threads, dataDir, debug } = commonFlags;
  await runTool({
    name: "evaluate",
    summary:
      "Compute the test figures of a classifier of images, or a model of pixels, again from its weights.",
    flags: {
      run: argument({
        placeholder: "RUN",
        help: "the folder of its run: config.json and weights.safetensors",
      }),
      ...{ device, threads, dataDir, debug },
    },
    run: async (flags, session) => {
      const folder = await runFolder(flags.run);
      const stored = await findRun(folder);
      if (stored === undefined) {
        throw new UsageError(`RUN must be the folder of a run: current value is "${flags.run}"`);
      }
      await using device = await openTaskDevice(flags, session);
      const loaded = await load(folder, device);
      if (!("testScores" in loaded)) {
        throw new UsageError(
          `RUN must hold a classifier of images or a model of pixels: ${flags.run} holds a ${loaded.kind}`,
        );
      }
      session.follow("measuring");
      for (const [name, value] of Object.entries(await loaded.testScores(stored, flags))) {
        const before = stored.summary?.metrics[name];
        session.note(
          `${metricLabel(name)} ${metricText(name, value)}` +
            (typeof before === "number" ? `, the run says ${metricText(name, before)}` : ""),
        );
      }
    },
  });
}
