/** An `.npy` file, version 1. */
export function npy(
  type: string,
  shape: readonly number[],
  data: Uint8Array,
  { fortran = false } = {},
): Uint8Array {
  const extents = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const header = `{'descr': '${type}', 'fortran_order': ${
    fortran ? "True" : "False"
  }, 'shape': (${extents}), }`;
  const padded = header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11) + "\n";
  const bytes = new Uint8Array(10 + padded.length + data.length);
  bytes.set([0x93, ...new TextEncoder().encode("NUMPY"), 1, 0, padded.length % 256, padded.length >> 8]);
  bytes.set(new TextEncoder().encode(padded), 10);
  bytes.set(data, 10 + padded.length);
  return bytes;
}
