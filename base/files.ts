/** Files that are either there whole or not at all, and JSON read with a clear error. */
import { basename, dirname, join } from "node:path";

/** How a file that is not finished yet is called: see `writeAtomically`. */
const TEMPORARY = /^\..*\.[0-9a-f]{8}\.tmp$/;

/**
 * Writes `content` to `path` so that a reader, or a crash, sees the old file or the new one and nothing between:
 * to a temporary name in the same folder, synced, renamed, and the folder synced.
 */
export async function writeAtomically(path: string, content: Uint8Array | string): Promise<void> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${crypto.randomUUID().slice(0, 8)}.tmp`);
  try {
    using file = await Deno.open(temporary, { write: true, createNew: true });
    for (let written = 0; written < bytes.length;) written += await file.write(bytes.subarray(written));
    await file.sync();
    await Deno.rename(temporary, path);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`Cannot write ${path} (${reason}): make room or choose another place`, { cause: error });
  }
  await syncFolder(folder);
}

/** Makes a rename last through a power cut, where the system can sync a folder (Windows cannot). */
async function syncFolder(folder: string): Promise<void> {
  try {
    using handle = await Deno.open(folder, { read: true });
    await handle.sync();
  } catch {
    // The file itself is synced and in place; only its name may be lost in a power cut.
  }
}

/** Whether `name` is a temporary file that an interrupted `writeAtomically` left behind. */
export function isTemporary(name: string): boolean {
  return TEMPORARY.test(name);
}

/** Removes what interrupted writes left in `folder`. */
export async function removeTemporaries(folder: string): Promise<void> {
  for await (const entry of Deno.readDir(folder)) {
    if (entry.isFile && isTemporary(entry.name)) await Deno.remove(join(folder, entry.name));
  }
}

/** Writes `value` as indented JSON, atomically. Numbers that JSON lacks (NaN, Infinity) become null. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  await writeAtomically(path, JSON.stringify(value, null, 2) + "\n");
}

/**
 * What the JSON file `path` holds.
 *
 * @throws {SyntaxError} naming the file, where it holds no JSON.
 */
export async function readJson(path: string): Promise<unknown> {
  const text = await Deno.readTextFile(path);
  try {
    return JSON.parse(text);
  } catch {
    throw new SyntaxError(`Cannot read ${path} as it holds no valid JSON: restore or remove it`);
  }
}

/** Whether a file or folder is at `path`; a link counts even if it leads nowhere. */
export async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}

/** Whether `value` is an object with named fields: what `readJson` gives is unknown until checked. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
