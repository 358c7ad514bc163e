/** Codes of latents: their signs, and codes that tell images apart. */

/** The sign of each latent, 0 giving +1. */
export function signsOf(latents: Float32Array): Int8Array {
  const codes = new Int8Array(latents.length);
  for (let i = 0; i < codes.length; i++) codes[i] = latents[i] >= 0 ? 1 : -1;
  return codes;
}

/**
 * The signs of latents [count, bits], such that different latents have different codes: where an earlier
 * image has the code already, the one of its signs is turned that is nearest to 0 among those whose turning gives a
 * code that no image has. Without collisions these are the plain signs.
 *
 * The latents alone decide, so that the same encoder gives the same codes whatever the decoder has learned since.
 */
export function distinctCodes(latents: Float32Array, bits: number): Int8Array {
  const count = latents.length / bits;
  const codes = signsOf(latents);
  const keyOf = (code: Int8Array): string => code.join();
  const sameLatents = (a: number, b: number): boolean => {
    for (let bit = 0; bit < bits; bit++) {
      if (latents[a * bits + bit] !== latents[b * bits + bit]) return false;
    }
    return true;
  };
  const owners = new Map<string, number>(), late: number[] = [];
  for (let image = 0; image < count; image++) {
    const key = keyOf(codes.subarray(image * bits, (image + 1) * bits));
    const owner = owners.get(key);
    if (owner === undefined) owners.set(key, image);
    else if (!sameLatents(owner, image)) late.push(image);
  }
  // Only now are all codes known that images have by themselves.
  for (const image of late) {
    const code = codes.subarray(image * bits, (image + 1) * bits);
    const certainty = (bit: number): number => Math.abs(latents[image * bits + bit]);
    const order = Array.from(code.keys()).sort((a, b) => certainty(a) - certainty(b));
    for (const bit of order) {
      code[bit] *= -1;
      const key = keyOf(code), owner = owners.get(key);
      if (owner === undefined || sameLatents(owner, image)) {
        owners.set(key, image);
        break;
      }
      code[bit] *= -1;
    }
  }
  return codes;
}
