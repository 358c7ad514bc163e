// Pooling and depthwise convolution: windows over [B, H, W, C] images, channel by channel.
import { at, fma, maximum, minimum, word } from "./simd";
import { beat, first, last, share, take } from "./thread";

// The words that all of these begin with.
const IMAGES = 0, HEIGHT = 1, WIDTH = 2, CHANNELS = 3, OUT_HEIGHT = 4, OUT_WIDTH = 5, TAPS_Y = 6, TAPS_X = 7, STRIDE_Y = 8,
  STRIDE_X = 9, PAD_Y = 10, PAD_X = 11, DILATION_Y = 12, DILATION_X = 13, FIRST = 14, SECOND = 15, TO = 16, OPTION = 17,
  INTEGER = 18;

/** Up to four elements; the rest are 0. */
@inline function loadSome(from: usize, count: i32): v128 {
  if (count >= 4) return v128.load(from);
  let v = v128.load32_zero(from);
  if (count > 1) v = v128.load_lane<f32>(from, v, 1, 4);
  if (count > 2) v = v128.load_lane<f32>(from, v, 2, 8);
  return v;
}
@inline function storeSome(to: usize, v: v128, count: i32): void {
  if (count >= 4) {
    v128.store(to, v);
    return;
  }
  v128.store_lane<f32>(to, v, 0);
  if (count > 1) v128.store_lane<f32>(to, v, 1, 4);
  if (count > 2) v128.store_lane<f32>(to, v, 2, 8);
}
/** Channels c ... c+4 of `from` where each element is repeated `multiplier` times. */
@inline function loadSpread(from: usize, c: i32, multiplier: i32, count: i32): v128 {
  if (multiplier == 1) return loadSome(at(from, c), count);
  let v = f32x4.splat(load<f32>(at(from, c / multiplier)));
  if (count > 1) v = f32x4.replace_lane(v, 1, load<f32>(at(from, (c + 1) / multiplier)));
  if (count > 2) v = f32x4.replace_lane(v, 2, load<f32>(at(from, (c + 2) / multiplier)));
  if (count > 3) v = f32x4.replace_lane(v, 3, load<f32>(at(from, (c + 3) / multiplier)));
  return v;
}

/** The first tap that lies inside, and one past the last, for a window that starts at `start`. */
@inline function firstTap(start: i32, dilation: i32): i32 { return start >= 0 ? 0 : (-start + dilation - 1) / dilation; }
@inline function lastTap(start: i32, dilation: i32, taps: i32, size: i32): i32 {
  return start >= size ? 0 : minimum(taps, (size - start + dilation - 1) / dilation);
}

