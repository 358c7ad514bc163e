/** What every kind of plot shares: the libraries, axes, sizes, legends, and an `<svg>` as short text. */
import type * as ObservablePlot from "@observablehq/plot";
import { type DrawnDocument, type DrawnElement, openDocument, shortText } from "./document.ts";
import { escape } from "./escape.ts";
import { type Colour, PALETTE } from "./palette.ts";
import type { Axis, Mark } from "./plot.ts";

/** One drawing, and what its colours mean. */
export interface Chart {
  readonly svg: string;
  /** HTML; empty where there is nothing to tell apart. */
  readonly legend: string;
}

/** Paths of what marks an entry of a legend, 22 x 12 pixels. */
const SIGNS = {
  box: "M5,0h12v12h-12z",
  circle: "M7,6a4,4 0 1 0 8,0a4,4 0 1 0 -8,0z",
  triangle: "M11,1.5l5,9h-10z",
  square: "M7,2h8v8h-8z",
  diamond: "M11,1l4,5l-4,5l-4,-5z",
} as const;

/** An entry of a legend. */
export interface LegendEntry {
  readonly name: string;
  readonly colour?: Colour;
  /** A dash pattern, as in SVG. */
  readonly dash?: string;
  readonly shape: keyof typeof SIGNS | "line";
}

/** Dash patterns of the series that come round to a colour again. */
const DASHES = [undefined, "7 3", "2 3", "9 3 2 3"];
/** Of levels across a plot, and of moments along it. */
const MARK_DASHES = { y: "5 3", x: "1.5 3" };
const COLOURS: readonly Colour[] = Object.values(PALETTE);
/** Of all text, in pixels. */
export const FONT_SIZE = 13;
/** A generous mean width of a character at FONT_SIZE: nothing measures text before it is shown. */
const CHARACTER = 7.3;
const TOP = 30, BOTTOM = 46, RIGHT = 18, TICK = 12;
/** How far an axis without a range is drawn out where all its values are equal, as a share of the value. */
const ALONE = 0.5;

let opened: Promise<Charts> | undefined;

/** The libraries, loaded with the first plot. */
export function openCharts(): Promise<Charts> {
  opened ??= (async () => {
    const [plot, document] = await Promise.all([import("@observablehq/plot"), openDocument()]);
    return new Charts(plot, document);
  })();
  return opened;
}

/** Observable Plot with a document to draw in. */
export class Charts {
  constructor(readonly plot: typeof ObservablePlot, readonly document: DrawnDocument) {}

  /**
   * Draws marks over axes. The left margin is what the numbers beside the axis need.
   *
   * @param options.name What the picture shows, for those who do not see it.
   */
  draw(
    options: ObservablePlot.PlotOptions & { readonly width: number; readonly name: string },
  ): string {
    const { name, ...rest } = options;
    const render = (marginLeft: number): DrawnElement =>
      this.plot.plot({
        marginTop: TOP,
        marginBottom: BOTTOM,
        marginRight: RIGHT,
        height: heightOf(options.width),
        ...rest,
        marginLeft,
        // Plot asks for a document of the browser, of which it uses what linkedom has.
        document: this.document as never,
        className: "plot",
        ariaLabel: name,
        style: { fontSize: `${FONT_SIZE}px`, fontFamily: "system-ui, sans-serif" },
      }) as unknown as DrawnElement;
    const ticks = render(60).querySelectorAll(`[aria-label="y-axis tick label"] text`);
    const longest = Math.max(0, ...[...ticks].map((tick) => tick.textContent?.length ?? 0));
    const drawn = render(Math.max(36, longest * CHARACTER + TICK));
    // The page has a style sheet for all plots.
    for (const style of drawn.querySelectorAll("style")) style.remove();
    return shortText(drawn);
  }

  /** Title, legend and drawings as HTML. Of two drawings the page shows the first where it is wide. */
  page(
    parts: { readonly title?: string; readonly legend: string; readonly svgs: readonly string[] },
  ): string {
    const { title, legend, svgs } = parts;
    const heading = title === undefined ? "" : `<p class="plot-title">${escape(title)}</p>`;
    const drawings = svgs.length === 1
      ? svgs[0]
      : svgs.map((svg, index) => `<div class="${index === 0 ? "wide" : "narrow"}">${svg}</div>`).join("\n");
    return `<div class="plot">${heading}${legend}${drawings}</div>`;
  }
}

/** The height of a plot so wide: flat on a desk, nearer to a square on a telephone. */
export function heightOf(width: number): number {
  return Math.round(Math.min(420, 140 + 0.35 * width));
}

/** The room that a text takes, in pixels. */
export function textWidth(text: string): number {
  return text.length * CHARACTER;
}

