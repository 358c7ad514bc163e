import assert from "node:assert/strict";
import { join } from "node:path";
import { isLocked, lockFolder } from "../../run/lock.ts";

const HOLDER = `
import { lockFolder } from "${import.meta.resolve("../../run/lock.ts")}";
await lockFolder(Deno.args[0]);
console.log("LOCKED");
setInterval(() => {}, 1000);
`;

/** A process that holds the lock of `folder`. */
async function holder(folder: string): Promise<Deno.ChildProcess> {
  const program = join(await Deno.makeTempDir(), "holder.ts");
  await Deno.writeTextFile(program, HOLDER);
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "--allow-read", "--allow-write", program, folder],
    stdout: "piped",
  }).spawn();
  const reader = process.stdout.getReader();
  await reader.read();
  reader.releaseLock();
  await process.stdout.cancel();
  return process;
}

Deno.test("a folder that another process holds is refused, and free again when that is killed", async () => {
  const folder = join(await Deno.makeTempDir(), "run");
  const process = await holder(folder);
  await assert.rejects(lockFolder(folder), /another process is writing there: wait until it has ended/);
  // The folder itself may be replaced meanwhile.
  await Deno.mkdir(folder);
  await assert.rejects(lockFolder(folder), /another process is writing there/);
  const link = folder + "-link";
  await Deno.symlink(folder, link);
  await assert.rejects(lockFolder(link), /another process is writing there/);
  assert.equal(await isLocked(folder), true);
  process.kill("SIGKILL");
  await process.status;
  assert.equal(await isLocked(folder), false);
  const lock = await lockFolder(folder);
  lock.release();
  await assert.rejects(Deno.stat(join(folder, "../.run.lock")), Deno.errors.NotFound);
  assert.equal(await isLocked(folder), false);
});

Deno.test("a process may open its own folder again; the last one to close it frees it", async () => {
  const folder = join(await Deno.makeTempDir(), "run");
  const [first, second] = [await lockFolder(folder), await lockFolder(folder)];
  first.release();
  first.release();
  await Deno.stat(join(folder, "../.run.lock"));
  second.release();
  await assert.rejects(Deno.stat(join(folder, "../.run.lock")), Deno.errors.NotFound);
});
