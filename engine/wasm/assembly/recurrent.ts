// Recurrent sequences. A thread takes a tile of rows through all steps, with no other thread to wait for: four rows are the
// lanes of a vector, so that a state [units][4] is at once what the micro-kernel reads as its right panel, and the weights,
// packed once, are the left ones. Columns of the kernels are taken unit by unit, all gates of a unit together: a panel of 12
// holds whole units, whose state follows as soon as their sums are there.
import { at, ceilDiv, fma, lane0, lane1, lane2, lane3, minimum, word } from "./simd";
import { beat, first, last, share, take, thread } from "./thread";
import { sigmoidOf, tanhOf } from "./math";

// The words. All of a sequence and its gradient: a tile has GROUPS groups of four rows.
const CELL = 0, B = 1, T = 2, I = 3, H = 4, GROUPS = 5, X = 6, KERNEL = 7, RECURRENT = 8, BIAS = 9, HIDDEN = 10, CELLS = 11,
  LENGTHS = 12, KEPT = 13, OWN = 14, OWN_BYTES = 15;
// Where the sequence leaves what was asked for; 0: not asked for.
const STATES = 16, LAST = 17, LAST_CELLS = 18;
// Where the gradient finds those of the results, and leaves its own. Sums over a tile's rows and steps, of STEPS at a time.
const D_STATES = 16, D_LAST = 17, D_LAST_CELLS = 18, D_X = 19, D_HIDDEN = 20, D_CELLS = 21, SUMS = 22, SUMS_BYTES = 23,
  STEPS = 24;
// In OWN, where nothing is kept: bytes before what the sequence needs, and before its course. Else 0.
const AGAIN = 25, COURSE = 26;
const SIMPLE = 0, GRU = 1, LSTM = 2;
const ROWS = 12; // of a panel of weights
const VECTOR: usize = 16, PANEL: usize = 48, TILE: usize = 192;

// The extents of the command at hand.
let cell = 0, time = 0, features = 0, units = 0, gates = 0, biases = 0, kept = 0, groups = 0;
// Where the course of the tile at hand is kept; 0: nowhere.
let course: usize = 0;

/** Where all courses are kept, if anywhere: that of the tile whose groups begin with `group0`. */
function courseOf(p: usize, group0: i32): usize {
  const all = pointer(p, KEPT);
  return all ? all + <usize>(group0 * time) * vectors(kept * units) : 0;
}

function begin(p: usize): void {
  cell = word(p, CELL);
  time = word(p, T);
  features = word(p, I);
  units = word(p, H);
  gates = cell == LSTM ? 4 : cell == GRU ? 3 : 1;
  biases = cell == SIMPLE ? 1 : 4;
  kept = cell == SIMPLE ? 1 : 5;
}

@inline function pointer(p: usize, index: i32): usize { return <usize>load<u32>(at(p, index)); }
@inline function vectors(count: i32): usize { return <usize>count << 4; }

/** c [12][4] (+)= a [k][12] times b [k][4]. */
function product(k: i32, a: usize, b: usize, c: usize, accumulate: i32): void {
  let c0 = f32x4.splat(0), c1 = c0, c2 = c0, c3 = c0, c4 = c0, c5 = c0, c6 = c0, c7 = c0, c8 = c0, c9 = c0, c10 = c0, c11 = c0;
  if (accumulate) {
    c0 = v128.load(c, 0);
    c1 = v128.load(c, 16);
    c2 = v128.load(c, 32);
    c3 = v128.load(c, 48);
    c4 = v128.load(c, 64);
    c5 = v128.load(c, 80);
    c6 = v128.load(c, 96);
    c7 = v128.load(c, 112);
    c8 = v128.load(c, 128);
    c9 = v128.load(c, 144);
    c10 = v128.load(c, 160);
    c11 = v128.load(c, 176);
  }
  for (; k > 0; k--) {
    const v = v128.load(b);
    const a0 = v128.load(a, 0);
    c0 = fma(lane0(a0), v, c0);
    c1 = fma(lane1(a0), v, c1);
    c2 = fma(lane2(a0), v, c2);
    c3 = fma(lane3(a0), v, c3);
    const a1 = v128.load(a, 16);
    c4 = fma(lane0(a1), v, c4);
    c5 = fma(lane1(a1), v, c5);
    c6 = fma(lane2(a1), v, c6);
    c7 = fma(lane3(a1), v, c7);
    const a2 = v128.load(a, 32);
    c8 = fma(lane0(a2), v, c8);
    c9 = fma(lane1(a2), v, c9);
    c10 = fma(lane2(a2), v, c10);
    c11 = fma(lane3(a2), v, c11);
    a += PANEL;
    b += VECTOR;
  }
  v128.store(c, c0, 0);
  v128.store(c, c1, 16);
  v128.store(c, c2, 32);
  v128.store(c, c3, 48);
  v128.store(c, c4, 64);
  v128.store(c, c5, 80);
  v128.store(c, c6, 96);
  v128.store(c, c7, 112);
  v128.store(c, c8, 128);
  v128.store(c, c9, 144);
  v128.store(c, c10, 160);
  v128.store(c, c11, 176);
}