/** The command: maxima (OPTION 1) or means of windows. */
export function pool(p: usize): void {
  const height = word(p, HEIGHT), width = word(p, WIDTH), channels = word(p, CHANNELS), outWidth = word(p, OUT_WIDTH);
  const dilationY = word(p, DILATION_Y), dilationX = word(p, DILATION_X), largest = word(p, OPTION);
  const x = <usize>load<u32>(at(p, FIRST)), to = <usize>load<u32>(at(p, TO)), integer = word(p, INTEGER);
  const rowStep = <usize>(dilationY * width * channels) << 2, columnStep = <usize>(dilationX * channels) << 2;
  const units = word(p, IMAGES) * word(p, OUT_HEIGHT);
  share(units, 1);
  while (take()) {
    for (let unit = first; unit < last; unit++) {
      beat();
      const image = unit / word(p, OUT_HEIGHT), row = unit - image * word(p, OUT_HEIGHT);
      const top = row * word(p, STRIDE_Y) - word(p, PAD_Y);
      const y0 = firstTap(top, dilationY), y1 = lastTap(top, dilationY, word(p, TAPS_Y), height);
      for (let column = 0; column < outWidth; column++) {
        const left = column * word(p, STRIDE_X) - word(p, PAD_X);
        const x0 = firstTap(left, dilationX), x1 = lastTap(left, dilationX, word(p, TAPS_X), width);
        const out = at(to, (unit * outWidth + column) * channels), wide = x1 - x0, tall = y1 - y0;
        const area = f32x4.splat(<f32>(tall * wide));
        let from = at(x, ((image * height + top + y0 * dilationY) * width + left + x0 * dilationX) * channels);
        if (largest && !integer && tall == 2 && wide == 2 && channels % 4 == 0) {
          largestOfFour(from, rowStep, columnStep, out, channels);
          continue;
        }
        for (let c = 0; c < channels; c += 4) {
          const count = channels - c;
          if (integer && !largest) {
            for (let i = 0; i < minimum(4, count); i++) {
              store<i32>(at(out, c + i), integerMean(at(from, i), tall, wide, rowStep, columnStep));
            }
            from += 16;
            continue;
          }
          let v = largest ? integer ? i32x4.splat(i32.MIN_VALUE) : f32x4.splat(-Infinity) : f32x4.splat(0);
          let line = from;
          for (let ty = 0; ty < tall; ty++) {
            let tap = line;
            for (let tx = 0; tx < wide; tx++) {
              const value = loadSome(tap, count);
              if (!largest) v = f32x4.add(v, value);
              else v = integer ? i32x4.max_s(v, value) : f32x4.pmax(v, value); // which leaves NaN out
              tap += columnStep;
            }
            line += rowStep;
          }
          storeSome(at(out, c), largest ? v : f32x4.div(v, area), count);
          from += 16;
        }
      }
    }
  }
}

/** The largest of windows of 2 x 2, of which most networks are made: without a loop, a third of the time. */
function largestOfFour(from: usize, rowStep: usize, columnStep: usize, to: usize, channels: i32): void {
  let a = from, b = a + columnStep, c = a + rowStep, d = c + columnStep;
  const none = f32x4.splat(-Infinity);
  for (; channels > 0; channels -= 4) {
    const upper = f32x4.pmax(f32x4.pmax(none, v128.load(a)), v128.load(b));
    v128.store(to, f32x4.pmax(f32x4.pmax(upper, v128.load(c)), v128.load(d)));
    a += 16; b += 16; c += 16; d += 16; to += 16;
  }
}

/** The mean, towards 0, of rows * columns integers, whose rows and columns are so many bytes apart; of none, 0. */
function integerMean(from: usize, rows: i32, columns: i32, rowStep: usize, columnStep: usize): i32 {
  if (rows <= 0 || columns <= 0) return 0;
  let sum: i64 = 0;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) sum += load<i32>(from + <usize>row * rowStep + <usize>column * columnStep);
  }
  return <i32>(sum / (rows * columns));
}

/** The gradient of `largestOfFour`: to the first of the largest, and 0 to the others. */
function toLargestOfFour(dy: usize, from: usize, rowStep: usize, columnStep: usize, to: usize, channels: i32): void {
  let a = from, b = a + columnStep, c = a + rowStep, d = c + columnStep;
  let toA = to, toB = toA + columnStep, toC = toA + rowStep, toD = toC + columnStep;
  const none = f32x4.splat(-Infinity);
  for (; channels > 0; channels -= 4) {
    const gradient = v128.load(dy), va = f32x4.pmax(none, v128.load(a)), vb = v128.load(b), vc = v128.load(c);
    const ab = f32x4.pmax(va, vb), isD = f32x4.gt(v128.load(d), f32x4.pmax(ab, vc));
    const isC = f32x4.gt(vc, ab), isLow = v128.or(isC, isD), isB = f32x4.gt(vb, va);
    v128.store(toA, v128.andnot(gradient, v128.or(isB, isLow)));
    v128.store(toB, v128.andnot(v128.and(gradient, isB), isLow));
    v128.store(toC, v128.andnot(v128.and(gradient, isC), isD));
    v128.store(toD, v128.and(gradient, isD));
    a += 16; b += 16; c += 16; d += 16; dy += 16;
    toA += 16; toB += 16; toC += 16; toD += 16;
  }
}

