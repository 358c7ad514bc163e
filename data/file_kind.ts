/** What bytes are, by their beginning. */

/** A guess, for people, at what bytes are that are none of what was wanted. */
export function contentOf(bytes: Uint8Array): string {
  if (bytes.length === 0) return "empty";
  if (startsWith(bytes, [0x1f, 0x8b])) return "a gzip file";
  if (startsWith(bytes, [0x50, 0x4b])) return "a zip file";
  const begin = new TextDecoder("latin1").decode(bytes.subarray(0, 64)).trimStart().toLowerCase();
  if (begin.startsWith("<!doctype html") || begin.startsWith("<html")) return "an HTML page";
  if (begin.startsWith("gif8")) return "a GIF";
  if (begin.startsWith("riff") && begin.slice(8, 12) === "webp") return "a WebP picture";
  if (/^....ftyp(heic|heix|mif1|avif)/s.test(begin)) return "a HEIC or AVIF picture";
  if (begin.startsWith("<svg") || begin.startsWith("<?xml")) return "an SVG or another XML file";
  return "something else";
}

/** Whether bytes begin with these. */
export function startsWith(bytes: Uint8Array, head: readonly number[]): boolean {
  return head.every((byte, index) => bytes[index] === byte);
}