/** Four of the twelve rows of two of the `products`. */
function fourRows(k: i32, a: usize, b0: usize, b1: usize, c0: usize, c1: usize, accumulate: i32): void {
  let x0 = f32x4.splat(0), x1 = x0, x2 = x0, x3 = x0, y0 = x0, y1 = x0, y2 = x0, y3 = x0;
  if (accumulate) {
    x0 = v128.load(c0, 0);
    x1 = v128.load(c0, 16);
    x2 = v128.load(c0, 32);
    x3 = v128.load(c0, 48);
    y0 = v128.load(c1, 0);
    y1 = v128.load(c1, 16);
    y2 = v128.load(c1, 32);
    y3 = v128.load(c1, 48);
  }
  for (; k > 0; k--) {
    const v = v128.load(b0), w = v128.load(b1), left = v128.load(a);
    const s0 = lane0(left);
    x0 = fma(s0, v, x0);
    y0 = fma(s0, w, y0);
    const s1 = lane1(left);
    x1 = fma(s1, v, x1);
    y1 = fma(s1, w, y1);
    const s2 = lane2(left);
    x2 = fma(s2, v, x2);
    y2 = fma(s2, w, y2);
    const s3 = lane3(left);
    x3 = fma(s3, v, x3);
    y3 = fma(s3, w, y3);
    a += PANEL;
    b0 += VECTOR;
    b1 += VECTOR;
  }
  v128.store(c0, x0, 0);
  v128.store(c0, x1, 16);
  v128.store(c0, x2, 32);
  v128.store(c0, x3, 48);
  v128.store(c1, y0, 0);
  v128.store(c1, y1, 16);
  v128.store(c1, y2, 32);
  v128.store(c1, y3, 48);
}

/** c (+)= a times b for `count` matrices b and c, `bStep` and `cStep` bytes apart: by pairs, as `microRow` does. */
function products(
  count: i32, k: i32, a: usize, b: usize, bStep: usize, c: usize, cStep: usize, accumulate: i32,
): void {
  for (; count >= 2; count -= 2) {
    for (let part: usize = 0; part < PANEL; part += VECTOR) {
      fourRows(k, a + part, b, b + bStep, c + 4 * part, c + cStep + 4 * part, accumulate);
    }
    b += 2 * bStep;
    c += 2 * cStep;
  }
  if (count) product(k, a, b, c, accumulate);
}

/** All bits in the first `rows` lanes. */
function lanes(rows: i32): v128 {
  return i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(rows));
}

/** to [n][4] = the first n elements of each of `rows` rows, which lie `stride` bytes apart; 0 for rows there are not. */
function toLanes(from: usize, stride: usize, rows: i32, n: i32, to: usize): void {
  const r0 = from, r1 = rows > 1 ? r0 + stride : r0, r2 = rows > 2 ? r1 + stride : r0, r3 = rows > 3 ? r2 + stride : r0;
  const mask = lanes(rows);
  let j = 0;
  for (; j + 4 <= n; j += 4) {
    const v0 = v128.load(at(r0, j)), v1 = v128.load(at(r1, j)), v2 = v128.load(at(r2, j)), v3 = v128.load(at(r3, j));
    const x0 = v128.shuffle<i32>(v0, v1, 0, 4, 1, 5), x1 = v128.shuffle<i32>(v0, v1, 2, 6, 3, 7);
    const y0 = v128.shuffle<i32>(v2, v3, 0, 4, 1, 5), y1 = v128.shuffle<i32>(v2, v3, 2, 6, 3, 7);
    v128.store(to, v128.and(mask, v128.shuffle<i64>(x0, y0, 0, 2)), 0);
    v128.store(to, v128.and(mask, v128.shuffle<i64>(x0, y0, 1, 3)), 16);
    v128.store(to, v128.and(mask, v128.shuffle<i64>(x1, y1, 0, 2)), 32);
    v128.store(to, v128.and(mask, v128.shuffle<i64>(x1, y1, 1, 3)), 48);
    to += 64;
  }
  for (; j < n; j++) {
    const v = f32x4(load<f32>(at(r0, j)), load<f32>(at(r1, j)), load<f32>(at(r2, j)), load<f32>(at(r3, j)));
    v128.store(to, v128.and(mask, v));
    to += VECTOR;
  }
}

/** The other way round: the first n elements of each of `rows` rows = from [n][4]. */
function fromLanes(from: usize, to: usize, stride: usize, rows: i32, n: i32): void {
  let j = 0;
  if (rows == 4) {
    const r0 = to, r1 = r0 + stride, r2 = r1 + stride, r3 = r2 + stride;
    for (; j + 4 <= n; j += 4) {
      const v0 = v128.load(from, 0), v1 = v128.load(from, 16), v2 = v128.load(from, 32), v3 = v128.load(from, 48);
      const x0 = v128.shuffle<i32>(v0, v1, 0, 4, 1, 5), x1 = v128.shuffle<i32>(v0, v1, 2, 6, 3, 7);
      const y0 = v128.shuffle<i32>(v2, v3, 0, 4, 1, 5), y1 = v128.shuffle<i32>(v2, v3, 2, 6, 3, 7);
      v128.store(at(r0, j), v128.shuffle<i64>(x0, y0, 0, 2));
      v128.store(at(r1, j), v128.shuffle<i64>(x0, y0, 1, 3));
      v128.store(at(r2, j), v128.shuffle<i64>(x1, y1, 0, 2));
      v128.store(at(r3, j), v128.shuffle<i64>(x1, y1, 1, 3));
      from += 64;
    }
  }
  for (; j < n; j++) {
    for (let r = 0; r < rows; r++) store<f32>(at(to + <usize>r * stride, j), load<f32>(at(from, r)));
    from += VECTOR;
  }
}