/** The gradient of maxima of windows side by side. A place is in one window at most, so it is written and not added to. */
function poolGradApart(p: usize): void {
  const height = word(p, HEIGHT), width = word(p, WIDTH), channels = word(p, CHANNELS);
  const outHeight = word(p, OUT_HEIGHT), outWidth = word(p, OUT_WIDTH), tapsY = word(p, TAPS_Y), tapsX = word(p, TAPS_X);
  const dy = <usize>load<u32>(at(p, FIRST)), x = <usize>load<u32>(at(p, SECOND)), to = <usize>load<u32>(at(p, TO));
  const columnStep = <usize>channels << 2, rowStep = <usize>width * columnStep;
  // Places of a row that no window reaches.
  const reached = maximum(0, minimum(width, outWidth * tapsX - word(p, PAD_X)));
  const tail = <usize>(width - reached) * columnStep;
  const units = word(p, IMAGES) * outHeight, none = f32x4.splat(0);
  share(units, 1);
  while (take()) {
    for (let unit = first; unit < last; unit++) {
      beat();
      const image = unit / outHeight, row = unit - image * outHeight;
      const top = row * tapsY - word(p, PAD_Y), y0 = maximum(top, 0), y1 = minimum(top + tapsY, height);
      // What is below the last windows is theirs to clear.
      const below = row == outHeight - 1 ? height : y1;
      for (let y = y0; y < below; y++) {
        const start = y < y1 ? reached : 0;
        memory.fill(at(to, ((image * height + y) * width + start) * channels), 0, y < y1 ? tail : rowStep);
      }
      for (let column = 0; column < outWidth; column++) {
        const left = column * tapsX - word(p, PAD_X), x0 = maximum(left, 0), x1 = minimum(left + tapsX, width);
        const gradients = at(dy, (unit * outWidth + column) * channels);
        const corner = ((image * height + y0) * width + x0) * channels;
        if (y1 - y0 == 2 && x1 - x0 == 2 && channels % 4 == 0) {
          toLargestOfFour(gradients, at(x, corner), rowStep, columnStep, at(to, corner), channels);
          continue;
        }
        for (let c = 0; c < channels; c += 4) {
          const count = channels - c, gradient = loadSome(at(gradients, c), count);
          let best = f32x4.splat(-Infinity), place = i32x4.splat(0), tap = i32x4.splat(0);
          let line = at(x, corner + c);
          for (let y = y0; y < y1; y++) {
            let from = line;
            for (let column = x0; column < x1; column++) {
              const value = loadSome(from, count), better = f32x4.gt(value, best);
              best = v128.bitselect(value, best, better);
              place = v128.bitselect(tap, place, better);
              tap = i32x4.add(tap, i32x4.splat(1));
              from += columnStep;
            }
            line += rowStep;
          }
          tap = i32x4.splat(0);
          line = at(to, corner + c);
          for (let y = y0; y < y1; y++) {
            let out = line;
            for (let column = x0; column < x1; column++) {
              storeSome(out, v128.bitselect(gradient, none, i32x4.eq(place, tap)), count);
              tap = i32x4.add(tap, i32x4.splat(1));
              out += columnStep;
            }
            line += rowStep;
          }
        }
      }
    }
  }
}

