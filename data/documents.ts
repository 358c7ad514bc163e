/** Texts from files: one, the records of a file of JSON lines, or all of a folder. */
import { basename, extname } from "node:path";
import { contentOf } from "./file_kind.ts";
import type { TextDocument } from "./text.ts";

/** Bytes of text above which it is refused: longer ones do not fit into a text of JavaScript's. */
const MOST_BYTES = 400_000_000;
const TEXT_ENDINGS = [".txt", ".text", ".md"];
const LINE_ENDINGS = [".jsonl", ".ndjson"];

/**
 * The texts at `path`: a file, a file of JSON lines of which `field` is the text, or a folder of either. Which a
 * file is, its ending says; folders in a folder are looked into.
 *
 * @throws {Error} where a file cannot be read, is no text in UTF-8, is empty, or there is none.
 */
export async function readDocuments(
  path: string,
  options: { readonly field?: string } = {},
): Promise<TextDocument[]> {
  const files = await filesAt(path, [...TEXT_ENDINGS, ...LINE_ENDINGS]);
  const documents: TextDocument[] = [];
  const single = files.length === 1 && files[0] === path;
  let bytes = 0;
  for (const file of files) {
    const text = await readText(file, { before: bytes });
    bytes += text.length;
    const name = single ? "" : file.slice(path.length + 1);
    if (LINE_ENDINGS.includes(extname(file).toLowerCase())) {
      for (const record of readRecords(text, { ...options, path: file, name })) documents.push(record);
    } else if (options.field !== undefined) {
      throw new TypeError(
        `Cannot take field ${options.field} of ${file} as it is no file of JSON lines: leave out --field, or name a ` +
          ".jsonl file",
      );
    } else documents.push({ name, text, line: 1 });
  }
  return documents;
}

/**
 * The files at `path`: itself, or those of a folder and its folders that end in one of `endings`, sorted. Hidden ones
 * are passed over and links to folders not followed.
 */
export async function filesAt(path: string, endings: readonly string[]): Promise<string[]> {
  let info: Deno.FileInfo;
  try {
    info = await Deno.stat(path);
  } catch (error) {
    const absent = error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory;
    throw new Error(
      `Cannot read --file ${path} (${
        absent ? "there is no such file" : (error as Error).message
      }): name a file that ` +
        "can be read",
    );
  }
  if (!info.isDirectory) return [path];
  const files: string[] = [], others = new Set<string>();
  const look = async (folder: string): Promise<void> => {
    for await (const { name, isDirectory, isFile, isSymlink } of Deno.readDir(folder)) {
      const file = `${folder}/${name}`;
      if (name.startsWith(".")) continue;
      if (isDirectory) await look(file);
      else if (isFile || isSymlink && (await Deno.stat(file).catch(() => undefined))?.isFile) {
        const ending = extname(name).toLowerCase();
        if (endings.includes(ending)) files.push(file);
        else others.add(ending === "" ? "no ending" : ending);
      }
    }
  };
  await look(path);
  if (files.length === 0) {
    const found = others.size === 0
      ? "it is empty"
      : `its files end in ${[...others].sort().slice(0, 4).join(", ")}`;
    throw new Error(
      `Cannot learn the folder ${path} as ${found}: put files there that end in ${endings.join(", ")}`,
    );
  }
  return files.sort();
}

/**
 * What a file holds as text.
 *
 * @param options.most Bytes that it may have with those read `before`; absent: 400 million, and 0.
 * @param options.markup Whether it may be an HTML page. Absent: yes.
 * @throws {Error} where it cannot be read, is no text, is empty, or is too large.
 */
export async function readText(
  path: string,
  options: { readonly most?: number; readonly before?: number; readonly markup?: boolean } = {},
): Promise<string> {
  const { most = MOST_BYTES, before = 0, markup = true } = options;
  let bytes: Uint8Array, size: number;
  try {
    ({ size } = await Deno.stat(path));
    bytes = before + size > most ? new Uint8Array() : await Deno.readFile(path);
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound ? "there is no such file" : (error as Error).message;
    throw new Error(`Cannot read --file ${path} (${reason}): name a file that can be read`);
  }
  if (before + size > most) {
    const all = before > 0 ? "it and those before it have" : "it has";
    throw new RangeError(
      `Cannot read --file ${path} as ${all} ${Math.ceil((before + size) / 1e6)} MB, and ${
        most / 1e6
      } MB is the ` +
        "most: cut it",
    );
  }
  let content: string;
  try {
    content = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    const kind = contentOf(bytes);
    const what = kind === "something else" ? "no text in UTF-8: convert it" : `${kind}: name a text`;
    throw new Error(`Cannot read --file ${path} as it is ${what}`);
  }
  if (!markup && contentOf(bytes) === "an HTML page") {
    throw new Error(
      `Cannot read --file ${path} as it is an HTML page: name the file itself that was downloaded`,
    );
  }
  if (content.trim() === "") throw new Error(`Cannot learn --file ${path} as it is empty: name another`);
  return content;
}

/** The texts of JSON lines. */
function readRecords(
  text: string,
  { field, path, name }: { readonly field?: string; readonly path: string; readonly name: string },
): TextDocument[] {
  const documents: TextDocument[] = [];
  text.replace(/^\uFEFF/, "").split(/\r\n?|\n/).forEach((line, index) => {
    if (line.trim() === "") return;
    const where = `line ${index + 1}`;
    let record: unknown;
    try {
      record = JSON.parse(line);
    } catch {
      throw new SyntaxError(`Cannot read ${path} as ${where} is no JSON: give one record a line`);
    }
    const fields = typeof record === "object" && record !== null ? record as Record<string, unknown> : {};
    if (field === undefined) {
      const texts = Object.keys(fields).filter((one) => typeof fields[one] === "string");
      throw new TypeError(
        `Cannot choose the text of ${path} as its records have the fields ${
          texts.join(", ") || "none of text"
        }: name ` +
          "one with --field",
      );
    }
    const value = fields[field];
    if (typeof value !== "string") {
      throw new SyntaxError(
        `Cannot read ${path} as ${where} has no text in its field ${field}: its fields are ` +
          (Object.keys(fields).join(", ") || "none"),
      );
    }
    documents.push({ name: name && basename(name), text: value, line: index + 1, onOneLine: true });
  });
  return documents;
}