// What becomes of weights: panels [k][12].

/** A row of a kernel's columns, for the units of a panel: [12]. */
function packUnits(row: usize, panel: i32, to: usize): void {
  const each = ROWS / gates;
  for (let i = 0; i < each; i++) {
    const unit = panel * each + i;
    for (let gate = 0; gate < gates; gate++) {
      store<f32>(to, unit < units ? load<f32>(at(row, gate * units + unit)) : 0);
      to += 4;
    }
  }
}

/** Rows of a forward panel: features, bias (the GRU's inner bias beside it), units. */
@inline function forwardRows(): i32 { return features + 1 + (cell == GRU ? 1 : 0) + units; }

function packForward(p: usize, to: usize): void {
  const columns = gates * units, panels = ceilDiv(columns, ROWS), each = ROWS / gates;
  for (let panel = 0; panel < panels; panel++) {
    for (let i = 0; i < features; i++, to += PANEL) packUnits(at(pointer(p, KERNEL), i * columns), panel, to);
    packUnits(pointer(p, BIAS), panel, to);
    to += PANEL;
    if (cell == GRU) {
      memory.fill(to, 0, PANEL);
      for (let i = 0; i < each; i++) {
        const unit = panel * each + i;
        if (unit < units) store<f32>(at(to, 3 * i + 2), load<f32>(at(pointer(p, BIAS), 3 * units + unit)));
      }
      to += PANEL;
    }
    for (let i = 0; i < units; i++, to += PANEL) packUnits(at(pointer(p, RECURRENT), i * columns), panel, to);
  }
}

/** The transpose of a kernel of n rows: a row of the panel is a row of the kernel, k its columns unit by unit. */
function packBackward(kernel: usize, n: i32, to: usize): void {
  const columns = gates * units;
  for (let panel = 0; panel < n; panel += ROWS) {
    for (let unit = 0; unit < units; unit++) {
      for (let gate = 0; gate < gates; gate++) {
        for (let r = 0; r < ROWS; r++) {
          const row = panel + r;
          store<f32>(to, row < n ? load<f32>(at(kernel, row * columns + gate * units + unit)) : 0);
          to += 4;
        }
      }
    }
  }
}

/** Lanes of the rows that take step `t`. */
function active(lengths: usize, row: i32, rows: i32, t: i32): v128 {
  if (lengths == 0) return i32x4.splat(-1);
  let mask = i32x4.splat(0);
  if (load<i32>(at(lengths, row)) > t) mask = i32x4.replace_lane(mask, 0, -1);
  if (rows > 1 && load<i32>(at(lengths, row + 1)) > t) mask = i32x4.replace_lane(mask, 1, -1);
  if (rows > 2 && load<i32>(at(lengths, row + 2)) > t) mask = i32x4.replace_lane(mask, 2, -1);
  if (rows > 3 && load<i32>(at(lengths, row + 3)) > t) mask = i32x4.replace_lane(mask, 3, -1);
  return mask;
}

/** The command: a sequence. */
export function recurrent(p: usize): void {
  begin(p);
  const groupsAll = ceilDiv(word(p, B), 4), tiles = ceilDiv(groupsAll, word(p, GROUPS));
  const own = pointer(p, OWN) + <usize>thread * <usize>word(p, OWN_BYTES);
  let packed = false;
  share(tiles, 1);
  while (take()) {
    if (!packed) packForward(p, own);
    packed = true;
    for (let tile = first; tile < last; tile++) {
      groups = minimum(word(p, GROUPS), groupsAll - tile * word(p, GROUPS));
      course = courseOf(p, tile * word(p, GROUPS));
      forwardTile(p, tile * word(p, GROUPS), own, true);
    }
  }
}

