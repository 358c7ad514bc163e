// Copies between strided tensors: transpose, slice, tile, concat, pad; gather and scatter.
import { at, ceilDiv, maximum, minimum, word } from "./simd";
import { beat, first, last, share, take, threads } from "./thread";

// The words: from, to, axes, then per axis: extent, stride of from, stride of to (elements). The last axis of `to` is dense.
const FROM = 0, TO = 1, AXES = 2, TABLE = 3;

function copyRun(from: usize, stride: i32, to: usize, n: i32): void {
  if (stride == 1) {
    memory.copy(to, from, n << 2);
  } else if (stride == 0) {
    const value = v128.load_splat<f32>(from);
    for (; n >= 4; n -= 4) {
      v128.store(to, value);
      to += 16;
    }
    for (; n > 0; n--) {
      store<f32>(to, f32x4.extract_lane(value, 0));
      to += 4;
    }
  } else {
    for (; n > 0; n--) {
      store<i32>(to, load<i32>(from));
      from += <usize>(stride << 2);
      to += 4;
    }
  }
}

/** Rows r0 ... r1 of the transposition to[r][c] = from[c][r]; `fromRow` is from's stride over c. */
function transpose(from: usize, fromRow: i32, to: usize, toRow: i32, r0: i32, r1: i32, columns: i32): void {
  const across = <usize>(fromRow << 2), down = <usize>(toRow << 2);
  let c = 0;
  for (; c + 4 <= columns; c += 4) {
    let s = at(from, c * fromRow + r0), t = at(to, r0 * toRow + c), r = r0;
    for (; r + 4 <= r1; r += 4) {
      const v0 = v128.load(s), v1 = v128.load(s + across), v2 = v128.load(s + 2 * across), v3 = v128.load(s + 3 * across);
      const x0 = v128.shuffle<i32>(v0, v1, 0, 4, 1, 5), x1 = v128.shuffle<i32>(v0, v1, 2, 6, 3, 7);
      const y0 = v128.shuffle<i32>(v2, v3, 0, 4, 1, 5), y1 = v128.shuffle<i32>(v2, v3, 2, 6, 3, 7);
      v128.store(t, v128.shuffle<i64>(x0, y0, 0, 2));
      v128.store(t + down, v128.shuffle<i64>(x0, y0, 1, 3));
      v128.store(t + 2 * down, v128.shuffle<i64>(x1, y1, 0, 2));
      v128.store(t + 3 * down, v128.shuffle<i64>(x1, y1, 1, 3));
      s += 16;
      t += 4 * down;
    }
    for (; r < r1; r++) {
      for (let i = 0; i < 4; i++) store<f32>(at(t, i), load<f32>(s + <usize>i * across));
      s += 4;
      t += down;
    }
  }
  for (; c < columns; c++) {
    for (let r = r0; r < r1; r++) store<f32>(at(to, r * toRow + c), load<f32>(at(from, c * fromRow + r)));
  }
}

/** The command: copy. */
export function copy(p: usize): void {
  const axes = word(p, AXES), table = at(p, TABLE);
  const from = <usize>load<u32>(at(p, FROM)), to = <usize>load<u32>(at(p, TO));
  const innermost = at(table, 3 * (axes - 1)), n = word(innermost, 0), stride = word(innermost, 1);
  let outer = axes - 1, rows = 1;
  const flip = axes > 1 && stride != 1 && word(table, 3 * (axes - 2) + 1) == 1 && n >= 4;
  if (flip) {
    outer--;
    rows = word(table, 3 * outer);
  }
  let total = 1;
  for (let axis = 0; axis < outer; axis++) total *= word(table, 3 * axis);
  // Transpositions are shared out in blocks of 16 rows, long single rows in pieces, the rest row by row.
  const pieces = flip ? ceilDiv(rows, 16) : total == 1 ? ceilDiv(n, 4096) : 1;
  const units = total * pieces;
  share(units, maximum(1, 4096 / (flip ? 16 * n : minimum(n, 4096))));
  while (take()) {
    for (let unit = first; unit < last; unit++) {
      const piece = unit % pieces;
      let rest = unit / pieces, source = from, target = to;
      for (let axis = outer - 1; axis >= 0; axis--) {
        const entryOf = at(table, 3 * axis), extent = word(entryOf, 0), next = rest / extent, i = rest - next * extent;
        source = at(source, i * word(entryOf, 1));
        target = at(target, i * word(entryOf, 2));
        rest = next;
      }
      if (flip) {
        transpose(source, stride, target, word(table, 3 * outer + 2), piece * 16, minimum(rows, piece * 16 + 16), n);
      } else if (pieces > 1) {
        copyRun(at(source, piece * 4096 * stride), stride, at(target, piece * 4096), minimum(4096, n - piece * 4096));
      } else {
        copyRun(source, stride, target, n);
      }
    }
  }
}