/** The options of an axis over `values`; levels without extent get some. */
export function axisOptions(
  axis: Axis,
  values: Iterable<number>,
  { ticks, zero = false }: { readonly ticks: number; readonly zero?: boolean },
): ObservablePlot.ScaleOptions {
  let log = axis.scale === "log";
  let low = Infinity, high = -Infinity, isWhole = true;
  for (const value of values) {
    if (!isShown(axis, value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
    isWhole &&= Number.isInteger(value);
  }
  // Between whole numbers, such as positions and counts, there is nothing to mark.
  const most = isWhole && !log && high > low ? Math.min(ticks, high - low) : ticks;
  if (zero && !log) {
    low = Math.min(low, 0);
    high = Math.max(high, 0);
  }
  if (low > high) [low, high] = log ? [1, 10] : [0, 1];
  if (low === high) {
    const room = low === 0 ? 1 : Math.abs(low) * ALONE;
    [low, high] = log ? [low / 2, low * 2] : [low - room, high + room];
  }
  const domain = axis.range ?? [low, high] as const;
  // Where values are that near to each other, logarithms and ticks of a linear axis look the same.
  log &&= domain[1] >= 2 * domain[0];
  return {
    type: log ? "log" : "linear",
    label: axisTitle(axis),
    domain,
    ...log ? { ticks: logTicks(domain[0], domain[1]), tickFormat: powerText } : { ticks: most },
  };
}

/** Ticks of a logarithmic axis: powers of ten, 2 and 5 times these over at most two decades, all digits over one. */
function logTicks(low: number, high: number): number[] {
  const decades = Math.log10(high / low), stride = Math.max(1, Math.ceil(decades / 8));
  const factors = decades <= 1 ? [1, 2, 3, 4, 5, 6, 7, 8, 9] : decades <= 2 ? [1, 2, 5] : [1];
  const ticks: number[] = [];
  for (let exponent = Math.floor(Math.log10(low)); exponent <= Math.ceil(Math.log10(high)); exponent++) {
    if (exponent % stride !== 0) continue;
    for (const factor of factors) ticks.push(Number(`${factor}e${exponent}`));
  }
  return ticks.filter((tick) => tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9));
}

/** 0.001, 200, 2×10⁻⁷. */
function powerText(value: number): string {
  if (value >= 1e-3 && value < 1e6) return value.toLocaleString("en", { maximumSignificantDigits: 3 });
  const exponent = Math.floor(Math.log10(value) + 1e-9), mantissa = Math.round(value / 10 ** exponent);
  return `${mantissa === 1 ? "" : `${mantissa}×`}10${superscript(exponent)}`;
}

function superscript(exponent: number): string {
  return [...String(exponent)].map((digit) => digit === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)]).join("");
}

/** A number in few characters. */
export function numberText(value: number): string {
  if (Number.isInteger(value)) {
    return Math.abs(value) < 1e6 ? String(value).replace("-", "−") : value.toExponential(1);
  }
  return String(Number(value.toPrecision(Math.abs(value) < 1 ? 2 : 3))).replace("-", "−");
}

/** Whether an axis has a place for a value. */
export function isShown(axis: Axis, value: number): boolean {
  return Number.isFinite(value) && (axis.scale !== "log" || value > 0);
}

/** What an axis measures, with its unit. */
export function axisTitle(axis: Axis): string {
  return axis.unit === undefined ? axis.label : `${axis.label} (${axis.unit})`;
}

/** How series `index` is told from the others. */
export function styleOf(
  series: { readonly colour?: Colour },
  index: number,
): { readonly colour: Colour; readonly dash: string | undefined } {
  return {
    colour: series.colour ?? COLOURS[index % COLOURS.length],
    dash: DASHES[Math.floor(index / COLOURS.length) % DASHES.length],
  };
}

/** Dashed lines across the plot (`"y"`) or down it (`"x"`). */
export function markLines(
  { plot }: Charts,
  marks: readonly Mark[],
  across: "x" | "y",
): ObservablePlot.Markish[] {
  const options = {
    stroke: "currentColor",
    strokeOpacity: 0.75,
    strokeWidth: 1.4,
    strokeDasharray: MARK_DASHES[across],
  };
  const values = marks.map((mark) => mark.value);
  if (values.length === 0) return [];
  return [across === "y" ? plot.ruleY(values, options) : plot.ruleX(values, options)];
}

/** The legend's entries of dashed lines. */
export function markEntries(marks: readonly Mark[], across: "x" | "y"): LegendEntry[] {
  return marks.map(({ label }) => ({ name: label, dash: MARK_DASHES[across], shape: "line" }));
}

/** A legend as HTML, which breaks into lines as the page needs; empty for less than `least` entries. */
export function legendOf(entries: readonly LegendEntry[], least = 2): string {
  if (entries.length < least) return "";
  const items = entries.map(({ name, colour = "currentColor", dash, shape }) => {
    const stroke = dash === undefined ? "" : ` stroke-dasharray="${dash}"`;
    const sign = shape === "line"
      ? `<line x1="0" y1="6" x2="22" y2="6" stroke="${colour}" stroke-width="${
        colour === "currentColor" ? 1.4 : 2.5
      }"${stroke}/>`
      : `<path d="${SIGNS[shape]}" fill="${colour}"/>`;
    return `<li><svg viewBox="0 0 22 12" width="22" height="12" aria-hidden="true">${sign}</svg>${
      escape(name)
    }</li>`;
  });
  return `<ul class="legend">${items.join("")}</ul>`;
}

/** @throws {RangeError} where two lists of a series differ in length. */
export function checkLengths(name: string, lengths: Readonly<Record<string, number>>): void {
  const [[first, count], ...rest] = Object.entries(lengths);
  const odd = rest.find(([, length]) => length !== count);
  if (odd !== undefined) {
    throw new RangeError(
      `Cannot plot "${name}" as ${first} and ${
        odd[0]
      } must be of one length: current lengths are ${count} and ${odd[1]}`,
    );
  }
}
