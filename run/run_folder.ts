/** Opening, replacing and copying run folders. */
import { basename, dirname, join } from "node:path";
import { exists, isTemporary, removeTemporaries, writeJson } from "../base/files.ts";
import { UsageError } from "./flags.ts";
import { type FolderLock, lockFolder, realFolder } from "./lock.ts";
import { findRun, folderKind, RUNS, type StoredRun } from "./stored_run.ts";

/** Where a run shall go. */
export type Place =
  | { readonly mode: "fresh"; readonly folder?: string }
  | { readonly mode: "replace"; readonly folder: string }
  | { readonly mode: "resume"; readonly folder: string; readonly stored: StoredRun };

/** Where the successor of the run in `folder` is made, until it is complete. */
async function successorFolder(folder: string): Promise<string> {
  const real = await realFolder(folder);
  return join(dirname(real), `.${basename(real)}.new`);
}

/** Where a run stands for the moment in which its successor takes its place. */
async function predecessorFolder(folder: string): Promise<string> {
  const real = await realFolder(folder);
  return join(dirname(real), `.${basename(real)}.old`);
}

/** Makes a folder in `runs/` that was not there: `name`, or with -2, -3, … where that is taken. */
export async function makeFolder(name: string): Promise<string> {
  await Deno.mkdir(RUNS, { recursive: true });
  for (let attempt = 1;; attempt++) {
    const folder = join(RUNS, attempt === 1 ? name : `${name}-${attempt}`);
    try {
      await Deno.mkdir(folder);
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists) continue;
      throw error;
    }
    return folder;
  }
}

/** A run folder that this process writes in; nobody else does until it is closed. */
export class RunFolder {
  /** Where the run is written: `target`, or beside it while that holds the run that this one replaces. */
  path: string;
  /** Where the run stands when it is complete. */
  readonly target: string;
  readonly #lock: FolderLock;
  /** Whether this sitting made the folder. */
  readonly #made: boolean;

  private constructor(
    target: string,
    options: { readonly path: string; readonly lock: FolderLock; readonly made: boolean },
  ) {
    this.target = target;
    this.path = options.path;
    this.#lock = options.lock;
    this.#made = options.made;
  }

  /**
   * Takes the folder that `place` names, or a new one in `runs/` called `name`.
   *
   * @throws {Error} where another process writes there, or something has come into being there meanwhile.
   */
  static async open(place: Place, name: string): Promise<RunFolder> {
    if (place.folder === undefined) return await RunFolder.#openNew(name);
    const { mode, folder: target } = place;
    await Deno.mkdir(dirname(target), { recursive: true });
    const lock = await lockFolder(target);
    try {
      if (mode === "resume") {
        if (changed(await findRun(place.stored.folder), place.stored)) {
          throw new Error(`Cannot go on in ${target} as another process has done so meanwhile: try again`);
        }
        await refuseLinks(place.stored.folder);
        return new RunFolder(target, { path: place.stored.folder, lock, made: false });
      }
      const kind = await folderKind(target);
      if (kind === "foreign" || (kind === "run" && mode === "fresh")) {
        throw new UsageError(`--out ${target} has come into being meanwhile: choose another`);
      }
      const path = kind === "run" ? await successorFolder(target) : target;
      // What an earlier attempt to replace the run left.
      if (kind === "run") await removeIfThere(path);
      await Deno.mkdir(path, { recursive: true });
      await removeTemporaries(path);
      return new RunFolder(target, { path, lock, made: true });
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  static async #openNew(name: string): Promise<RunFolder> {
    const target = await makeFolder(name);
    return new RunFolder(target, { path: target, lock: await lockFolder(target), made: true });
  }

  /** Whether the run stands beside the one that it is to replace. */
  get replaces(): boolean {
    return this.path !== this.target;
  }

  /** Puts a complete run in the place of the one that it replaces. */
  async swap(): Promise<void> {
    if (!this.replaces) return;
    await swap(this.target, this.path);
    this.path = this.target;
  }

  /** Removes a run that this sitting began and that is worth nothing. */
  async discard(): Promise<void> {
    if (this.#made) await removeIfThere(this.path);
  }

  /** Lets others write there. */
  close(): void {
    this.#lock.release();
  }
}

async function swap(target: string, successor: string): Promise<void> {
  const real = await realFolder(target), old = await predecessorFolder(target);
  if (await exists(real)) {
    await removeIfThere(old);
    await Deno.rename(real, old);
  }
  await Deno.rename(successor, real);
  await removeIfThere(old);
}

/**
 * The run that `--out` names: a successor of it that is being made comes first, and a swap that a kill cut in two is
 * brought to its end. Undefined where there is no run.
 */
export async function pendingRun(target: string): Promise<StoredRun | undefined> {
  if (!(await exists(dirname(target)))) return undefined;
  const successor = await successorFolder(target);
  const pending = await findRun(successor);
  if (pending === undefined) return undefined;
  if (pending.summary?.status !== "completed" && await exists(target)) return pending;
  const lock = await lockFolder(target);
  try {
    await swap(target, successor);
  } finally {
    lock.release();
  }
  return undefined;
}

function changed(now: StoredRun | undefined, before: StoredRun): boolean {
  return now === undefined || now.summary?.status === "completed" && before.summary?.status !== "completed";
}

/** A folder that came from elsewhere must not lead writes to other places. */
async function refuseLinks(folder: string): Promise<void> {
  for await (const { name, isSymlink } of Deno.readDir(folder)) {
    if (isSymlink) {
      throw new Error(
        `Cannot go on in ${folder} as ${name} in it is a link: put what it leads to in its place`,
      );
    }
  }
}

/** Files that are only ever replaced as a whole, so that two runs may share their bytes. */
const SHAREABLE = /\.(safetensors|png|html)$/;

/**
 * Copies the files of a run, its children not; the copy is there whole or not at all. What is large is shared where
 * both lie on one disk.
 */
export async function copyRun(from: StoredRun, folder: string): Promise<StoredRun> {
  const temporary = join(dirname(folder), `.${basename(folder)}.copy`);
  await removeIfThere(temporary);
  await Deno.mkdir(temporary);
  for await (const entry of Deno.readDir(from.folder)) {
    if (!entry.isFile || isTemporary(entry.name)) continue;
    const [source, copy] = [join(from.folder, entry.name), join(temporary, entry.name)];
    if (SHAREABLE.test(entry.name)) {
      await Deno.link(source, copy).catch(() => Deno.copyFile(source, copy));
    } else {
      await Deno.copyFile(source, copy);
    }
  }
  const config = { ...from.config, flags: { ...from.config.flags, out: folder } };
  await writeJson(join(temporary, "config.json"), config);
  await Deno.rename(temporary, folder);
  return { ...from, folder, config };
}

/** Removes what is at `path`, if anything is. */
export async function removeIfThere(path: string): Promise<void> {
  if (await exists(path)) await Deno.remove(path, { recursive: true });
}
