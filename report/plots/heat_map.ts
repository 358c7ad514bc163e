/** A table of numbers as colours. */
import {
  axisTitle,
  type Chart,
  type Charts,
  FONT_SIZE,
  isShown,
  legendOf,
  numberText,
  styleOf,
  textWidth,
} from "../chart.ts";
import { escape } from "../escape.ts";
import { type Axis, type HeatMap } from "../plot.ts";
import { encodePng } from "../png.ts";

/** A map is no higher than this, and no lower, in pixels. */
const HIGHEST = 460, LOWEST = 120;
/** A cell without a value. */
const MISSING = [140, 140, 140] as const;
/** Stops of the legend's ramp. */
const STOPS = 16;
/** Numbers that would have to be smaller than this, in pixels, are left out. */
const SMALLEST = 7;

type Rgb = readonly [number, number, number];

/** One axis of cells. */
interface Places {
  /** Where the middle of a cell is, in the units of the axis. */
  readonly middle: (index: number) => number;
  readonly domain: readonly [number, number];
  /** Whether the first cell stands at the lower end of the domain. */
  readonly upwards: boolean;
  readonly names?: readonly string[];
  readonly count: number;
  readonly isCounted: boolean;
}

export function drawHeatMap(charts: Charts, plot: HeatMap, width: number): Chart {
  const { plot: library } = charts;
  const { values, shape: [rows, columns], series = [] } = plot;
  if (values.length !== rows * columns || values.length === 0) {
    throw new RangeError(
      `Cannot draw a heat map as its shape must hold all its values: current shape is [${rows}, ${columns}] with ${values.length} values`,
    );
  }
  const colours = coloursOf(charts, plot);
  const across = placesOf(plot.x, columns, plot.columns), down = placesOf(plot.y, rows, plot.rows);
  // Rows that are counted are read from the top, those of an axis with a range upwards.
  const isFirstRowOnTop = down.isCounted || !down.upwards;
  const room = width - 18 - Math.max(36, 12 + longest(down));
  // Cells are squares where the page has room for them.
  const height = Math.min(HIGHEST, Math.max(LOWEST, room * rows / columns));
  const drawn = Math.min(room, Math.max(height * columns / rows, Math.min(room, 240)));
  const isTilted = plot.columns !== undefined && longest(across) > drawn / columns - 6;
  const bottom = isTilted ? 46 + 0.75 * longest(across) : 46;
  const png = encodePng(pictureOf(plot, { of: colours.of, flip: [!isFirstRowOnTop, !across.upwards] }));
  const cells = Array.from(values, (value, index) => ({
    x: across.middle(index % columns),
    y: down.middle(Math.floor(index / columns)),
    text: Number.isFinite(value) ? numberText(value) : "",
    isDark: lightness(colours.of(value)) < 0.5,
  }));
  // Numbers are set smaller where they would touch.
  const widest = Math.max(...cells.map(({ text }) => textWidth(text)), 1);
  const fontSize = FONT_SIZE * Math.min(1, (drawn / columns - 4) / widest);
  const svg = charts.draw({
    width: Math.round(width - room + drawn),
    height: Math.round(height + 30 + bottom),
    marginBottom: bottom,
    name: plot.title ?? `${plot.colour.label} by ${plot.y.label} and ${plot.x.label}`,
    x: { ...axisOf(plot.x, across, drawn / 90), tickRotate: isTilted ? -45 : 0 },
    y: { ...axisOf(plot.y, down, height / 40), reverse: down.isCounted },
    marks: [
      (_index, _scales, _values, frame, { document }) => {
        const element = document.createElementNS("http://www.w3.org/2000/svg", "image");
        const attributes = {
          x: frame.marginLeft,
          y: frame.marginTop,
          width: frame.width - frame.marginLeft - frame.marginRight,
          height: frame.height - frame.marginTop - frame.marginBottom,
          preserveAspectRatio: "none",
          style: "image-rendering:pixelated",
          href: `data:image/png;base64,${png.toBase64()}`,
        };
        for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
        return element;
      },
      ...!plot.numbers || fontSize < SMALLEST
        ? []
        : [true, false].map((isDark) =>
          library.text(cells.filter((cell) => cell.isDark === isDark), {
            x: "x",
            y: "y",
            text: "text",
            fontSize,
            fill: isDark ? "#ffffff" : "#1f2127",
          })
        ),
      ...series.map((one, index) =>
        library.line(Array.from(one.x, (x, at) => ({ x, y: one.y[at] })), {
          x: "x",
          y: "y",
          stroke: styleOf(one, index + 1).colour,
          strokeWidth: 2.2,
          marker: one.x.length <= 60 ? "dot" : undefined,
          clip: true,
        })
      ),
    ],
  });
  const lines = series.map((one, index) => ({
    name: one.name,
    ...styleOf(one, index + 1),
    shape: "line" as const,
  }));
  return { svg, legend: colours.legend + legendOf(lines, 1) };
}