/** `results`: the command is a sequence, and says where they go. */
function forwardTile(p: usize, group0: i32, own: usize, results: bool): void {
  const batch = word(p, B), columns = gates * units, panels = ceilDiv(columns, ROWS), each = ROWS / gates;
  const panelBytes = <usize>forwardRows() * PANEL, inputBytes = vectors(features + 1 + units);
  const inputs = own + <usize>panels * panelBytes; // [2][groups][features, 1, units][4]
  const cells = inputs + 2 * <usize>groups * inputBytes; // [groups][units][4]
  const sums = cells + <usize>groups * vectors(units); // [2][groups][12][4]
  const lengths = pointer(p, LENGTHS), stride = <usize>units << 2;
  for (let group = 0; group < groups; group++) {
    const row = (group0 + group) * 4, rows = minimum(4, batch - row), input = inputs + <usize>group * inputBytes;
    v128.store(input + vectors(features), f32x4.splat(1));
    v128.store(input + <usize>groups * inputBytes + vectors(features), f32x4.splat(1));
    toLanes(at(pointer(p, HIDDEN), row * units), stride, rows, units, input + vectors(features + 1));
    if (cell == LSTM) {
      toLanes(at(pointer(p, CELLS), row * units), stride, rows, units, cells + <usize>group * vectors(units));
    }
  }
  for (let t = 0; t < time; t++) {
    beat();
    const now = inputs + <usize>(t & 1) * <usize>groups * inputBytes;
    const next = inputs + <usize>(~t & 1) * <usize>groups * inputBytes;
    for (let group = 0; group < groups; group++) {
      const row = (group0 + group) * 4, rows = minimum(4, batch - row);
      const x = at(pointer(p, X), (row * time + t) * features);
      toLanes(x, <usize>(time * features) << 2, rows, features, now + <usize>group * inputBytes);
    }
    for (let panel = 0; panel < panels; panel++) {
      const a = own + <usize>panel * panelBytes, unit = panel * each, count = minimum(each, units - unit);
      if (cell == GRU) {
        const inside = a + <usize>(features + 1) * PANEL;
        products(groups, features + 1, a, now, inputBytes, sums, TILE, 0);
        products(groups, 1 + units, inside, now + vectors(features), inputBytes, sums + <usize>groups * TILE, TILE, 0);
      } else {
        products(groups, features + 1 + units, a, now, inputBytes, sums, TILE, 0);
      }
      for (let group = 0; group < groups; group++) {
        const row = (group0 + group) * 4, rows = minimum(4, batch - row), hidden = vectors(features + 1 + unit);
        const mask = active(lengths, row, rows, t), c = sums + <usize>group * TILE;
        const before = now + <usize>group * inputBytes + hidden, after = next + <usize>group * inputBytes + hidden;
        let keeping = course;
        if (keeping) keeping += <usize>(group * time + t) * vectors(kept * units) + vectors(kept * unit);
        if (cell == LSTM) lstm(count, c, cells + <usize>group * vectors(units) + vectors(unit), before, after, mask, keeping);
        else if (cell == GRU) gru(count, c, c + <usize>groups * TILE, before, after, mask, keeping);
        else simple(count, c, before, after, mask, keeping);
      }
    }
    if (results && word(p, STATES)) {
      for (let group = 0; group < groups; group++) {
        const row = (group0 + group) * 4, rows = minimum(4, batch - row);
        const to = at(pointer(p, STATES), (row * time + t) * units);
        fromLanes(next + <usize>group * inputBytes + vectors(features + 1), to, <usize>time * stride, rows, units);
      }
    }
  }
  if (!results) return;
  const end = inputs + <usize>(time & 1) * <usize>groups * inputBytes;
  for (let group = 0; group < groups; group++) {
    const row = (group0 + group) * 4, rows = minimum(4, batch - row);
    if (word(p, LAST)) {
      const from = end + <usize>group * inputBytes + vectors(features + 1);
      fromLanes(from, at(pointer(p, LAST), row * units), stride, rows, units);
    }
    if (word(p, LAST_CELLS)) {
      fromLanes(cells + <usize>group * vectors(units), at(pointer(p, LAST_CELLS), row * units), stride, rows, units);
    }
  }
}

function simple(count: i32, sums: usize, before: usize, after: usize, mask: v128, keeping: usize): void {
  for (let i = 0; i < count; i++) {
    const hidden = v128.bitselect(tanhOf(v128.load(sums)), v128.load(before), mask);
    v128.store(after, hidden);
    if (keeping) {
      v128.store(keeping, hidden);
      keeping += VECTOR;
    }
    sums += VECTOR;
    before += VECTOR;
    after += VECTOR;
  }
}

function lstm(
  count: i32,
  sums: usize,
  cells: usize,
  before: usize,
  after: usize,
  mask: v128,
  keeping: usize,
): void {
  for (let i = 0; i < count; i++) {
    const input = sigmoidOf(v128.load(sums, 0)), forget = sigmoidOf(v128.load(sums, 16));
    const candidate = tanhOf(v128.load(sums, 32)), output = sigmoidOf(v128.load(sums, 48));
    const old = v128.load(cells);
    const state = v128.bitselect(fma(forget, old, f32x4.mul(input, candidate)), old, mask);
    v128.store(cells, state);
    v128.store(after, v128.bitselect(f32x4.mul(output, tanhOf(state)), v128.load(before), mask));
    if (keeping) {
      v128.store(keeping, input, 0);
      v128.store(keeping, forget, 16);
      v128.store(keeping, candidate, 32);
      v128.store(keeping, output, 48);
      v128.store(keeping, state, 64);
      keeping += 80;
    }
    sums += 64;
    cells += VECTOR;
    before += VECTOR;
    after += VECTOR;
  }
}

