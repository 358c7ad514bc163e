import assert from "node:assert/strict";
import { join } from "node:path";
import { startProgram } from "../program.ts";

/** On one thread, so that tests beside each other do not wait. */
function start(cwd: string, program: string, ...args: string[]) {
  return startProgram(cwd, program, ...args, "--threads", "1");
}

Deno.test("a text classifier is trained on the built-in reviews, goes on where it stopped, and classifies a text", async () => {
  const cwd = await Deno.makeTempDir();
  const flags = ["--count", "120", "--test", "40", "--length", "24", "--out", "run"];
  const half = await start(cwd, "models/text_cnn.ts", ...flags, "--steps", "6");
  assert.equal(half.code, 0, half.error);
  const whole = await start(cwd, "models/text_cnn.ts", ...flags, "--steps", "12", "--resume");
  assert.equal(whole.code, 0, whole.error);
  const { metrics, steps } = JSON.parse(await Deno.readTextFile(join(cwd, "run/summary.json")));
  assert.ok(steps <= 12);
  assert.deepEqual([metrics.test_texts, metrics.validation_texts], [40, 12]);
  assert.doesNotMatch(await Deno.readTextFile(join(cwd, "run/log.jsonl")), /test_/);
  assert.match(await Deno.readTextFile(join(cwd, "run/report.html")), /Surest mistakes/);

  const given = await start(cwd, "tasks/classify_text.ts", "run", "A gripping story, zyx!");
  assert.equal(given.code, 0, given.error);
  assert.match(given.text, /^(for|against): \d+(\.\d+)? % sure\nread 5 of 5 words, unknown: .*zyx/);
  const empty = await start(cwd, "tasks/classify_text.ts", "run", "...");
  assert.equal(empty.code, 2);
  assert.match(empty.error, /TEXT must have a word/);
  await Deno.writeTextFile(join(cwd, "run/words.txt"), "other\nwords");
  const other = await start(cwd, "tasks/classify_text.ts", "run", "Fine.");
  assert.equal(other.code, 1);
  assert.match(other.error, /is not the vocabulary that the model learned with/);
});