/** The command: the gradient of pooling. A unit is a whole image, or a strip of its channels where there are few images. */
export function poolGrad(p: usize): void {
  const height = word(p, HEIGHT), width = word(p, WIDTH), channels = word(p, CHANNELS);
  const outHeight = word(p, OUT_HEIGHT), outWidth = word(p, OUT_WIDTH), largest = word(p, OPTION);
  const dilationY = word(p, DILATION_Y), dilationX = word(p, DILATION_X);
  const dy = <usize>load<u32>(at(p, FIRST)), x = <usize>load<u32>(at(p, SECOND)), to = <usize>load<u32>(at(p, TO));
  const images = word(p, IMAGES), strips = images >= 8 ? 1 : (channels + 15) / 16;
  const isApart = word(p, STRIDE_Y) == word(p, TAPS_Y) && word(p, STRIDE_X) == word(p, TAPS_X);
  if (largest && isApart && dilationY == 1 && dilationX == 1) return poolGradApart(p);
  const units = images * strips;
  share(units, 1);
  while (take()) {
    for (let unit = first; unit < last; unit++) {
      beat();
      const image = unit / strips, strip = unit - image * strips;
      const c0 = strip * 16, c1 = strips == 1 ? channels : minimum(channels, c0 + 16);
      const base = image * height * width * channels;
      for (let i = 0; i < height * width; i++) memory.fill(at(to, base + i * channels + c0), 0, (c1 - c0) << 2);
      for (let row = 0; row < outHeight; row++) {
        const top = row * word(p, STRIDE_Y) - word(p, PAD_Y);
        const y0 = firstTap(top, dilationY), y1 = lastTap(top, dilationY, word(p, TAPS_Y), height);
        for (let column = 0; column < outWidth; column++) {
          const left = column * word(p, STRIDE_X) - word(p, PAD_X);
          const x0 = firstTap(left, dilationX), x1 = lastTap(left, dilationX, word(p, TAPS_X), width);
          if (y0 >= y1 || x0 >= x1) continue;
          const area = f32x4.splat(<f32>((y1 - y0) * (x1 - x0)));
          for (let c = c0; c < c1; c += 4) {
            const count = c1 - c;
            const gradient = loadSome(at(dy, ((image * outHeight + row) * outWidth + column) * channels + c), count);
            const each = f32x4.div(gradient, area);
            const nearest = base + ((top + y0 * dilationY) * width + left + x0 * dilationX) * channels + c;
            let best = f32x4.splat(-Infinity), place = i32x4.splat(nearest);
            for (let ty = y0; ty < y1; ty++) {
              for (let tx = x0; tx < x1; tx++) {
                const index = base + ((top + ty * dilationY) * width + left + tx * dilationX) * channels + c;
                if (largest) {
                  const value = loadSome(at(x, index), count);
                  const better = f32x4.gt(value, best);
                  best = v128.bitselect(value, best, better);
                  place = v128.bitselect(i32x4.splat(index), place, better);
                } else {
                  storeSome(at(to, index), f32x4.add(loadSome(at(to, index), count), each), count);
                }
              }
            }
            if (!largest) continue;
            add(at(to, i32x4.extract_lane(place, 0)), f32x4.extract_lane(gradient, 0));
            if (count > 1) add(at(to, i32x4.extract_lane(place, 1) + 1), f32x4.extract_lane(gradient, 1));
            if (count > 2) add(at(to, i32x4.extract_lane(place, 2) + 2), f32x4.extract_lane(gradient, 2));
            if (count > 3) add(at(to, i32x4.extract_lane(place, 3) + 3), f32x4.extract_lane(gradient, 3));
          }
        }
      }
    }
  }
}
@inline function add(to: usize, value: f32): void { store<f32>(to, load<f32>(to) + value); }

