/** Gzip files, of one member or several: what tools that pack in pieces write, and the standard allows (RFC 1952). */
import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import { promisify } from "node:util";
import { createGunzip, gunzip } from "node:zlib";

const unpack = promisify(gunzip);

/** Whether bytes begin as a gzip file does. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** Reads a file whole, unpacked if it is gzipped. */
export async function readMaybeGzip(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await Deno.readFile(path);
  if (!isGzip(bytes)) return bytes;
  try {
    // Node's reader goes on with the next member; the web's DecompressionStream takes it for garbage.
    const { buffer, byteOffset, byteLength } = await unpack(Buffer.from(bytes.buffer));
    return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
  } catch (cause) {
    throw new SyntaxError(
      `Cannot unpack ${path} as its gzip data is damaged or cut off: fetch the file again`,
      { cause },
    );
  }
}

/** The same for a stream that is known to be gzipped. */
export function gunzipStream(stream: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  // Node's types and the web's name the same streams differently.
  return stream.pipeThrough(
    Duplex.toWeb(createGunzip()) as unknown as TransformStream<Uint8Array, Uint8Array>,
  );
}
