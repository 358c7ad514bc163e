/**
 * Plots of curves, points, bars, counts and tables of numbers, drawn by Observable Plot as SVG that needs nothing else.
 * Equal data give equal text; text and lines take the colour of the page (`currentColor`).
 *
 * This file says what can be drawn; `chart.ts` holds what all kinds share, and each kind has a file of its own in
 * `plots/`.
 */
import { type Chart, openCharts } from "./chart.ts";
import type { Colour } from "./palette.ts";
import { drawBars } from "./plots/bars.ts";
import { drawHeatMap } from "./plots/heat_map.ts";
import { drawHistogram } from "./plots/histogram.ts";
import { drawLines } from "./plots/lines.ts";
import { drawScatter } from "./plots/scatter.ts";

/** What is measured along one axis. */
export interface Axis {
  readonly label: string;
  readonly unit?: string;
  /** Absent: linear. A logarithmic axis leaves out values that are not positive. */
  readonly scale?: "linear" | "log";
  /** Lowest and highest value; absent: those of the data. */
  readonly range?: readonly [number, number];
}

/** One line, or one cloud of points. A value that is not finite (or not positive, on a logarithmic axis) is left out. */
export interface Series {
  readonly name: string;
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  /** Absent: the next colour of the palette. */
  readonly colour?: Colour;
}

/** A level across a plot, or a moment along it, drawn dashed and named in the legend. */
export interface Mark {
  readonly value: number;
  readonly label: string;
}

/** Lines over common axes. */
export interface LinePlot {
  readonly kind?: "line";
  readonly title?: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly (Series & {
    /** A shaded band around the line, such as mean ± standard deviation over seeds: one value for each of `y`. */
    readonly band?: { readonly low: ArrayLike<number>; readonly high: ArrayLike<number> };
  })[];
  /** Horizontal, such as the floor that a loss cannot go below. */
  readonly references?: readonly Mark[];
  /** Vertical, such as the step at which codes were fixed. */
  readonly moments?: readonly Mark[];
}

/** Points over common axes. */
export interface ScatterPlot {
  readonly kind: "scatter";
  readonly title?: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly (Series & {
    /** A few characters beside each point. */
    readonly labels?: readonly string[];
  })[];
  readonly references?: readonly Mark[];
  /** Whether a unit is as long along x as along y, as in a map or a projection. */
  readonly equal?: boolean;
}

/** How far values may reach before a linear axis would show the largest only. */
const FAR = 1000;

/** The scale on which the values of lines can be told apart: logarithmic where they are positive and span a thousandfold. */
export function scaleFor(series: readonly Series[]): "linear" | "log" {
  let low = Infinity, high = 0;
  for (const { y } of series) {
    for (const value of Array.from(y)) {
      if (!Number.isFinite(value)) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  return low > 0 && high > FAR * low ? "log" : "linear";
}

/** How often values fall into each of equally wide bins (equal ratios, on a logarithmic axis). */
export interface Histogram {
  readonly kind: "histogram";
  readonly title?: string;
  readonly x: Axis;
  /** Absent: "count", or "share" where `share` is set. A logarithmic axis starts at a half of a count. */
  readonly y?: Axis;
  readonly series: readonly {
    readonly name: string;
    readonly values: ArrayLike<number>;
    readonly colour?: Colour;
  }[];
  /** Absent: 30. */
  readonly bins?: number;
  /** Whether each series adds up to 1, so that series of different sizes compare. */
  readonly share?: boolean;
  /** Vertical. */
  readonly moments?: readonly Mark[];
}

/** A bar for each category and series; they lie down where their names have no room under them. */
export interface BarChart {
  readonly kind: "bars";
  readonly title?: string;
  readonly categories: readonly string[];
  readonly y: Axis;
  readonly series: readonly {
    readonly name: string;
    /** One for each category; NaN: no bar. */
    readonly values: ArrayLike<number>;
    /** The ends of the error bars. */
    readonly interval?: { readonly low: ArrayLike<number>; readonly high: ArrayLike<number> };
    readonly colour?: Colour;
  }[];
  readonly references?: readonly Mark[];
}

/** A table of numbers as colours: attention, a confusion matrix, a receptive field, a loss over two weights. */
export interface HeatMap {
  readonly kind: "heatmap";
  readonly title?: string;
  /** With `range`: the middles of the first and the last column; otherwise columns are counted from 0. */
  readonly x: Axis;
  /** Of the rows, likewise. The first row is at the top, unless `range` says otherwise (its first value is the first row). */
  readonly y: Axis;
  /** [rows, columns], row by row; NaN: grey. */
  readonly values: ArrayLike<number>;
  readonly shape: readonly [number, number];
  /** Names in place of numbers. */
  readonly rows?: readonly string[];
  readonly columns?: readonly string[];
  /** What the colours mean; `range` absent: from the lowest to the highest value, "diverging" the same on both sides of 0. */
  readonly colour: Axis & { readonly scheme?: "sequential" | "diverging" };
  /** Whether each cell shows its number. */
  readonly numbers?: boolean;
  /** Lines over it, such as the path of an optimizer. */
  readonly series?: readonly Series[];
}

/** Everything that can be drawn. */
export type Plot = LinePlot | ScatterPlot | Histogram | BarChart | HeatMap;

/** Widths for which a plot is drawn, in CSS pixels: text keeps its size, so that it is read on a telephone too. */
export const PLOT_WIDTHS = { wide: 1008, narrow: 400 } as const;

/**
 * The plot as HTML: title, legend, and one `<svg>` of the first width. With two widths the page shows the one that fits.
 *
 * @throws {RangeError} where lengths do not agree.
 */
export async function drawPlot(plot: Plot, widths: readonly number[]): Promise<string> {
  const charts = await openCharts();
  const drawn = widths.map((width) => drawKind(charts, plot, width));
  return charts.page({ title: plot.title, legend: drawn[0].legend, svgs: drawn.map(({ svg }) => svg) });
}

function drawKind(charts: Awaited<ReturnType<typeof openCharts>>, plot: Plot, width: number): Chart {
  switch (plot.kind) {
    case undefined:
    case "line":
      return drawLines(charts, plot, width);
    case "scatter":
      return drawScatter(charts, plot, width);
    case "histogram":
      return drawHistogram(charts, plot, width);
    case "bars":
      return drawBars(charts, plot, width);
    case "heatmap":
      return drawHeatMap(charts, plot, width);
  }
}
