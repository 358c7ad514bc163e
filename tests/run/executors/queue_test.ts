import assert from "node:assert/strict";
import { parseArraySize, parseQueue } from "../../../run/executors/queue.ts";
import { linesAtWork } from "../../../run/executors/submitted.ts";

const QUEUE = `5|2|PENDING|sweep-0351bcbd
5|0|RUNNING|sweep-0351bcbd
6|0|COMPLETING|other-1
9|2|PENDING|sweep-0351bcbd
7|N/A|PENDING|sweep-f098d07c-collect
8|1|RUNNING|a|b
`;

Deno.test("Slurm's queue is read by tasks of arrays", () => {
  const tasks = parseQueue(QUEUE);
  assert.deepEqual(tasks.map(({ array, index, started }) => [array, index, started]), [
    ["5", 2, false],
    ["5", 0, true],
    ["6", 0, true],
    ["9", 2, false],
    ["7", undefined, false],
    ["8", 1, true],
  ]);
  assert.equal(tasks[5].name, "a|b");
  assert.deepEqual(parseQueue("\n"), []);
});

Deno.test("a line is at work where a task of an array that holds it is, in any of them", () => {
  const line = (folder: string) => ({ task: "train-seq2hist", flags: {}, folder });
  const submitted = new Map([
    ["sweep-0351bcbd", [line("a"), line("b"), line("c")]],
    ["other-1", [line("elsewhere")]],
  ]);
  const lines = [line("a"), line("b"), line("c")];
  const work = linesAtWork(lines, { submitted, queue: parseQueue(QUEUE) });
  assert.deepEqual([...work].sort(), [
    ["a", { started: true, arrays: ["5"] }],
    ["c", { started: false, arrays: ["5", "9"] }],
  ]);
});

Deno.test("the largest array is what the cluster's configuration says", () => {
  assert.equal(
    parseArraySize("Configuration data\nMaxArraySize            = 1001\nMaxDBDMsgs = 20004\n"),
    1001,
  );
  // 0 switches arrays off; a single task goes all the same.
  assert.equal(parseArraySize("MaxArraySize            = 0\n"), 1);
});
