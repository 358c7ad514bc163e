/** One process at a time writes in a run folder: a lock of the kernel's, which a kill frees as well. */
import { basename, dirname, join } from "node:path";
import { exists } from "../base/files.ts";

/** A lock that this process holds. */
export interface FolderLock {
  /** Frees it, and removes its file. */
  release(): void;
}

/** Locks that this process holds, by their files: it may open a folder again that it has opened before. */
const held = new Map<string, { readonly file: Deno.FsFile; users: number }>();

/**
 * Takes the lock of `folder`, which need not be there yet: a file beside it, so that replacing the folder does not
 * replace the lock.
 *
 * @throws {Error} where another process holds it.
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const path = await lockPath(folder);
  const mine = held.get(path);
  if (mine !== undefined) {
    mine.users++;
  } else {
    held.set(path, { file: await open(path, folder), users: 1 });
  }
  let released = false;
  return {
    release() {
      const lock = held.get(path);
      if (released || lock === undefined) return;
      released = true;
      if (--lock.users > 0) return;
      held.delete(path);
      try {
        Deno.removeSync(path);
      } catch {
        // A file that stays is locked again by whoever comes next.
      }
      lock.file.close();
    },
  };
}

/** Whether a process, this one or another, writes in `folder`; nothing is written to find out. */
export async function isLocked(folder: string): Promise<boolean> {
  try {
    using file = await Deno.open(await lockPath(folder), { read: true });
    return !(await file.tryLock(false));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function open(path: string, folder: string): Promise<Deno.FsFile> {
  for (let looked = false;;) {
    const file = await Deno.open(path, { create: true, read: true, write: true });
    if (!(await file.tryLock(true))) {
      file.close();
      if (!looked) {
        // It may be somebody who only looks whether it is held.
        looked = true;
        await new Promise((resolve) => setTimeout(resolve, 100));
        continue;
      }
      throw new Error(
        `Cannot write to ${folder} as another process is writing there: wait until it has ended, or choose another --out`,
      );
    }
    // Its last holder may have removed the file between our opening and our locking it.
    const [locked, there] = [await file.stat(), await Deno.stat(path).catch(() => undefined)];
    if (there !== undefined && there.ino === locked.ino) return file;
    file.close();
  }
}

/** `.NAME.lock` beside what `folder` really is; beside its link otherwise two names would be two locks. */
async function lockPath(folder: string): Promise<string> {
  const real = await realFolder(folder);
  return join(dirname(real), `.${basename(real)}.lock`);
}

/** The path of `folder` without links; it need not be there, but its parent must. */
export async function realFolder(folder: string): Promise<string> {
  if (await exists(folder)) return await Deno.realPath(folder);
  return join(await Deno.realPath(dirname(folder)), basename(folder));
}
