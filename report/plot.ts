/** Line plots as SVG. Equal data give equal text; colours of text and lines follow the page (`currentColor`). */
import { escape } from "./escape.ts";
import { type Colour, PALETTE } from "./palette.ts";

/** What is measured along one axis. */
export interface Axis {
  readonly label: string;
  readonly unit?: string;
  /** Absent: linear. A logarithmic axis leaves out values that are not positive. */
  readonly scale?: "linear" | "log";
}

/** One line. A value that is not finite (or not positive, on a logarithmic axis) interrupts it. */
export interface Series {
  readonly name: string;
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  /** Absent: the next colour of the palette. */
  readonly colour?: Colour;
}

/** A plot of lines over common axes. */
export interface LinePlot {
  readonly title?: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
  /** Dashed horizontal lines, such as the floor that a loss cannot go below. */
  readonly references?: readonly { readonly value: number; readonly label: string }[];
}

const WIDTH = 760;
const HEIGHT = 400;
const LEFT = 78;
const RIGHT = 24;
const BOTTOM = 54;
const TITLE_HEIGHT = 28;
const LEGEND_LINE = 22;
const FONT_SIZE = 13;
/** A generous mean width of a character at FONT_SIZE: SVG cannot measure text before it is shown. */
const CHARACTER = 7.2;
const Y_TICKS = 6;
const X_TICKS = 8;
/** How far an axis is drawn out to end at a tick, as a share of its length. */
const NEAR = 0.02;
const REFERENCE_STROKE =
  `stroke="currentColor" stroke-opacity="0.75" stroke-width="1.4" stroke-dasharray="5 3"`;
/** Lines with no more points than this show each. */
const MARKED_POINTS = 32;

/** Multiples of 1, 2 or 5 times a power of ten from `low` to `high` (both inside), about `count` of them. */
export function linearTicks(low: number, high: number, count: number): number[] {
  const step = niceStep(low, high, count);
  const ticks: number[] = [];
  // Multiples, not sums: a sum of 0.1 drifts.
  for (let index = Math.ceil(low / step - 1e-9); index * step <= high + step * 1e-9; index++) {
    ticks.push(Number((index * step).toPrecision(12)));
  }
  return ticks;
}

function niceStep(low: number, high: number, count: number): number {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((factor) => factor * power >= rough * (1 - 1e-9)) ?? 10;
  return factor * power;
}

/** Ticks of a logarithmic axis, inside `low` ... `high`: powers of ten, or 1, 2, 5 over at most two decades. */
export function logTicks(low: number, high: number): number[] {
  const decades = Math.log10(high / low);
  const stride = Math.max(1, Math.ceil(decades / 8));
  return candidates(low, high, decades <= 2 ? [1, 2, 5] : [1])
    .filter((tick) => tick >= low && tick <= high)
    .filter((_, index) => index % stride === 0);
}

/** `factors` times the powers of ten from below `low` to above `high`. */
function candidates(low: number, high: number, factors: readonly number[]): number[] {
  const found: number[] = [];
  for (let exponent = Math.floor(Math.log10(low)) - 1; exponent <= Math.ceil(Math.log10(high)); exponent++) {
    for (const factor of factors) found.push(Number(`${factor}e${exponent}`));
  }
  return found;
}

/** A number beside a tick, with the decimals that ticks `step` apart need. */
export function formatTick(value: number, step: number): string {
  if (value === 0) return "0";
  const sign = value < 0 ? "−" : "";
  const size = Math.abs(value);
  if (size >= 1e7 || step < 1e-4) {
    const exponent = Math.floor(Math.log10(size) + 1e-9);
    const mantissa = Number((size / 10 ** exponent).toPrecision(3));
    const power = `10${superscript(exponent)}`;
    return sign + (mantissa === 1 ? power : `${mantissa}×${power}`);
  }
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return sign + size.toLocaleString("en", {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
    useGrouping: size >= 10_000,
  });
}

function superscript(exponent: number): string {
  return [...String(exponent)].map((digit) => digit === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)]).join("");
}

/** One axis laid on the page: from values to pixels. */
interface Scale {
  readonly place: (value: number) => number;
  readonly ticks: readonly { readonly at: number; readonly text: string }[];
}

interface ScaleOptions {
  readonly from: number;
  readonly to: number;
  readonly count: number;
  /** Whether the axis ends at ticks; otherwise at the data. */
  readonly round: boolean;
}

