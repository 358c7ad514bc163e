/** Lines over common axes. */
import type * as ObservablePlot from "@observablehq/plot";
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
} from "../chart.ts";
import type { LinePlot, Series } from "../plot.ts";

/** Lines with no more points than this show each. */
const MARKED_POINTS = 32;

interface Point {
  readonly x: number;
  /** NaN: a gap. */
  readonly y: number;
}

export function drawLines(charts: Charts, plot: LinePlot, width: number): Chart {
  const { plot: library } = charts;
  const { series, references = [], moments = [] } = plot;
  for (const { name, x, y, band } of series) {
    checkLengths(name, {
      x: x.length,
      y: y.length,
      ...band === undefined ? {} : { low: band.low.length, high: band.high.length },
    });
  }
  const x = axisOptions(plot.x, [
    ...series.flatMap((one) => shownX(plot, one)),
    ...moments.map((m) => m.value),
  ], {
    ticks: Math.max(3, width / 110),
  });
  const y = axisOptions(plot.y, [
    ...series.flatMap((one) => shownY(plot, one)),
    ...references.map((m) => m.value),
  ], {
    ticks: 6,
  });
  const marks: ObservablePlot.Markish[] = series.flatMap((one, index) => {
    const { colour, dash } = styleOf(one, index);
    const points = pointsOf(plot, one);
    const lone = alone(points), shown = points.filter(({ y }) => !Number.isNaN(y));
    return [
      ...one.band === undefined ? [] : [library.areaY(bandOf(plot, one, one.band), {
        x: "x",
        y1: "low",
        y2: "high",
        fill: colour,
        fillOpacity: 0.18,
      })],
      library.line(thin(points, { x, width }), {
        x: "x",
        y: "y",
        stroke: colour,
        strokeWidth: 2,
        strokeDasharray: dash,
        strokeLinejoin: "round",
      }),
      library.dot(shown.length <= MARKED_POINTS ? shown : lone, { x: "x", y: "y", fill: colour, r: 3 }),
    ];
  });
  const isEmpty = series.every((one) => shownX(plot, one).length === 0);
  const svg = charts.draw({
    width,
    name: plot.title ?? `${plot.y.label} over ${plot.x.label}`,
    x,
    // Whole decades would leave a logarithmic axis half empty.
    y: { ...y, grid: true, nice: plot.y.range === undefined && plot.y.scale !== "log" },
    marks: [
      library.ruleY([0], { strokeOpacity: 0 }),
      ...markLines(charts, moments.filter((mark) => isShown(plot.x, mark.value)), "x"),
      ...marks,
      ...markLines(charts, references.filter((mark) => isShown(plot.y, mark.value)), "y"),
      ...isEmpty ? [library.text(["no finite value"], { frameAnchor: "middle" })] : [],
    ],
  });
  const legend = legendOf([
    ...series.map((one, index) => ({ name: one.name, ...styleOf(one, index), shape: "line" as const })),
    ...markEntries(references, "y"),
    ...markEntries(moments, "x"),
  ]);
  return { svg, legend };
}

function pointsOf(plot: LinePlot, { x, y }: Series): Point[] {
  return Array.from(
    { length: x.length },
    (_, index) => ({
      x: x[index],
      y: isShown(plot.x, x[index]) && isShown(plot.y, y[index]) ? y[index] : NaN,
    }),
  ).filter(({ x }) => isShown(plot.x, x));
}

function shownX(plot: LinePlot, one: Series): number[] {
  return pointsOf(plot, one).flatMap(({ x, y }) => Number.isNaN(y) ? [] : x);
}

function shownY(plot: LinePlot, one: LinePlot["series"][number]): number[] {
  const own = pointsOf(plot, one).flatMap(({ y }) => Number.isNaN(y) ? [] : y);
  return one.band === undefined ? own : [...own, ...Array.from(one.band.low), ...Array.from(one.band.high)];
}

function bandOf(
  plot: LinePlot,
  { x }: Series,
  { low, high }: NonNullable<LinePlot["series"][number]["band"]>,
): { readonly x: number; readonly low: number; readonly high: number }[] {
  return Array.from({ length: x.length }, (_, index) => ({ x: x[index], low: low[index], high: high[index] }))
    .filter((one) => isShown(plot.x, one.x) && isShown(plot.y, one.low) && isShown(plot.y, one.high));
}

/** Points between two gaps: they have no line. */
function alone(points: readonly Point[]): Point[] {
  return points.filter(({ y }, index) =>
    !Number.isNaN(y) && Number.isNaN(points[index - 1]?.y ?? NaN) && Number.isNaN(points[index + 1]?.y ?? NaN)
  );
}

/** Of the points of one pixel column keeps the first, lowest, highest and last: the picture stays, the file is small. */
function thin(
  points: readonly Point[],
  { x, width }: { readonly x: ObservablePlot.ScaleOptions; readonly width: number },
): readonly Point[] {
  if (points.length <= 2 * width) return points;
  const [low, high] = x.domain as [number, number];
  const along = x.type === "log" ? Math.log : Number;
  const column = (point: Point): number =>
    Math.floor((along(point.x) - along(low)) / (along(high) - along(low)) * width);
  const kept: Point[] = [];
  for (let start = 0, end = 0; start < points.length; start = end) {
    const here = column(points[start]);
    let lowest = start, highest = start, gap = -1;
    for (end = start; end < points.length && column(points[end]) === here; end++) {
      if (Number.isNaN(points[end].y)) gap = end;
      // A comparison with a gap is false, so that any value follows it.
      if (!(points[end].y >= points[lowest].y)) lowest = end;
      if (!(points[end].y <= points[highest].y)) highest = end;
    }
    const indices = [...new Set([start, lowest, highest, end - 1, ...gap < 0 ? [] : [gap]])].sort((a, b) =>
      a - b
    );
    for (const index of indices) kept.push(points[index]);
  }
  return kept;
}