function placesOf(axis: Axis, count: number, names: readonly string[] | undefined): Places {
  if (names !== undefined && names.length !== count) {
    throw new RangeError(
      `Cannot draw a heat map as each cell of "${axis.label}" must have a name: current counts are ${count} and ${names.length}`,
    );
  }
  const [first, last] = axis.range ?? [0, count - 1];
  const step = count > 1 ? (last - first) / (count - 1) : 1;
  const ends = [first - step / 2, last + step / 2];
  return {
    middle: (index) => first + index * step,
    domain: [Math.min(...ends), Math.max(...ends)],
    upwards: step > 0,
    names,
    count,
    isCounted: axis.range === undefined,
  };
}

function axisOf(axis: Axis, places: Places, ticks: number) {
  const { names, domain, count, isCounted } = places;
  const common = { label: axisTitle(axis), domain, tickSize: 3 };
  if (!isCounted) return { ...common, ticks: Math.max(3, ticks) };
  // Names each have a tick; numbers one in so many that they do not touch.
  const every = names !== undefined
    ? 1
    : [1, 2, 5, 10, 20, 50, 100, 200, 500].find((every) => count / every <= 2.5 * ticks) ?? 1000;
  return {
    ...common,
    ticks: Array.from({ length: Math.ceil(count / every) }, (_, index) => index * every),
    tickFormat: (index: number): string => names?.[index] ?? String(index),
  };
}

/** Width of the longest label of an axis, in pixels. */
function longest({ names, domain }: Places): number {
  return Math.max(...(names ?? domain.map(numberText)).map(textWidth));
}

/** One pixel a cell, as it stands on the page. */
function pictureOf(
  { values, shape: [rows, columns] }: HeatMap,
  { of, flip: [upsideDown, mirrored] }: {
    readonly of: (value: number) => Rgb;
    readonly flip: readonly [boolean, boolean];
  },
): { readonly width: number; readonly height: number; readonly pixels: Uint8Array } {
  const pixels = new Uint8Array(rows * columns * 3);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const y = upsideDown ? rows - 1 - row : row, x = mirrored ? columns - 1 - column : column;
      pixels.set(of(values[row * columns + column]), (y * columns + x) * 3);
    }
  }
  return { width: columns, height: rows, pixels };
}

/** The colour of each value, and what they mean as HTML. */
function coloursOf(
  { plot: library }: Charts,
  { values, colour }: HeatMap,
): { readonly of: (value: number) => Rgb; readonly legend: string } {
  let low = Infinity, high = -Infinity;
  for (let index = 0; index < values.length; index++) {
    if (!isShown(colour, values[index])) continue;
    low = Math.min(low, values[index]);
    high = Math.max(high, values[index]);
  }
  if (low > high) [low, high] = [1, 1];
  const isDiverging = colour.scheme === "diverging";
  if (isDiverging) {
    [low, high] = [-Math.max(Math.abs(low), Math.abs(high)), Math.max(Math.abs(low), Math.abs(high))];
  }
  if (colour.range !== undefined) [low, high] = colour.range;
  if (low === high) high = low + (Math.abs(low) || 1);
  const scale = library.scale({
    color: {
      type: colour.scale ?? "linear",
      domain: [low, high],
      scheme: isDiverging ? "rdbu" : "viridis",
      reverse: isDiverging,
      clamp: true,
    },
  });
  const of = (value: number): Rgb =>
    isShown(colour, value) ? parseColour(String(scale?.apply(value))) : MISSING;
  const share = colour.scale === "log"
    ? (part: number) => low * (high / low) ** part
    : (part: number) => low + (high - low) * part;
  const stops = Array.from({ length: STOPS }, (_, index) => `rgb(${of(share(index / (STOPS - 1)))})`);
  const legend = `<p class="ramp">${escape(axisTitle(colour))} <span>${numberText(low)}</span>` +
    `<i style="background:linear-gradient(to right,${stops.join(",")})"></i><span>${
      numberText(high)
    }</span></p>`;
  return { of, legend };
}

/** Red, green and blue of "#rrggbb" or "rgb(r, g, b)". */
function parseColour(text: string): Rgb {
  const parts = text.startsWith("#")
    ? [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16))
    : text.match(/\d+/g)?.map(Number) ?? [];
  const [red = 0, green = 0, blue = 0] = parts;
  return [red, green, blue];
}

/** How light a colour is to the eye, 0..1. */
function lightness([red, green, blue]: Rgb): number {
  return (0.299 * red + 0.587 * green + 0.114 * blue) / 255;
}
