/** Making and copying run folders. */
import { basename, dirname, join } from "node:path";
import { exists, isTemporary, writeJson } from "../base/files.ts";
import { UsageError } from "./flags.ts";
import { folderKind, RUNS, type StoredRun } from "./stored_run.ts";

/** Where a run shall go. */
export type Place =
  | { readonly mode: "fresh"; readonly folder?: string }
  | { readonly mode: "replace"; readonly folder: string }
  | { readonly mode: "resume"; readonly folder: string; readonly stored: StoredRun };

/** Makes the folder of a run, or empties that of the run that it replaces. */
export async function openFolder(place: Place, name: string): Promise<string> {
  if (place.mode === "resume") return place.folder;
  if (place.folder !== undefined) {
    const kind = await folderKind(place.folder);
    if (kind === "foreign" || (kind === "run" && place.mode === "fresh")) {
      throw new UsageError(`--out ${place.folder} has come into being meanwhile: choose another`);
    }
    if (kind === "run") await Deno.remove(place.folder, { recursive: true });
    await Deno.mkdir(place.folder, { recursive: true });
    return place.folder;
  }
  await Deno.mkdir(RUNS, { recursive: true });
  for (let attempt = 1;; attempt++) {
    const folder = join(RUNS, attempt === 1 ? name : `${name}-${attempt}`);
    try {
      await Deno.mkdir(folder);
      return folder;
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
  }
}

/** Copies the files of a run, its children not; the copy is there whole or not at all. */
export async function copyRun(from: StoredRun, folder: string): Promise<StoredRun> {
  const temporary = join(dirname(folder), `.${basename(folder)}.copy`);
  await removeIfThere(temporary);
  await Deno.mkdir(temporary);
  for await (const entry of Deno.readDir(from.folder)) {
    if (entry.isFile && !isTemporary(entry.name)) {
      await Deno.copyFile(join(from.folder, entry.name), join(temporary, entry.name));
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