/** The command: depthwise convolution; OPTION is the multiplier. */
export function depthwise(p: usize): void {
  const height = word(p, HEIGHT), width = word(p, WIDTH), channels = word(p, CHANNELS), outWidth = word(p, OUT_WIDTH);
  const dilationY = word(p, DILATION_Y), dilationX = word(p, DILATION_X), multiplier = word(p, OPTION);
  const x = <usize>load<u32>(at(p, FIRST)), filter = <usize>load<u32>(at(p, SECOND)), to = <usize>load<u32>(at(p, TO));
  const wide = channels * multiplier, units = word(p, IMAGES) * word(p, OUT_HEIGHT);
  share(units, 1);
  while (take()) {
    for (let unit = first; unit < last; unit++) {
      beat();
      const image = unit / word(p, OUT_HEIGHT), row = unit - image * word(p, OUT_HEIGHT);
      const top = row * word(p, STRIDE_Y) - word(p, PAD_Y);
      const y0 = firstTap(top, dilationY), y1 = lastTap(top, dilationY, word(p, TAPS_Y), height);
      for (let column = 0; column < outWidth; column++) {
        const left = column * word(p, STRIDE_X) - word(p, PAD_X);
        const x0 = firstTap(left, dilationX), x1 = lastTap(left, dilationX, word(p, TAPS_X), width);
        const out = at(to, (unit * outWidth + column) * wide);
        for (let c = 0; c < wide; c += 4) {
          const count = wide - c;
          let sum = f32x4.splat(0);
          for (let ty = y0; ty < y1; ty++) {
            for (let tx = x0; tx < x1; tx++) {
              const from = at(x, ((image * height + top + ty * dilationY) * width + left + tx * dilationX) * channels);
              sum = fma(
                loadSpread(from, c, multiplier, count),
                loadSome(at(filter, (ty * word(p, TAPS_X) + tx) * wide + c), count),
                sum,
              );
            }
          }
          storeSome(at(out, c), sum, count);
        }
      }
    }
  }
}

/** The command: from dy and the filter to x. */
export function depthwiseInputGrad(p: usize): void {
  const height = word(p, HEIGHT), width = word(p, WIDTH), channels = word(p, CHANNELS);
  const outHeight = word(p, OUT_HEIGHT), outWidth = word(p, OUT_WIDTH), multiplier = word(p, OPTION);
  const dy = <usize>load<u32>(at(p, FIRST)), filter = <usize>load<u32>(at(p, SECOND)), to = <usize>load<u32>(at(p, TO));
  const wide = channels * multiplier, units = word(p, IMAGES) * height;
  share(units, 1);
  while (take()) {
    for (let unit = first; unit < last; unit++) {
      beat();
      const image = unit / height, y = unit - image * height;
      for (let x = 0; x < width; x++) {
        const out = at(to, (unit * width + x) * channels);
        memory.fill(out, 0, channels << 2);
        for (let ty = 0; ty < word(p, TAPS_Y); ty++) {
          const sy = y + word(p, PAD_Y) - ty * word(p, DILATION_Y), row = sy / word(p, STRIDE_Y);
          if (sy < 0 || row * word(p, STRIDE_Y) != sy || row >= outHeight) continue;
          for (let tx = 0; tx < word(p, TAPS_X); tx++) {
            const sx = x + word(p, PAD_X) - tx * word(p, DILATION_X), column = sx / word(p, STRIDE_X);
            if (sx < 0 || column * word(p, STRIDE_X) != sx || column >= outWidth) continue;
            const from = at(dy, ((image * outHeight + row) * outWidth + column) * wide);
            const weights = at(filter, (ty * word(p, TAPS_X) + tx) * wide);
            if (multiplier == 1) {
              for (let c = 0; c < channels; c += 4) {
                const count = channels - c, place = at(out, c);
                storeSome(place, fma(loadSome(at(from, c), count), loadSome(at(weights, c), count), loadSome(place, count)), count);
              }
            } else {
              for (let c = 0; c < channels; c++) {
                let sum: f32 = load<f32>(at(out, c));
                for (let m = c * multiplier; m < (c + 1) * multiplier; m++) sum += load<f32>(at(from, m)) * load<f32>(at(weights, m));
                store<f32>(at(out, c), sum);
              }
            }
          }
        }
      }
    }
  }
}