function gru(count: i32, outside: usize, inside: usize, before: usize, after: usize, mask: v128, keeping: usize): void {
  for (let i = 0; i < count; i++) {
    const reset = sigmoidOf(f32x4.add(v128.load(outside, 0), v128.load(inside, 0)));
    const update = sigmoidOf(f32x4.add(v128.load(outside, 16), v128.load(inside, 16)));
    const own = v128.load(inside, 32), candidate = tanhOf(fma(reset, own, v128.load(outside, 32)));
    const old = v128.load(before);
    const hidden = v128.bitselect(fma(update, f32x4.sub(old, candidate), candidate), old, mask);
    v128.store(after, hidden);
    if (keeping) {
      v128.store(keeping, reset, 0);
      v128.store(keeping, update, 16);
      v128.store(keeping, candidate, 32);
      v128.store(keeping, own, 48);
      v128.store(keeping, hidden, 64);
      keeping += 80;
    }
    outside += PANEL;
    inside += PANEL;
    before += VECTOR;
    after += VECTOR;
  }
}

/** The command: the gradient of a sequence, its weights' as sums of each tile. */
export function recurrentGrad(p: usize): void {
  begin(p);
  const groupsAll = ceilDiv(word(p, B), 4), tiles = ceilDiv(groupsAll, word(p, GROUPS));
  const own = pointer(p, OWN) + <usize>thread * <usize>word(p, OWN_BYTES);
  const inner = <usize>ceilDiv(units, ROWS) * <usize>(gates * units) * PANEL;
  const outer = word(p, D_X) ? <usize>ceilDiv(features, ROWS) * <usize>(gates * units) * PANEL : 0;
  let packed = false;
  share(tiles, 1);
  while (take()) {
    if (!packed) {
      if (word(p, AGAIN)) packForward(p, own + <usize>word(p, AGAIN));
      packBackward(pointer(p, RECURRENT), units, own);
      if (outer) packBackward(pointer(p, KERNEL), features, own + inner);
    }
    packed = true;
    for (let tile = first; tile < last; tile++) {
      groups = minimum(word(p, GROUPS), groupsAll - tile * word(p, GROUPS));
      course = courseOf(p, tile * word(p, GROUPS));
      if (word(p, AGAIN)) {
        course = own + <usize>word(p, COURSE);
        forwardTile(p, tile * word(p, GROUPS), own + <usize>word(p, AGAIN), false);
      }
      backwardTile(p, tile, own, own + inner, own + inner + outer);
    }
  }
}

// Where a tile's gradient has its vectors, each for one group after the other.
let hiddens: usize = 0; // [units to whole panels]: the gradient by the hidden state
let states: usize = 0; // [units]: by the cell state
let tanhs: usize = 0; // [units]: of the cell state
let olds: usize = 0; // [units to whole panels]: the hidden state before the step
let inputsOf: usize = 0; // [features to whole panels]: the step's input
let insides: usize = 0; // [gates * units to whole fours]: by the sums of the hidden state
let outsides: usize = 0; // by those of the input, where they differ
let firsts: usize = 0; // [units]: the first hidden state
let firstCells: usize = 0; // [units]: the first cell state