function scaleOf(axis: Axis, values: readonly number[], options: ScaleOptions): Scale {
  const { from, to } = options;
  let low = values.reduce((least, value) => Math.min(least, value), Infinity);
  let high = values.reduce((most, value) => Math.max(most, value), -Infinity);
  if (low > high) [low, high] = axis.scale === "log" ? [1, 10] : [0, 1];
  if (axis.scale === "log") {
    if (low === high) [low, high] = [low / 2, high * 2];
    if (options.round) {
      const ends = candidates(low, high, [1, 2, 5]), [least, most] = [low, high];
      low = ends.findLast((end) => end <= least) ?? least;
      high = ends.find((end) => end >= most) ?? most;
    }
    const powers = logTicks(low, high);
    // Between 3 and 4 stands no such tick.
    const ticks = powers.length >= 2 ? powers : linearTicks(low, high, options.count);
    const place = (value: number) =>
      from + (to - from) * (Math.log(value) - Math.log(low)) / (Math.log(high) - Math.log(low));
    const step = (tick: number) => powers.length >= 2 ? Math.min(tick, 1) : ticks[1] - ticks[0];
    // Over many decades plain numbers ("0.00001") are long: powers are clearer.
    const text = (tick: number) => formatTick(tick, high / low > 1e4 ? 0 : step(tick));
    return { place, ticks: ticks.map((tick) => ({ at: place(tick), text: text(tick) })) };
  }
  if (low === high) {
    const half = Math.abs(low) / 2 || 1;
    [low, high] = [low - half, high + half];
  }
  const step = niceStep(low, high, options.count);
  const below = Math.floor(low / step + 1e-9) * step, above = Math.ceil(high / step - 1e-9) * step;
  // An axis that ends at its data (steps 1 to 3991) still ends at a tick (0, 4000) that is very near.
  const near = options.round ? Infinity : (high - low) * NEAR;
  if (low - below <= near) low = below;
  if (above - high <= near) high = above;
  const place = (value: number) => from + (to - from) * (value - low) / (high - low);
  const ticks = linearTicks(low, high, options.count);
  // Rounding outwards may have made the range worth a wider step.
  const spacing = ticks.length > 1 ? ticks[1] - ticks[0] : step;
  return { place, ticks: ticks.map((tick) => ({ at: place(tick), text: formatTick(tick, spacing) })) };
}

function isShown(axis: Axis, value: number): boolean {
  return Number.isFinite(value) && (axis.scale !== "log" || value > 0);
}

type Point = readonly [x: number, y: number];

/** The line's unbroken parts, in pixels. */
function segments(
  plot: LinePlot,
  series: Series,
  scales: { readonly x: Scale; readonly y: Scale },
): Point[][] {
  const parts: Point[][] = [[]];
  for (let index = 0; index < series.x.length; index++) {
    const x = series.x[index], y = series.y[index];
    if (isShown(plot.x, x) && isShown(plot.y, y)) {
      parts[parts.length - 1].push([scales.x.place(x), scales.y.place(y)]);
    } else if (parts[parts.length - 1].length > 0) parts.push([]);
  }
  return parts.filter((part) => part.length > 0).map(thin);
}

/** Of the points of one pixel column keeps the first, lowest, highest and last: the picture stays, the file is small. */
function thin(points: Point[]): Point[] {
  if (points.length <= 2 * WIDTH) return points;
  const kept: Point[] = [];
  for (let start = 0, end = 0; start < points.length; start = end) {
    const column = Math.floor(points[start][0]);
    let lowest = start, highest = start;
    for (end = start; end < points.length && Math.floor(points[end][0]) === column; end++) {
      if (points[end][1] < points[lowest][1]) lowest = end;
      if (points[end][1] > points[highest][1]) highest = end;
    }
    const indices = [...new Set([start, lowest, highest, end - 1])].sort((a, b) => a - b);
    for (const index of indices) kept.push(points[index]);
  }
  return kept;
}