/** The command: from x and dy to the filter. A unit is (tap, four channels). */
export function depthwiseFilterGrad(p: usize): void {
  const height = word(p, HEIGHT), width = word(p, WIDTH), channels = word(p, CHANNELS);
  const outHeight = word(p, OUT_HEIGHT), outWidth = word(p, OUT_WIDTH), multiplier = word(p, OPTION);
  const x = <usize>load<u32>(at(p, FIRST)), dy = <usize>load<u32>(at(p, SECOND)), to = <usize>load<u32>(at(p, TO));
  const wide = channels * multiplier, groups = (wide + 3) / 4, tapsX = word(p, TAPS_X);
  const units = word(p, TAPS_Y) * tapsX * groups;
  share(units, 1);
  while (take()) {
    for (let unit = first; unit < last; unit++) {
      const tap = unit / groups, c = (unit - tap * groups) * 4, count = wide - c;
      const ty = tap / tapsX, tx = tap - ty * tapsX;
      let total = f32x4.splat(0);
      for (let image = 0; image < word(p, IMAGES); image++) {
        beat();
        let sum = f32x4.splat(0);
        for (let row = 0; row < outHeight; row++) {
          const sy = row * word(p, STRIDE_Y) - word(p, PAD_Y) + ty * word(p, DILATION_Y);
          if (<u32>sy >= <u32>height) continue;
          for (let column = 0; column < outWidth; column++) {
            const sx = column * word(p, STRIDE_X) - word(p, PAD_X) + tx * word(p, DILATION_X);
            if (<u32>sx >= <u32>width) continue;
            const from = at(x, ((image * height + sy) * width + sx) * channels);
            const gradient = loadSome(at(dy, ((image * outHeight + row) * outWidth + column) * wide + c), count);
            sum = fma(loadSpread(from, c, multiplier, count), gradient, sum);
          }
        }
        total = f32x4.add(total, sum);
      }
      storeSome(at(to, tap * wide + c), total, count);
    }
  }
}

/** Adds `n` elements at `from` to those at `to`. */
@inline function addRun(from: usize, to: usize, n: i32): void {
  let i = 0;
  for (; i + 4 <= n; i += 4) v128.store(at(to, i), f32x4.add(v128.load(at(to, i)), v128.load(at(from, i))));
  for (; i < n; i++) store<f32>(at(to, i), load<f32>(at(to, i)) + load<f32>(at(from, i)));
}

/**
 * The command: each element of the image as the sum of the windows over it, which lie at FIRST as [B, H', W', taps,
 * channels]. A sum runs over the taps' rows, then over the windows. Along a row a window's taps are neighbours.
 */
export function fold(p: usize): void {
  const height = word(p, HEIGHT), width = word(p, WIDTH), channels = word(p, CHANNELS);
  const outHeight = word(p, OUT_HEIGHT), outWidth = word(p, OUT_WIDTH), tapsY = word(p, TAPS_Y), tapsX = word(p, TAPS_X);
  const strideX = word(p, STRIDE_X), padX = word(p, PAD_X);
  const windows = <usize>load<u32>(at(p, FIRST)), to = <usize>load<u32>(at(p, TO));
  const span = tapsX * channels, units = word(p, IMAGES) * height;
  share(units, 1);
  while (take()) {
    for (let unit = first; unit < last; unit++) {
      beat();
      const image = unit / height, y = unit - image * height, row = at(to, unit * width * channels);
      memory.fill(row, 0, <usize>(width * channels) << 2);
      for (let tap = 0; tap < tapsY; tap++) {
        const reach = y + word(p, PAD_Y) - tap * word(p, DILATION_Y), place = reach / word(p, STRIDE_Y);
        if (reach < 0 || place * word(p, STRIDE_Y) != reach || place >= outHeight) continue;
        let from = at(windows, ((image * outHeight + place) * outWidth * tapsY + tap) * span);
        for (let x = 0; x < outWidth; x++) {
          const left = x * strideX - padX, first = left < 0 ? -left : 0, last = minimum(tapsX, width - left);
          if (first < last) {
            addRun(at(from, first * channels), at(row, (left + first) * channels), (last - first) * channels);
          }
          from = at(from, tapsY * span);
        }
      }
    }
  }
}
