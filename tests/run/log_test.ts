import assert from "node:assert/strict";
import { join } from "node:path";
import { appendLog, readLog } from "../../run/log.ts";

async function path(content: string): Promise<string> {
  const path = join(await Deno.makeTempDir(), "log.jsonl");
  await Deno.writeTextFile(path, content);
  return path;
}

Deno.test("lines come back, up to the byte that is asked for", async () => {
  const log = await path("");
  appendLog(log, { step: 1, loss: 0.5 });
  appendLog(log, { phase: "a", loss: null });
  assert.deepEqual(await readLog(log), [{ step: 1, loss: 0.5 }, { phase: "a", loss: null }]);
  assert.deepEqual(await readLog(log, 22), [{ step: 1, loss: 0.5 }]);
});

Deno.test("a line that is damaged is named with its file, and so are bytes that are missing", async () => {
  for (const line of ["{", "[1]", '{"step":[1]}', "null", ""]) {
    await assert.rejects(
      readLog(await path(`{"step":1}\n${line}\n{"step":2}\n`)),
      /log\.jsonl as its line 2 is damaged/,
    );
  }
  await assert.rejects(readLog(await path("{}\n"), 9), /log\.jsonl as 9 bytes should be there and 3 are/);
});

Deno.test("a log that cannot be written names its file", () => {
  assert.throws(
    () => appendLog("/nowhere/log.jsonl", { step: 1 }),
    /Cannot write \/nowhere\/log\.jsonl \(.*\): make room/,
  );
});
