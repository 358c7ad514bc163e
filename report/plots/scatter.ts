/** Points over common axes. */
import {
  axisOptions,
  type Chart,
  type Charts,
  checkLengths,
  isShown,
  legendOf,
  markEntries,
  markLines,
  styleOf,
  textWidth,
} from "../chart.ts";
import { PALETTE } from "../palette.ts";
import type { ScatterPlot } from "../plot.ts";

/** A plot whose axes have one unit is about as high as wide, in pixels. */
const LARGEST_MAP = 620;
const SYMBOLS = ["circle", "triangle", "square", "diamond"] as const;

export function drawScatter(charts: Charts, plot: ScatterPlot, width: number): Chart {
  const { plot: library } = charts;
  const { series, references = [], equal = false } = plot;
  for (const { name, x, y, labels } of series) {
    checkLengths(name, {
      x: x.length,
      y: y.length,
      ...labels === undefined ? {} : { labels: labels.length },
    });
  }
  const clouds = series.map(({ x, y, labels }) =>
    Array.from({ length: x.length }, (_, index) => ({ x: x[index], y: y[index], label: labels?.[index] }))
      .filter((point) => isShown(plot.x, point.x) && isShown(plot.y, point.y))
  );
  const all = clouds.flat();
  const options = {
    x: axisOptions(plot.x, all.map(({ x }) => x), { ticks: Math.max(3, width / 110) }),
    y: axisOptions(plot.y, [...all.map(({ y }) => y), ...references.map(({ value }) => value)], { ticks: 6 }),
  };
  const r = all.length > 2000 ? 1.5 : all.length > 300 ? 2.2 : 3.5;
  const svg = charts.draw({
    width: equal ? Math.min(width, LARGEST_MAP) : width,
    name: plot.title ?? `${plot.y.label} against ${plot.x.label}`,
    // Room for the words beside the points at the right edge.
    marginRight: Math.max(18, ...all.map(({ label = "" }) => 12 + textWidth(label))),
    ...equal ? { aspectRatio: 1, height: undefined } : {},
    x: { ...options.x, nice: plot.x.range === undefined && plot.x.scale !== "log", grid: true },
    y: { ...options.y, nice: plot.y.range === undefined && plot.y.scale !== "log", grid: true },
    marks: [
      ...clouds.flatMap((points, index) => [
        library.dot(apart(points, { x: options.x.domain, y: options.y.domain, width }), {
          x: "x",
          y: "y",
          r,
          fill: styleOf(series[index], index).colour,
          fillOpacity: 0.75,
          symbol: symbolOf(index),
        }),
        ...series[index].labels === undefined ? [] : [
          library.text(points, {
            x: "x",
            y: "y",
            text: "label",
            textAnchor: "start",
            dx: r + 4,
            fill: "currentColor",
          }),
        ],
      ]),
      ...markLines(charts, references.filter((mark) => isShown(plot.y, mark.value)), "y"),
      ...all.length === 0 ? [library.text(["no finite value"], { frameAnchor: "middle" })] : [],
    ],
  });
  const legend = legendOf([
    ...series.map((one, index) => ({
      name: one.name,
      colour: styleOf(one, index).colour,
      shape: symbolOf(index),
    })),
    ...markEntries(references, "y"),
  ]);
  return { svg, legend };
}

/** Series that come round to a colour again have another symbol. */
function symbolOf(index: number): typeof SYMBOLS[number] {
  return SYMBOLS[Math.floor(index / Object.keys(PALETTE).length) % SYMBOLS.length];
}

/** The points without those that would be drawn onto another one. */
function apart<P extends { readonly x: number; readonly y: number }>(
  points: readonly P[],
  { x, y, width }: { readonly x: unknown; readonly y: unknown; readonly width: number },
): P[] {
  const [left, right] = x as [number, number], [bottom, top] = y as [number, number];
  const seen = new Set<number>();
  return points.filter((point) => {
    const place = Math.round((point.x - left) / (right - left) * width) * 1e5 +
      Math.round((point.y - bottom) / (top - bottom) * width);
    return seen.size < seen.add(place).size;
  });
}
