/** Lists of runs as files: each line is a task with its flags and its folder, in JSON. */
import { isRecord, writeAtomically } from "../base/files.ts";

/** One run of a list. */
export interface ManifestLine {
  /** As in deno.json's tasks. */
  readonly task: string;
  /**
   * By their names in code; absent and false ones are not passed on. A flag that names the folder of another line, as
   * `autoencoder` may, makes this line wait for that one: what several runs need is made once.
   */
  readonly flags: Readonly<Record<string, string | number | boolean | null | undefined>>;
  /** Where it goes, within the folder of the list; no two lines share one. */
  readonly folder: string;
}

/** Writes a list as JSON lines. */
export async function writeManifest(path: string, lines: readonly ManifestLine[]): Promise<void> {
  await writeAtomically(path, lines.map((line) => JSON.stringify(line) + "\n").join(""));
}

/**
 * Reads a list that `writeManifest` or a person wrote.
 *
 * @throws {SyntaxError} naming the file and the line that is none.
 */
export async function readManifest(path: string): Promise<ManifestLine[]> {
  const lines = (await Deno.readTextFile(path)).split("\n");
  return lines.flatMap((text, index) => {
    if (text.trim() === "") return [];
    const line = parseLine(text);
    if (line === undefined) {
      throw new SyntaxError(
        `Cannot use ${path} as its line ${
          index + 1
        } must be {"task", "flags", "folder"}: current value is ${text}`,
      );
    }
    return [line];
  });
}

function parseLine(text: string): ManifestLine | undefined {
  try {
    const line: unknown = JSON.parse(text);
    if (!isRecord(line) || typeof line.task !== "string" || typeof line.folder !== "string") return undefined;
    const { task, folder, flags } = line;
    if (!isFlags(flags)) return undefined;
    // A person may write them as on a command line: "data-dir".
    const named = Object.entries(flags).map(([name, value]) => [nameInCode(name), value]);
    return { task, flags: Object.fromEntries(named), folder };
  } catch {
    return undefined;
  }
}

function nameInCode(flag: string): string {
  return flag.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

function isFlags(value: unknown): value is ManifestLine["flags"] {
  return isRecord(value) &&
    Object.values(value).every((flag) =>
      flag === null || ["string", "number", "boolean"].includes(typeof flag)
    );
}
