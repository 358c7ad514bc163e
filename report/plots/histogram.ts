/** How often values fall into each of equally wide bins. */
import {
  axisOptions,
  type Chart,
  type Charts,
  isShown,
  legendOf,
  markEntries,
  markLines,
  styleOf,
} from "../chart.ts";
import type { Axis, Histogram } from "../plot.ts";

const BINS = 30;

interface Bin {
  readonly from: number;
  readonly to: number;
  readonly height: number;
}

export function drawHistogram(charts: Charts, plot: Histogram, width: number): Chart {
  const { plot: library } = charts;
  const { series, bins = BINS, share = false, moments = [] } = plot;
  const y: Axis = plot.y ?? { label: share ? "share" : "count" };
  const x = axisOptions(plot.x, all(series.map(({ values }) => values)), { ticks: Math.max(3, width / 110) });
  const [low, high] = x.domain as [number, number];
  const counted = series.map(({ values }) => count(values, { axis: plot.x, low, high, bins, share }));
  // A bin of one value must be seen on a logarithmic axis, so that it starts below it.
  const least = Math.min(...counted.flat().map(({ height }) => height).filter((height) => height > 0));
  const floor = y.scale === "log" ? (Number.isFinite(least) ? least / 2 : 0.5) : 0;
  const svg = charts.draw({
    width,
    name: plot.title ?? `${y.label} of ${plot.x.label}`,
    x,
    y: {
      ...axisOptions(y, [floor, ...counted.flat().map(({ height }) => height)], { ticks: 6, zero: true }),
      grid: true,
      nice: y.scale !== "log" && y.range === undefined,
    },
    marks: [
      ...counted.map((bars, index) =>
        library.rect(bars.filter(({ height }) => height > 0), {
          x1: "from",
          x2: "to",
          y1: floor,
          y2: "height",
          fill: styleOf(series[index], index).colour,
          fillOpacity: series.length > 1 ? 0.5 : 0.85,
          insetLeft: 0.5,
          insetRight: 0.5,
        })
      ),
      ...floor === 0 ? [library.ruleY([0], { strokeOpacity: 0.5 })] : [],
      ...markLines(charts, moments.filter((mark) => isShown(plot.x, mark.value)), "x"),
    ],
  });
  const legend = legendOf([
    ...series.map((one, index) => ({
      name: one.name,
      colour: styleOf(one, index).colour,
      shape: "box" as const,
    })),
    ...markEntries(moments, "x"),
  ]);
  return { svg, legend };
}

function* all(lists: readonly ArrayLike<number>[]): Generator<number> {
  for (const list of lists) for (let index = 0; index < list.length; index++) yield list[index];
}

function count(
  values: ArrayLike<number>,
  { axis, low, high, bins, share }: {
    readonly axis: Axis;
    readonly low: number;
    readonly high: number;
    readonly bins: number;
    readonly share: boolean;
  },
): Bin[] {
  const [along, back] = axis.scale === "log" ? [Math.log, Math.exp] : [Number, Number];
  const from = along(low), size = (along(high) - from) / bins;
  const counts = new Float64Array(bins);
  let total = 0;
  for (let index = 0; index < values.length; index++) {
    const value = values[index];
    if (!isShown(axis, value) || value < low || value > high) continue;
    // The last bin holds its upper end too.
    counts[Math.min(bins - 1, Math.floor((along(value) - from) / size))]++;
    total++;
  }
  return Array.from(counts, (height, index) => ({
    from: back(from + index * size),
    to: back(from + (index + 1) * size),
    height: share && total > 0 ? height / total : height,
  }));
}
