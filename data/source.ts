/**
 * Downloads a data set into the cache: mirrors in turn, resumed where an earlier attempt stopped, known by its
 * SHA-256, and moved into place only when it is whole.
 */
import { createHash } from "node:crypto";
import { extractTarGzip } from "./tar.ts";

/** A file to download. */
export interface RemoteFile {
  readonly name: string;
  readonly bytes: number;
  /** Hexadecimal SHA-256 of the file as it is downloaded. */
  readonly sha256: string;
  /** For a gzipped tar archive: names of the files to unpack from it into the same folder. */
  readonly members?: readonly string[];
}

/** A data set to download. */
export interface RemoteSet {
  readonly name: string;
  /** Folders that all hold the same files, each with its last slash, tried in turn. */
  readonly mirrors: readonly string[];
  /** Hosts that the mirrors send on to. Absent: none. */
  readonly redirects?: readonly string[];
  readonly files: readonly RemoteFile[];
}

/** How far the download of one file is, in bytes. */
export interface FetchProgress {
  readonly file: string;
  readonly received: number;
  readonly total: number;
}

/** What makes a request: the global `fetch`, or a stand-in for it. */
export type Request = (
  url: string,
  init: { readonly headers: Record<string, string>; readonly signal: AbortSignal },
) => Promise<Response>;

/** What a download may be told. */
export interface FetchOptions {
  /** Absent: the cache folder of the set. */
  readonly folder?: string;
  /** Called at the start and the end of each file and after each piece of it. */
  readonly onProgress?: (progress: FetchProgress) => void;
  /** Absent: the global `fetch`. */
  readonly request?: Request;
}

/** What a download did. */
export interface FetchResult {
  readonly folder: string;
  /** Names of the files that were downloaded. */
  readonly downloaded: readonly string[];
  /** Names of the files that lay there already, whole. */
  readonly present: readonly string[];
}

/** A mirror that sends nothing for this long is given up. */
const STALL_MILLISECONDS = 60_000;

/** Where a downloaded data set lies. */
export function cacheFolder(name: string): string {
  return `.cache/data/${name}`;
}

/** Downloads the files of a set that are not in its folder yet. A second call after a failure resumes. */
export async function fetchSet(set: RemoteSet, options: FetchOptions = {}): Promise<FetchResult> {
  const { folder = cacheFolder(set.name) } = options;
  await Deno.mkdir(folder, { recursive: true });
  const downloaded: string[] = [], present: string[] = [];
  for (const file of set.files) {
    const path = `${folder}/${file.name}`;
    if (await fileSize(path) === file.bytes && await hashFile(path) === file.sha256) {
      present.push(file.name);
    } else {
      await fetchFromMirrors(set, { ...options, file, path });
      downloaded.push(file.name);
    }
    // Unpacked each time, which repairs a file that was cut off or changed since.
    if (file.members !== undefined) await extractTarGzip(path, { folder, members: file.members });
  }
  return { folder, downloaded, present };
}

interface FileOptions extends FetchOptions {
  readonly file: RemoteFile;
  readonly path: string;
}

async function fetchFromMirrors(set: RemoteSet, options: FileOptions): Promise<void> {
  const { file, path } = options;
  const part = `${path}.part`;
  const failures: string[] = [];
  for (const mirror of set.mirrors) {
    const url = mirror + file.name;
    // What an earlier attempt left may be wrong: then this mirror is asked once more, from the first byte on.
    const attempts = await fileSize(part) > 0 ? 2 : 1;
    for (let attempt = 0; attempt < attempts; attempt++) {
      try {
        await download(url, { ...options, part });
      } catch (error) {
        failures.push(`${url}: ${reasonOf(error)}`);
        break;
      }
      if (await hashFile(part) === file.sha256) {
        await Deno.rename(part, path);
        return;
      }
      await Deno.remove(part);
      if (attempt === attempts - 1) failures.push(`${url}: its SHA-256 is not the pinned one`);
    }
  }
  throw new Error(
    `Cannot fetch ${file.name} of ${set.name} as no mirror sent it (${failures.join("; ")}): ` +
      `run \`deno task fetch ${set.name}\` again to resume, or put the file into the folder yourself`,
  );
}

/** Brings the `.part` file up to its full length, going on from where it ends if the mirror can. */
async function download(
  url: string,
  { file, part, request = fetch, onProgress }: FileOptions & { readonly part: string },
): Promise<void> {
  let received = await fileSize(part);
  if (received > file.bytes) received = 0;
  const report = () => onProgress?.({ file: file.name, received, total: file.bytes });
  if (received === file.bytes) return report();

  const stall = new AbortController();
  const stalled = () => stall.abort(new Error(`nothing came for ${STALL_MILLISECONDS / 1000} s`));
  let timer = setTimeout(stalled, STALL_MILLISECONDS);
  try {
    const headers: Record<string, string> = received > 0 ? { range: `bytes=${received}-` } : {};
    const response = await request(url, { headers, signal: stall.signal });
    const resumed = response.status === 206 &&
      response.headers.get("content-range")?.startsWith(`bytes ${received}-`) === true;
    if (!resumed && response.status !== 200 || response.body === null) {
      await response.body?.cancel();
      throw new Error(`HTTP status ${response.status}`);
    }
    if (!resumed) received = 0;
    report();
    using output = await Deno.open(part, { write: true, create: true, truncate: !resumed, append: resumed });
    for await (const piece of response.body) {
      clearTimeout(timer);
      timer = setTimeout(stalled, STALL_MILLISECONDS);
      received += piece.length;
      if (received > file.bytes) {
        await output.truncate(0);
        throw new Error(`it sends more than the ${file.bytes} bytes of the original`);
      }
      for (let at = 0; at < piece.length;) at += await output.write(piece.subarray(at));
      report();
    }
    await output.sync();
  } finally {
    clearTimeout(timer);
  }
  if (received < file.bytes) throw new Error(`the connection ended after ${received} of ${file.bytes} bytes`);
}

/** `fetch` says only that it failed; what failed stands in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}

/** Size of a file in bytes, 0 where there is none. */
async function fileSize(path: string): Promise<number> {
  try {
    return (await Deno.stat(path)).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  using file = await Deno.open(path);
  const buffer = new Uint8Array(1 << 20);
  for (let size = await file.read(buffer); size !== null; size = await file.read(buffer)) {
    hash.update(buffer.subarray(0, size));
  }
  return hash.digest("hex");
}
