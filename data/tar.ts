/** Unpacks chosen files of a gzipped tar archive (POSIX ustar), as the public data sets come in. */

const BLOCK = 512;

/** Which files to take out, and where to. */
export interface ExtractOptions {
  /** Folder that the files are written to, flat: the folders inside the archive are dropped. */
  readonly folder: string;
  /** Names of the files without their folders. */
  readonly members: readonly string[];
}

/** Writes the members of the archive at `path` into a folder, each under a temporary name first. */
export async function extractTarGzip(path: string, { folder, members }: ExtractOptions): Promise<void> {
  const missing = new Set(members);
  const file = await Deno.open(path);
  const reader = new ByteReader(file.readable.pipeThrough(new DecompressionStream("gzip")));
  try {
    while (missing.size > 0) {
      const header = await reader.read(BLOCK);
      // An archive ends with a block of zeros, or just ends.
      if (header.length < BLOCK || header[0] === 0) break;
      const size = parseInt(field(header, 124, 12), 8);
      if (!Number.isSafeInteger(size)) {
        throw new SyntaxError(`Cannot unpack ${path} as it is not a tar archive: fetch it again`);
      }
      const name = field(header, 0, 100).split("/").at(-1)!;
      const content = await reader.read(size);
      if (content.length < size) {
        throw new SyntaxError(`Cannot unpack ${path} as it is cut off: fetch it again`);
      }
      await reader.read((BLOCK - size % BLOCK) % BLOCK);
      if (!missing.delete(name)) continue;
      await Deno.writeFile(`${folder}/${name}.part`, content);
      await Deno.rename(`${folder}/${name}.part`, `${folder}/${name}`);
    }
  } finally {
    await reader.close();
  }
  if (missing.size > 0) {
    throw new SyntaxError(`Cannot unpack ${path} as it lacks ${[...missing].join(", ")}: fetch it again`);
  }
}

/** A text of a header, which ends at the first zero or at the field's end. */
function field(header: Uint8Array, at: number, length: number): string {
  return new TextDecoder().decode(header.subarray(at, at + length)).split("\0")[0].trim();
}

/** Takes exactly as many bytes off a stream as are asked for. */
class ByteReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #rest = new Uint8Array(0);

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** The next `count` bytes; fewer only where the stream ends. */
  async read(count: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(count);
    let filled = 0;
    while (filled < count) {
      if (this.#rest.length === 0) {
        const { value, done } = await this.#reader.read();
        if (done) return bytes.subarray(0, filled);
        this.#rest = new Uint8Array(value);
      }
      const taken = Math.min(count - filled, this.#rest.length);
      bytes.set(this.#rest.subarray(0, taken), filled);
      this.#rest = this.#rest.subarray(taken);
      filled += taken;
    }
    return bytes;
  }

  /** Closes the stream, read to its end or not. */
  async close(): Promise<void> {
    await this.#reader.cancel();
  }
}