function backwardTile(p: usize, tile: i32, inner: usize, outer: usize, place: usize): void {
  const batch = word(p, B), group0 = tile * word(p, GROUPS), columns = gates * units;
  const unitPanels = ceilDiv(units, ROWS), featurePanels = ceilDiv(features, ROWS), quads = ceilDiv(columns, 4);
  const count = <usize>groups, hiddenBytes = vectors(unitPanels * ROWS), inputBytes = vectors(featurePanels * ROWS);
  const unitBytes = vectors(units), sumBytes = vectors(quads * 4), stride = <usize>units << 2;
  hiddens = place;
  states = hiddens + count * hiddenBytes;
  tanhs = states + count * unitBytes;
  olds = tanhs + count * unitBytes;
  inputsOf = olds + count * hiddenBytes;
  insides = inputsOf + count * inputBytes;
  outsides = cell == GRU ? insides + count * sumBytes : insides;
  firsts = outsides + count * sumBytes;
  firstCells = firsts + count * unitBytes;
  const squares = firstCells + count * unitBytes; // [12][4]
  // What the weights' gradients multiply, for STEPS steps: panels [k][12] and [k][4].
  const depth = <usize>(word(p, STEPS) * groups * 4), leftBytes = depth * PANEL, rightBytes = depth * VECTOR;
  const lefts = squares + count * TILE, rights = lefts + <usize>(featurePanels + unitPanels) * leftBytes;
  const outerRights = cell == GRU ? rights + <usize>quads * rightBytes : rights;
  const sums = pointer(p, SUMS) + <usize>tile * <usize>word(p, SUMS_BYTES);
  const biasSums = sums + <usize>((featurePanels + unitPanels) * quads) * TILE;
  memory.fill(place, 0, squares - place);
  memory.fill(sums, 0, <usize>word(p, SUMS_BYTES));
  for (let group = 0; group < groups; group++) {
    const row = (group0 + group) * 4, rows = minimum(4, batch - row), index = <usize>group;
    if (word(p, D_LAST)) toLanes(at(pointer(p, D_LAST), row * units), stride, rows, units, hiddens + index * hiddenBytes);
    toLanes(at(pointer(p, HIDDEN), row * units), stride, rows, units, firsts + index * unitBytes);
    if (cell == LSTM) {
      if (word(p, D_LAST_CELLS)) {
        toLanes(at(pointer(p, D_LAST_CELLS), row * units), stride, rows, units, states + index * unitBytes);
      }
      toLanes(at(pointer(p, CELLS), row * units), stride, rows, units, firstCells + index * unitBytes);
      const end = course + <usize>(group * time + time - 1) * vectors(kept * units);
      for (let unit = 0; unit < units; unit++) {
        v128.store(tanhs + index * unitBytes + vectors(unit), tanhOf(v128.load(end + vectors(kept * unit), 64)));
      }
    }
  }
  let filled = 0;
  for (let t = time - 1; t >= 0; t--) {
    beat();
    for (let group = 0; group < groups; group++) {
      const row = (group0 + group) * 4, rows = minimum(4, batch - row), index = <usize>group;
      const mask = active(pointer(p, LENGTHS), row, rows, t), hidden = hiddens + index * hiddenBytes;
      if (word(p, D_STATES)) {
        // The step's own gradients pass through where the next values of the sums will be.
        const own = insides + index * sumBytes;
        toLanes(at(pointer(p, D_STATES), (row * time + t) * units), <usize>time * stride, rows, units, own);
        for (let unit = 0; unit < units; unit++) {
          const sum = hidden + vectors(unit);
          v128.store(sum, f32x4.add(v128.load(sum), v128.load(own + vectors(unit))));
        }
      }
      const keeping = course + <usize>(group * time + t) * vectors(kept * units);
      // Where the state before the step is: of the step before, or the first.
      const before = t > 0 ? keeping - vectors(kept * units) : 0;
      if (cell == LSTM) lstmGrad(index, hidden, keeping, before, mask, biasSums);
      else if (cell == GRU) gruGrad(index, hidden, keeping, before, mask, biasSums);
      else simpleGrad(index, hidden, keeping, before, mask, biasSums);
      const x = at(pointer(p, X), (row * time + t) * features);
      toLanes(x, <usize>(time * features) << 2, rows, features, inputsOf + index * inputBytes);
      const k = <usize>(filled + 4 * group);
      packLeft(inputsOf + index * inputBytes, featurePanels, lefts + k * PANEL, leftBytes);
      packLeft(olds + index * hiddenBytes, unitPanels, lefts + <usize>featurePanels * leftBytes + k * PANEL, leftBytes);
      packRight(insides + index * sumBytes, quads, rights + k * VECTOR, rightBytes);
      if (cell == GRU) packRight(outsides + index * sumBytes, quads, outerRights + k * VECTOR, rightBytes);
    }
    filled += groups * 4;
    for (let panel = 0; panel < unitPanels; panel++) {
      const a = inner + <usize>(panel * columns) * PANEL;
      products(groups, columns, a, insides, sumBytes, hiddens + <usize>panel * TILE, hiddenBytes, 1);
    }
    if (word(p, D_X)) {
      for (let panel = 0; panel < featurePanels; panel++) {
        const a = outer + <usize>(panel * columns) * PANEL, feature = panel * ROWS;
        products(groups, columns, a, outsides, sumBytes, squares, TILE, 0);
        for (let group = 0; group < groups; group++) {
          const row = (group0 + group) * 4, rows = minimum(4, batch - row);
          const to = at(pointer(p, D_X), (row * time + t) * features + feature), from = squares + <usize>group * TILE;
          fromLanes(from, to, <usize>(time * features) << 2, rows, minimum(ROWS, features - feature));
        }
      }
    }
    if (filled == <i32>depth || t == 0) {
      for (let panel = 0; panel < featurePanels + unitPanels; panel++) {
        const b = panel < featurePanels ? outerRights : rights, a = lefts + <usize>panel * leftBytes;
        products(quads, filled, a, b, rightBytes, sums + <usize>(panel * quads) * TILE, TILE, 1);
      }
      filled = 0;
    }
  }
  for (let group = 0; group < groups; group++) {
    const row = (group0 + group) * 4, rows = minimum(4, batch - row), index = <usize>group;
    if (word(p, D_HIDDEN)) {
      fromLanes(hiddens + index * hiddenBytes, at(pointer(p, D_HIDDEN), row * units), stride, rows, units);
    }
    if (word(p, D_CELLS)) {
      fromLanes(states + index * unitBytes, at(pointer(p, D_CELLS), row * units), stride, rows, units);
    }
  }
}

/** 12 vectors a panel, of four rows each -> four rows [12] of each panel. */
function packLeft(from: usize, panels: i32, to: usize, step: usize): void {
  for (let panel = 0; panel < panels; panel++) {
    for (let part: usize = 0; part < PANEL; part += VECTOR) {
      const v0 = v128.load(from, 0), v1 = v128.load(from, 16), v2 = v128.load(from, 32), v3 = v128.load(from, 48);
      const x0 = v128.shuffle<i32>(v0, v1, 0, 4, 1, 5), x1 = v128.shuffle<i32>(v0, v1, 2, 6, 3, 7);
      const y0 = v128.shuffle<i32>(v2, v3, 0, 4, 1, 5), y1 = v128.shuffle<i32>(v2, v3, 2, 6, 3, 7);
      const place = to + part;
      v128.store(place, v128.shuffle<i64>(x0, y0, 0, 2), 0);
      v128.store(place, v128.shuffle<i64>(x0, y0, 1, 3), 48);
      v128.store(place, v128.shuffle<i64>(x1, y1, 0, 2), 96);
      v128.store(place, v128.shuffle<i64>(x1, y1, 1, 3), 144);
      from += 64;
    }
    to += step;
  }
}