function round(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function axisTitle(axis: Axis): string {
  return axis.unit === undefined ? axis.label : `${axis.label} (${axis.unit})`;
}

/** Where each entry of the legend starts, wrapped at the plot's width. */
function legendPlaces(names: readonly string[]): { readonly x: number; readonly line: number }[] {
  let x = LEFT, line = 0;
  return names.map((name) => {
    const width = 28 + name.length * CHARACTER + 20;
    if (x > LEFT && x + width > WIDTH) {
      x = LEFT;
      line++;
    }
    const place = { x, line };
    x += width;
    return place;
  });
}

/** The plot as one `<svg>` element that needs nothing else. */
export function linePlot(plot: LinePlot): string {
  for (const series of plot.series) {
    if (series.x.length !== series.y.length) {
      throw new RangeError(
        `Cannot plot "${series.name}" as x and y must be of one length: current lengths are ${series.x.length} and ${series.y.length}`,
      );
    }
  }
  const references = plot.references ?? [];
  const shown = plot.series.flatMap(({ x, y }) =>
    Array.from(x, (value, index): Point => [value, y[index]])
      .filter(([x, y]) => isShown(plot.x, x) && isShown(plot.y, y))
  );
  const levels = references.map((reference) => reference.value).filter((value) => isShown(plot.y, value));

  const colours = Object.values(PALETTE);
  const colourOf = (series: Series, index: number) => series.colour ?? colours[index % colours.length];
  const entries = [
    ...plot.series.map((series, index) => ({
      name: series.name,
      stroke: `stroke="${colourOf(series, index)}" stroke-width="3"`,
    })),
    ...references.map((reference) => ({ name: reference.label, stroke: REFERENCE_STROKE })),
  ];
  const hasLegend = entries.length > 1;
  const places = hasLegend ? legendPlaces(entries.map((entry) => entry.name)) : [];
  const legendTop = plot.title === undefined ? 6 : 6 + TITLE_HEIGHT;
  const top = legendTop + (hasLegend ? (places[places.length - 1].line + 1) * LEGEND_LINE : 0) + 12;
  const height = HEIGHT + top;
  const bottom = height - BOTTOM, right = WIDTH - RIGHT;
  const scales = {
    x: scaleOf(plot.x, shown.map(([x]) => x), { from: LEFT, to: right, count: X_TICKS, round: false }),
    y: scaleOf(plot.y, [...shown.map(([, y]) => y), ...levels], {
      from: bottom,
      to: top,
      count: Y_TICKS,
      round: true,
    }),
  };

  const text = (x: number, y: number, content: string, attributes = "") =>
    `<text x="${round(x)}" y="${round(y)}"${attributes}>${escape(content)}</text>`;
  const line = (x1: number, y1: number, x2: number, y2: number, attributes: string) =>
    `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" ${attributes}/>`;
  const parts: string[] = [];
  const name = plot.title ?? `${plot.y.label} over ${plot.x.label}`;

  if (plot.title !== undefined) {
    parts.push(text(LEFT, 22, plot.title, ` font-size="15" font-weight="600"`));
  }
  places.forEach(({ x, line: row }, index) => {
    const y = legendTop + row * LEGEND_LINE + 11;
    parts.push(line(x, y, x + 20, y, entries[index].stroke));
    parts.push(text(x + 28, y + 4.5, entries[index].name));
  });
  for (const { at, text: label } of scales.y.ticks) {
    parts.push(line(LEFT, at, right, at, `stroke="currentColor" stroke-opacity="0.13"`));
    parts.push(text(LEFT - 9, at + 4.5, label, ` text-anchor="end" fill-opacity="0.75"`));
  }
  for (const { at, text: label } of scales.x.ticks) {
    parts.push(line(at, bottom, at, bottom + 5, `stroke="currentColor" stroke-opacity="0.5"`));
    parts.push(text(at, bottom + 20, label, ` text-anchor="middle" fill-opacity="0.75"`));
  }
  parts.push(line(LEFT, bottom, right, bottom, `stroke="currentColor" stroke-opacity="0.5"`));
  parts.push(text((LEFT + right) / 2, height - 8, axisTitle(plot.x), ` text-anchor="middle"`));
  const middle = round((top + bottom) / 2);
  parts.push(
    text(0, 0, axisTitle(plot.y), ` transform="translate(16 ${middle}) rotate(-90)" text-anchor="middle"`),
  );

  plot.series.forEach((series, index) => {
    const colour = colourOf(series, index);
    const drawn = segments(plot, series, scales);
    for (const points of drawn) {
      const path = points.map(([x, y]) => `${round(x)},${round(y)}`).join(" ");
      parts.push(
        `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2" stroke-linejoin="round"/>`,
      );
    }
    const all = drawn.flat();
    // A lone point between two gaps has no line: it shows only as a mark.
    const marked = all.length <= MARKED_POINTS ? all : drawn.filter((part) => part.length === 1).flat();
    for (const [x, y] of marked) {
      parts.push(`<circle cx="${round(x)}" cy="${round(y)}" r="3.2" fill="${colour}"/>`);
    }
  });
  for (const value of levels) {
    const y = scales.y.place(value);
    parts.push(line(LEFT, y, right, y, REFERENCE_STROKE));
  }
  if (shown.length === 0) {
    parts.push(text((LEFT + right) / 2, (top + bottom) / 2, "no finite value", ` text-anchor="middle"`));
  }

  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" ` +
    `role="img" aria-label="${escape(name)}" font-family="system-ui, sans-serif" font-size="${FONT_SIZE}" ` +
    `fill="currentColor">\n${parts.join("\n")}\n</svg>\n`;
}
