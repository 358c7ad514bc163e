// Philox 4x32-10, as base/random.ts defines it: element i is made of word i % 4 of block i / 4 of the step.
import { at, minimum, word } from "./simd";
import { first, last, share, take } from "./thread";

const SIZE = 0, COUNTER = 1, TO = 2, KEY_0 = 3, KEY_1 = 4, DISTRIBUTION = 5;
const UNIFORM = 0, NORMAL = 1;

let word0: u32 = 0, word1: u32 = 0, word2: u32 = 0, word3: u32 = 0;

/** Sets the four words of a block. */
function philox(block: u32, step: u32, k0: u32, k1: u32): void {
  let c0 = block, c1 = step, c2: u32 = 0, c3: u32 = 0;
  for (let round = 0; round < 10; round++) {
    const p0 = <u64>0xd2511f53 * <u64>c0, p1 = <u64>0xcd9e8d57 * <u64>c2;
    c0 = <u32>(p1 >> 32) ^ c1 ^ k0;
    c1 = <u32>p1;
    c2 = <u32>(p0 >> 32) ^ c3 ^ k1;
    c3 = <u32>p0;
    k0 += 0x9e3779b9;
    k1 += 0xbb67ae85;
  }
  word0 = c0;
  word1 = c1;
  word2 = c2;
  word3 = c3;
}

@inline function uniformOf(bits: u32): f64 { return <f64>(bits >> 8) / 16777216.0; }

/** Two normal numbers of two words to `to`, or the first alone. */
function normals(a: u32, b: u32, to: usize, count: i32): void {
  const radius = Math.sqrt(-2 * NativeMath.log(<f64>((a >> 8) + 1) / 16777216.0));
  const angle = 2 * NativeMath.PI * uniformOf(b);
  store<f32>(to, <f32>(radius * NativeMath.cos(angle)));
  if (count > 1) store<f32>(to, <f32>(radius * NativeMath.sin(angle)), 4);
}

/** The command: numbers of a step. */
export function random(p: usize): void {
  const size = word(p, SIZE), step = load<u32>(<usize>load<u32>(at(p, COUNTER))), to = <usize>load<u32>(at(p, TO));
  const distribution = word(p, DISTRIBUTION), blocks = (size + 3) / 4;
  share(blocks, 64);
  while (take()) {
    for (let block = first; block < last; block++) {
      philox(<u32>block, step, <u32>word(p, KEY_0), <u32>word(p, KEY_1));
      const out = at(to, 4 * block), count = minimum(4, size - 4 * block);
      if (distribution == NORMAL) {
        normals(word0, word1, out, count);
        if (count > 2) normals(word2, word3, out + 8, count - 2);
      } else if (distribution == UNIFORM) {
        store<f32>(out, <f32>uniformOf(word0));
        if (count > 1) store<f32>(out, <f32>uniformOf(word1), 4);
        if (count > 2) store<f32>(out, <f32>uniformOf(word2), 8);
        if (count > 3) store<f32>(out, <f32>uniformOf(word3), 12);
      } else {
        store<u32>(out, word0);
        if (count > 1) store<u32>(out, word1, 4);
        if (count > 2) store<u32>(out, word2, 8);
        if (count > 3) store<u32>(out, word3, 12);
      }
    }
  }
}

const ROWS = 0, N = 5, LOGITS = 6;

/** The command: one draw a row from softmax(logits). */
export function categorical(p: usize): void {
  const rows = word(p, ROWS), n = word(p, N), step = load<u32>(<usize>load<u32>(at(p, COUNTER)));
  share(rows, 1);
  while (take()) {
    for (let row = first; row < last; row++) {
      philox(<u32>(row / 4), step, <u32>word(p, KEY_0), <u32>word(p, KEY_1));
      const lane = row & 3, bits = lane == 0 ? word0 : lane == 1 ? word1 : lane == 2 ? word2 : word3;
      const logits = at(<usize>load<u32>(at(p, LOGITS)), row * n);
      let largest: f64 = -Infinity, total: f64 = 0, sum: f64 = 0, drawn = 0;
      for (let i = 0; i < n; i++) largest = Math.max(largest, <f64>load<f32>(at(logits, i)));
      for (let i = 0; i < n; i++) total += NativeMath.exp(<f64>load<f32>(at(logits, i)) - largest);
      const limit = uniformOf(bits) * total;
      while (drawn < n - 1) {
        sum += NativeMath.exp(<f64>load<f32>(at(logits, drawn)) - largest);
        if (limit < sum) break;
        drawn++;
      }
      store<i32>(at(<usize>load<u32>(at(p, TO)), row), drawn);
    }
  }
}
