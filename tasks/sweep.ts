/**
 * `deno task sweep MANIFEST`: runs a list of one's own, a line a run, here or as job arrays of Slurm. Started again it
 * goes on with what is missing.
 */
import { basename, extname, join } from "node:path";
import { lockFolder } from "../run/lock.ts";
import { attemptManifest, executorFlags, readManifest } from "../run/manifest.ts";
import { RUNS } from "../run/stored_run.ts";
import { writeSweepPage } from "../run/sweep_page.ts";
import { argument, commonFlags, runTool, text } from "../run/task.ts";

if (import.meta.main) {
  await runTool({
    name: "sweep",
    summary: "Make the runs of a list that are not finished yet, and put their figures on one page.",
    flags: {
      manifest: argument({
        placeholder: "MANIFEST",
        help: 'a file of lines {"task": "train-seq2hist", "flags": {"seed": 1}, "folder": "s1"}',
      }),
      out: text({ placeholder: "DIR", help: "holds all runs (default: runs/<name of the file>)" }),
      ...executorFlags,
      debug: commonFlags.debug,
    },
    run: async ({ manifest, out, debug: _, ...executor }, session) => {
      const lines = await readManifest(manifest);
      const folder = out ?? join(RUNS, basename(manifest, extname(manifest)));
      if (!executor.dryRun) await Deno.mkdir(folder, { recursive: true });
      const lock = executor.dryRun ? undefined : await lockFolder(folder);
      try {
        const again = { task: "sweep", words: [join(folder, "runs.jsonl")], flags: { out: folder } };
        const list = await attemptManifest(lines, { within: { folder, session, again }, executor });
        await writeSweepPage(list);
        await list.results();
        session.note(`see ${join(folder, "report.html")}`);
        return { folder, runs: list.lines.length };
      } finally {
        lock?.release();
      }
    },
  });
}
