import assert from "node:assert/strict";
import { join } from "node:path";
import { runLocally } from "../../../run/executors/local.ts";
import type { ManifestLine } from "../../../run/manifest_file.ts";
import { RunList } from "../../../run/run_list.ts";
import { Session, Stopped } from "../../../run/session.ts";

/** A list of tiny runs on a table of four rows. */
async function list(lines: readonly ManifestLine["flags"][]): Promise<RunList> {
  const folder = await Deno.makeTempDir(), file = join(folder, "table.csv");
  await Deno.writeTextFile(file, "1,2,3,4\n1,2,4,3\n2,2,1,1\n3,1,1,1\n");
  const shared = { dataset: "csv", file, device: "tfjs", samples: 10, steps: 3 };
  return new RunList(
    lines.map((flags, index) => ({
      task: "train-ngram",
      folder: `run-${index}`,
      flags: { ...shared, ...flags },
    }))
      .map((line) => line.flags.steps === 3 ? line : { ...line, task: "train-seq2seq" }),
    folder,
  );
}

/** A session that calls `hear` with every line. */
function sessionThat(hear: (line: string, session: Session) => void): Session {
  const session: Session = new Session({
    write: (line) => hear(line, session),
    terminal: false,
    columns: () => 80,
    now: () => performance.now(),
  });
  return session;
}

Deno.test("runs of one thread go side by side, as many as there are processors", async () => {
  // The first would take hours: the second ends because it does not wait for it.
  const runs = await list([{ threads: 1, steps: 10_000_000 }, { threads: 1 }, { threads: 2 }]);
  const session = sessionThat((line, session) => {
    if (line.startsWith("run-1: done")) session.stopAt(0);
  });
  await assert.rejects(runLocally(runs, { session, processors: 2 }), Stopped);
  assert.deepEqual([runs.done, runs.open], [1, [0, 2]]);
  // The one that needs both never had room; what was stopped is no failure.
  await assert.rejects(Deno.stat(runs.place(2)), Deno.errors.NotFound);
  assert.equal(runs.failure(0), undefined);
});

Deno.test("a run that does not say its threads has the processors for itself; its words are kept", async () => {
  const runs = await list([{}, {}]);
  const order: string[] = [];
  const session = sessionThat((line) => order.push(...line.match(/^run-\d: done/) ?? []));
  await runLocally(runs, { session, processors: 8 });
  assert.deepEqual(order, ["run-0: done", "run-1: done"]);
  const time = async (...path: string[]): Promise<number> =>
    (await Deno.stat(join(runs.folder, ...path))).mtime!.getTime();
  assert.ok(await time("run-1", "config.json") >= await time("run-0", "summary.json"));
  assert.match(await Deno.readTextFile(join(runs.folder, "logs/run-1.log")), /run folder: .*run-1\n/);
});
