/** `deno task sweep-status DIR`: how far the runs of a sweep, a comparison or an assignment are. */
import { askQueue } from "../run/executors/queue.ts";
import { lastLine, type LineStatus, sweepStatus } from "../run/sweep_status.ts";
import { argument, commonFlags, runTool } from "../run/task.ts";

const ORDER: readonly LineStatus[] = ["done", "running", "queued", "failed", "missing"];

if (import.meta.main) {
  await runTool({
    name: "sweep-status",
    summary: "Say which runs of a list are done, running, queued, failed or missing.",
    flags: {
      folder: argument({ placeholder: "DIR", help: "the folder of a sweep, a comparison or an assignment" }),
      debug: commonFlags.debug,
    },
    run: async ({ folder }, session) => {
      const reports = await sweepStatus(folder, { askQueue });
      const said = async (log: string | undefined): Promise<string | undefined> =>
        log === undefined ? undefined : await lastLine(log);
      const runs = await Promise.all(
        reports.map(async ({ line: { folder, task }, status, run, log }) => ({
          ...{ folder, task, status, log, steps: run?.summary?.steps, seconds: run?.summary?.seconds },
          said: status === "failed" ? await said(log) : undefined,
        })),
      );
      const counts = ORDER.map((status) =>
        [status, runs.filter((run) => run.status === status).length] as const
      );
      session.note(
        `${runs.length} runs: ${
          counts.filter(([, count]) => count > 0).map(([status, count]) => `${count} ${status}`).join(", ")
        }`,
      );
      for (const { folder, status, said, log } of runs) {
        if (status === "done") continue;
        session.note(`${status.padEnd(8)} ${folder}${said === undefined ? "" : `: ${said} (${log})`}`);
      }
      return { ...Object.fromEntries(counts), runs };
    },
  });
}