/** Four vectors a panel, of four rows each -> four rows [4] of each panel. */
function packRight(from: usize, panels: i32, to: usize, step: usize): void {
  for (let panel = 0; panel < panels; panel++) {
    const v0 = v128.load(from, 0), v1 = v128.load(from, 16), v2 = v128.load(from, 32), v3 = v128.load(from, 48);
    const x0 = v128.shuffle<i32>(v0, v1, 0, 4, 1, 5), x1 = v128.shuffle<i32>(v0, v1, 2, 6, 3, 7);
    const y0 = v128.shuffle<i32>(v2, v3, 0, 4, 1, 5), y1 = v128.shuffle<i32>(v2, v3, 2, 6, 3, 7);
    v128.store(to, v128.shuffle<i64>(x0, y0, 0, 2), 0);
    v128.store(to, v128.shuffle<i64>(x0, y0, 1, 3), 16);
    v128.store(to, v128.shuffle<i64>(x1, y1, 0, 2), 32);
    v128.store(to, v128.shuffle<i64>(x1, y1, 1, 3), 48);
    from += 64;
    to += step;
  }
}

/** y (1 - y): the slope of the sigmoid where its value is y. */
@inline function slope(y: v128): v128 { return f32x4.sub(y, f32x4.mul(y, y)); }
/** 1 - y^2: the slope of tanh. */
@inline function tanhSlope(y: v128): v128 { return f32x4.sub(f32x4.splat(1), f32x4.mul(y, y)); }
/**
 * Gradients below 2^-96 become 0: they fade out over hundreds of steps, and processors take some hundred times as long for
 * numbers below the normal ones. NaN stays.
 */
@inline function faded(x: v128): v128 { return v128.andnot(x, f32x4.lt(f32x4.abs(x), f32x4.splat(1.262177448e-29))); }
@inline function add(to: usize, value: v128): void { v128.store(to, f32x4.add(v128.load(to), value)); }

function simpleGrad(group: usize, hidden: usize, keeping: usize, before: usize, mask: v128, biasSums: usize): void {
  let old = olds + group * vectors(ceilDiv(units, ROWS) * ROWS), sum = insides + group * vectors(ceilDiv(units, 4) * 4);
  if (before == 0) before = firsts + group * vectors(units);
  for (let unit = 0; unit < units; unit++) {
    const gradient = faded(v128.load(hidden));
    const inside = v128.and(mask, f32x4.mul(gradient, tanhSlope(v128.load(keeping))));
    v128.store(sum, inside);
    add(biasSums, inside);
    v128.store(hidden, v128.andnot(gradient, mask));
    v128.store(old, v128.load(before));
    hidden += VECTOR; keeping += VECTOR; before += VECTOR; old += VECTOR; sum += VECTOR; biasSums += VECTOR;
  }
}

function lstmGrad(group: usize, hidden: usize, keeping: usize, before: usize, mask: v128, biasSums: usize): void {
  let old = olds + group * vectors(ceilDiv(units, ROWS) * ROWS), sum = insides + group * vectors(units * 4);
  let state = states + group * vectors(units), tanhed = tanhs + group * vectors(units);
  let startHidden = firsts + group * vectors(units), startCell = firstCells + group * vectors(units);
  for (let unit = 0; unit < units; unit++) {
    const input = v128.load(keeping, 0), forget = v128.load(keeping, 16), candidate = v128.load(keeping, 32);
    const output = v128.load(keeping, 48), tanh = v128.load(tanhed);
    let cellBefore: v128, hiddenBefore: v128;
    if (before) {
      cellBefore = v128.load(before, 64);
      const t = tanhOf(cellBefore);
      v128.store(tanhed, t);
      hiddenBefore = f32x4.mul(v128.load(before, 48), t);
      before += 80;
    } else {
      cellBefore = v128.load(startCell);
      hiddenBefore = v128.load(startHidden);
    }
    const gradient = faded(v128.load(hidden)), through = faded(v128.load(state));
    const total = fma(f32x4.mul(gradient, output), tanhSlope(tanh), through);
    const inputGrad = v128.and(mask, f32x4.mul(f32x4.mul(total, candidate), slope(input)));
    const forgetGrad = v128.and(mask, f32x4.mul(f32x4.mul(total, cellBefore), slope(forget)));
    const candidateGrad = v128.and(mask, f32x4.mul(f32x4.mul(total, input), tanhSlope(candidate)));
    const outputGrad = v128.and(mask, f32x4.mul(f32x4.mul(gradient, tanh), slope(output)));
    v128.store(sum, inputGrad, 0);
    v128.store(sum, forgetGrad, 16);
    v128.store(sum, candidateGrad, 32);
    v128.store(sum, outputGrad, 48);
    add(biasSums, inputGrad);
    add(biasSums + 16, forgetGrad);
    add(biasSums + 32, candidateGrad);
    add(biasSums + 48, outputGrad);
    v128.store(state, v128.bitselect(f32x4.mul(total, forget), through, mask));
    v128.store(hidden, v128.andnot(gradient, mask));
    v128.store(old, hiddenBefore);
    hidden += VECTOR; keeping += 80; state += VECTOR; tanhed += VECTOR; old += VECTOR; sum += 64; biasSums += 64;
    startHidden += VECTOR; startCell += VECTOR;
  }
}

