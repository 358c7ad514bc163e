/** Numbers in -1..1 by name and place, as analysis/inception_from_torch.py makes them, too. */
export function hashed(name: string, count: number): Float32Array<ArrayBuffer> {
  let start = 2166136261;
  for (const byte of new TextEncoder().encode(name)) start = Math.imul(start ^ byte, 16777619);
  return Float32Array.from({ length: count }, (_, place) => {
    let h = start + Math.imul(place, 0x9E3779B9);
    h = Math.imul(h ^ h >>> 16, 0x85EBCA6B);
    h = Math.imul(h ^ h >>> 13, 0xC2B2AE35);
    return ((h ^ h >>> 16) >>> 0) / 2 ** 31 - 1;
  });
}
