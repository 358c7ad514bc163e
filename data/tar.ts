/** Files out of a gzipped tar archive, as the public data sets come in. */
import { gunzipStream } from "./gzip.ts";

/** Which files to take out, and where to. */
export interface ExtractOptions {
  /** Folder that the files are written to, flat: the folders inside the archive are dropped. */
  readonly folder: string;
  /** Names of the files without their folders. */
  readonly members: readonly string[];
}

/** A file of an archive. */
export interface ArchivedFile {
  /** With its folders, as the archive has it. */
  readonly path: string;
  readonly content: Uint8Array<ArrayBuffer>;
}

/**
 * The files of the archive at `path` whose names `wanted` accepts, in their order; nothing is written to disk.
 *
 * @throws {SyntaxError} where the file is no gzipped tar archive, or is cut off.
 */
export async function* readTarGzip(
  path: string,
  options: { readonly wanted: (path: string) => boolean },
): AsyncGenerator<ArchivedFile> {
  const { createTarDecoder } = await import("modern-tar");
  const file = await Deno.open(path);
  // Types of the platform's streams and the library's differ in how they name a writable side.
  const decoder = createTarDecoder({ strict: true });
  try {
    for await (const { header, body } of gunzipStream(file.readable).pipeThrough(decoder)) {
      if ((header.type === undefined || header.type === "file") && options.wanted(header.name)) {
        yield { path: header.name, content: new Uint8Array(await new Response(body).arrayBuffer()) };
      } else await body.cancel();
    }
  } catch (cause) {
    const cut = /truncated|unexpected end/i.test((cause as Error).message);
    throw new SyntaxError(
      `Cannot unpack ${path} as it is ${cut ? "cut off" : "not a gzipped tar archive"}: fetch it again`,
      { cause },
    );
  }
}

/** Writes the members of the archive at `path` into a folder, each under a temporary name first. */
export async function extractTarGzip(path: string, { folder, members }: ExtractOptions): Promise<void> {
  const missing = new Set(members);
  const nameOf = (member: string): string => member.split("/").at(-1)!;
  for await (
    const { path: member, content } of readTarGzip(path, { wanted: (one) => missing.has(nameOf(one)) })
  ) {
    const name = nameOf(member);
    await Deno.writeFile(`${folder}/${name}.part`, content);
    await Deno.rename(`${folder}/${name}.part`, `${folder}/${name}`);
    missing.delete(name);
    if (missing.size === 0) break;
  }
  if (missing.size > 0) {
    throw new SyntaxError(`Cannot unpack ${path} as it lacks ${[...missing].join(", ")}: fetch it again`);
  }
}
