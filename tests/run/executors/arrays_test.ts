import assert from "node:assert/strict";
import { join } from "node:path";
import { jobArrays } from "../../../run/executors/arrays.ts";
import type { ManifestLine } from "../../../run/manifest_file.ts";
import { RunList } from "../../../run/run_list.ts";

function line(folder: string, flags: ManifestLine["flags"] = {}): ManifestLine {
  return { task: "train-seq2hist", folder, flags };
}

Deno.test("a list is cut into arrays that are no larger than the cluster takes, in its order", () => {
  const list = new RunList(Array.from({ length: 7 }, (_, index) => line(String(index))), "runs/x");
  const arrays = jobArrays(list, { lines: [0, 2, 3, 5, 6], most: 2 });
  assert.deepEqual(arrays.map(({ lines }) => lines), [[0, 2], [3, 5], [6]]);
  assert.ok(arrays.every(({ level, threads }) => level === 0 && threads === undefined));

  const many = new RunList(Array.from({ length: 2500 }, (_, index) => line(String(index))), "runs/x");
  // A script holds its commands, and must not become too large for Slurm either.
  const sizes = jobArrays(many, { lines: [...many.lines.keys()], most: 4_000_001 }).map(({ lines }) =>
    lines.length
  );
  assert.deepEqual(sizes, [1000, 1000, 500]);
});

Deno.test("what needs another line comes in a later array; each number of threads has arrays of its own", () => {
  const at = (name: string): string => join("runs/x", name);
  const list = new RunList([
    line("third", { autoencoder: at("second"), threads: 1 }),
    line("second", { autoencoder: at("first"), threads: 1 }),
    line("first", { threads: 1 }),
    line("wide", { threads: 4 }),
    line("other", { threads: 1 }),
  ], "runs/x");
  assert.deepEqual(jobArrays(list, { lines: [0, 1, 2, 3, 4], most: 100 }), [
    { lines: [2, 4], threads: 1, level: 0 },
    { lines: [3], threads: 4, level: 0 },
    { lines: [1], threads: 1, level: 1 },
    { lines: [0], threads: 1, level: 2 },
  ]);
  // What is finished is waited for no more.
  assert.deepEqual(jobArrays(list, { lines: [0, 1], most: 100 }).map(({ lines, level }) => [lines, level]), [
    [[1], 0],
    [[0], 1],
  ]);
});

Deno.test("lines that need each other are of one array rather than of none", () => {
  const list = new RunList(
    [line("a", { autoencoder: "runs/x/b" }), line("b", { autoencoder: "runs/x/a" })],
    "runs/x",
  );
  assert.deepEqual(jobArrays(list, { lines: [0, 1], most: 9 }).flatMap(({ lines }) => lines).sort(), [0, 1]);
});