const FILL_TO = 0, FILL_SIZE = 1, FILL_BITS = 2;

/** The command: every element becomes the given bits. */
export function fill(p: usize): void {
  const size = word(p, FILL_SIZE), to = <usize>load<u32>(at(p, FILL_TO));
  share(ceilDiv(size, 4096), 1);
  while (take()) copyRun(at(p, FILL_BITS), 0, at(to, first * 4096), minimum(size, last * 4096) - first * 4096);
}

// x [outer, a, inner], indices [count] -> [outer, count, inner].
const GATHER_X = 0, GATHER_INDICES = 1, GATHER_TO = 2, OUTER = 3, A = 4, INNER = 5, COUNT = 6;

/** The command: gather. */
export function gather(p: usize): void {
  const x = <usize>load<u32>(at(p, GATHER_X)), to = <usize>load<u32>(at(p, GATHER_TO));
  const indices = <usize>load<u32>(at(p, GATHER_INDICES));
  const a = word(p, A), inner = word(p, INNER), count = word(p, COUNT), units = word(p, OUTER) * count;
  share(units, maximum(1, 4096 / maximum(1, inner)));
  while (take()) {
    let outer = first / count, i = first - outer * count;
    for (let unit = first; unit < last; unit++) {
      const index = word(indices, i), target = at(to, unit * inner);
      const valid = <u32>index < <u32>a;
      if (inner == 1) {
        store<f32>(target, valid ? load<f32>(at(x, outer * a + index)) : 0);
      } else if (valid) {
        memory.copy(target, at(x, (outer * a + index) * inner), inner << 2);
      } else {
        memory.fill(target, 0, inner << 2);
      }
      if (++i == count) {
        i = 0;
        outer++;
      }
    }
  }
}

// indices [count], updates [count, inner] -> [segments, inner].
const SCATTER_INDICES = 0, SCATTER_UPDATES = 1, SCATTER_TO = 2, SEGMENTS = 3, SCATTER_INNER = 4, SCATTER_COUNT = 5,
  SCATTER_INTEGER = 6, SCATTER_LAST = 7;

/** The command: scatter. Whoever takes segments goes through the updates in order. */
export function scatter(p: usize): void {
  const indices = <usize>load<u32>(at(p, SCATTER_INDICES)), updates = <usize>load<u32>(at(p, SCATTER_UPDATES));
  const to = <usize>load<u32>(at(p, SCATTER_TO)), segments = word(p, SEGMENTS), inner = word(p, SCATTER_INNER);
  const count = word(p, SCATTER_COUNT), integer = word(p, SCATTER_INTEGER), lastWins = word(p, SCATTER_LAST);
  share(segments, ceilDiv(segments, threads));
  while (take()) {
    memory.fill(at(to, first * inner), 0, (last - first) * inner << 2);
    for (let i = 0; i < count; i++) {
      const segment = word(indices, i);
      if (segment < first || segment >= last) continue;
      if ((i & 1023) == 0) beat();
      let from = at(updates, i * inner), target = at(to, segment * inner), n = inner;
      if (lastWins) {
        memory.copy(target, from, n << 2);
        continue;
      }
      for (; n >= 4; n -= 4) {
        const sum = v128.load(target), update = v128.load(from);
        v128.store(target, integer ? i32x4.add(sum, update) : f32x4.add(sum, update));
        from += 16;
        target += 16;
      }
      for (; n > 0; n--) {
        if (integer) store<i32>(target, load<i32>(target) + load<i32>(from));
        else store<f32>(target, load<f32>(target) + load<f32>(from));
        from += 4;
        target += 4;
      }
    }
  }
}