function gruGrad(group: usize, hidden: usize, keeping: usize, before: usize, mask: v128, biasSums: usize): void {
  const sumBytes = vectors(ceilDiv(3 * units, 4) * 4);
  let old = olds + group * vectors(ceilDiv(units, ROWS) * ROWS), inside = insides + group * sumBytes;
  let outside = outsides + group * sumBytes, start = firsts + group * vectors(units);
  for (let unit = 0; unit < units; unit++) {
    const reset = v128.load(keeping, 0), update = v128.load(keeping, 16), candidate = v128.load(keeping, 32);
    const own = v128.load(keeping, 48), gradient = faded(v128.load(hidden));
    let hiddenBefore: v128;
    if (before) {
      hiddenBefore = v128.load(before, 64);
      before += 80;
    } else {
      hiddenBefore = v128.load(start);
    }
    const taken = f32x4.mul(gradient, f32x4.sub(f32x4.splat(1), update));
    const candidateGrad = v128.and(mask, f32x4.mul(taken, tanhSlope(candidate)));
    const resetGrad = f32x4.mul(f32x4.mul(candidateGrad, own), slope(reset));
    const change = f32x4.sub(hiddenBefore, candidate);
    const updateGrad = v128.and(mask, f32x4.mul(f32x4.mul(gradient, change), slope(update)));
    const ownGrad = f32x4.mul(candidateGrad, reset);
    v128.store(outside, resetGrad, 0);
    v128.store(outside, updateGrad, 16);
    v128.store(outside, candidateGrad, 32);
    v128.store(inside, resetGrad, 0);
    v128.store(inside, updateGrad, 16);
    v128.store(inside, ownGrad, 32);
    add(biasSums, resetGrad);
    add(biasSums + 16, updateGrad);
    add(biasSums + 32, candidateGrad);
    add(biasSums + 48, ownGrad);
    v128.store(hidden, v128.bitselect(f32x4.mul(gradient, update), gradient, mask));
    v128.store(old, hiddenBefore);
    hidden += VECTOR; keeping += 80; old += VECTOR; inside += 48; outside += 48; biasSums += 64; start += VECTOR;
  }
}

/** The command: the sums of all tiles, in their order, as the gradients by the weights. */
export function recurrentSum(p: usize): void {
  begin(p);
  const tiles = ceilDiv(ceilDiv(word(p, B), 4), word(p, GROUPS)), columns = gates * units, quads = ceilDiv(columns, 4);
  const featurePanels = ceilDiv(features, ROWS), panels = featurePanels + ceilDiv(units, ROWS);
  const sums = pointer(p, SUMS), tileBytes = <usize>word(p, SUMS_BYTES);
  // Rows of the kernel, of the recurrent kernel, and the bias.
  share(features + units + 1, 1);
  while (take()) {
    for (let row = first; row < last; row++) {
      if (row == features + units) {
        if (word(p, BIAS)) sumBias(pointer(p, BIAS), sums + <usize>(panels * quads) * TILE, tiles, tileBytes);
        continue;
      }
      const inner = row >= features, index = inner ? row - features : row;
      let to = pointer(p, inner ? RECURRENT : KERNEL);
      if (to == 0) continue;
      to = at(to, index * columns);
      const panel = (inner ? featurePanels : 0) + index / ROWS, from = sums + vectors(index % ROWS);
      for (let column = 0; column < columns; column++) {
        const place = at(from + <usize>(panel * quads + column / 4) * TILE, column % 4);
        let sum: f32 = 0;
        for (let tile = 0; tile < tiles; tile++) sum += load<f32>(place + <usize>tile * tileBytes);
        store<f32>(at(to, column % gates * units + column / gates), sum);
      }
    }
  }
}

function sumBias(to: usize, from: usize, tiles: i32, tileBytes: usize): void {
  for (let unit = 0; unit < units; unit++) {
    for (let part = 0; part < biases; part++) {
      let sum = f32x4.splat(0);
      for (let tile = 0; tile < tiles; tile++) {
        sum = f32x4.add(sum, v128.load(from + <usize>tile * tileBytes + vectors(unit * biases + part)));
      }
      const total = (f32x4.extract_lane(sum, 0) + f32x4.extract_lane(sum, 1)) +
        (f32x4.extract_lane(sum, 2) + f32x4.extract_lane(sum, 3));
      store<f32>(at(to, part * units + unit), total);
    }
  }
}
