import assert from "node:assert/strict";
import { join } from "node:path";
import { exists, readJson, removeTemporaries, writeAtomically, writeJson } from "../../base/files.ts";

async function names(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(folder)) found.push(entry.name);
  return found.sort();
}

Deno.test("an atomic write replaces the file and leaves no other", async () => {
  const folder = await Deno.makeTempDir();
  const path = join(folder, "a.txt");
  await writeAtomically(path, "long old content");
  await writeAtomically(path, Uint8Array.of(104, 105));
  assert.equal(await Deno.readTextFile(path), "hi");
  assert.deepEqual(await names(folder), ["a.txt"]);
});

Deno.test("a write that fails leaves the old state and no temporary file", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.mkdir(join(folder, "taken"));
  await assert.rejects(writeAtomically(join(folder, "taken"), "x"));
  assert.deepEqual(await names(folder), ["taken"]);
});

Deno.test("what an interrupted write left is removed, other hidden files are not", async () => {
  const folder = await Deno.makeTempDir();
  for (const name of [".a.json.0123abcd.tmp", ".keep.tmp", "b.tmp"]) {
    await Deno.writeTextFile(join(folder, name), "");
  }
  await removeTemporaries(folder);
  assert.deepEqual(await names(folder), [".keep.tmp", "b.tmp"]);
});

Deno.test("JSON comes back, and a file without it is named", async () => {
  const path = join(await Deno.makeTempDir(), "a.json");
  await writeJson(path, { a: [1, null], b: NaN });
  assert.deepEqual(await readJson(path), { a: [1, null], b: null });
  await Deno.writeTextFile(path, "{");
  await assert.rejects(readJson(path), /Cannot read .*a\.json as it holds no valid JSON/);
});

Deno.test("what lies below a file does not exist", async () => {
  const path = join(await Deno.makeTempDir(), "file");
  await Deno.writeTextFile(path, "");
  assert.equal(await exists(path), true);
  assert.equal(await exists(join(path, "below")), false);
});

Deno.test("a write that fails names the file and what to do", async () => {
  const path = join(await Deno.makeTempDir(), "a.txt");
  const { write } = Deno.FsFile.prototype;
  Deno.FsFile.prototype.write = () => Promise.reject(new Error("No space left on device (os error 28)"));
  try {
    await assert.rejects(
      writeAtomically(path, "x"),
      /Cannot write .*a\.txt \(No space left on device \(os error 28\)\): make room or choose another place/,
    );
  } finally {
    Deno.FsFile.prototype.write = write;
  }
});
