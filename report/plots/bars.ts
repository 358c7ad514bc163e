/** A bar for each category and series. */
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
import type { BarChart } from "../plot.ts";

/** How much of the room of a category its bars take. */
const FILLED = 0.78;
/** Height of a lying bar, and between categories, in pixels. */
const THICK = 18, BETWEEN = 10;

export function drawBars(charts: Charts, plot: BarChart, width: number): Chart {
  const { plot: library } = charts;
  const { categories, series, references = [] } = plot;
  for (const { name, values, interval } of series) {
    checkLengths(name, {
      categories: categories.length,
      values: values.length,
      ...interval === undefined ? {} : { low: interval.low.length, high: interval.high.length },
    });
  }
  const each = FILLED / series.length;
  const bars = series.map(({ values, interval }, index) =>
    categories.map((_, category) => {
      const from = category - FILLED / 2 + index * each;
      return {
        from,
        to: from + each,
        middle: from + each / 2,
        value: values[category],
        low: interval?.low[category] ?? NaN,
        high: interval?.high[category] ?? NaN,
      };
    }).filter(({ value }) => isShown(plot.y, value))
  );
  const all = bars.flat();
  const measure = axisOptions(
    plot.y,
    [...all.flatMap(({ value, low, high }) => [value, low, high]), ...references.map(({ value }) => value)],
    { ticks: 6, zero: true },
  );
  const base = plot.y.scale === "log" ? (measure.domain as [number, number])[0] : 0;
  const lying = categories.reduce((sum, name) => sum + textWidth(name) + 12, 0) > width - 60;
  const names = {
    domain: [-0.5, categories.length - 0.5],
    ticks: categories.map((_, index) => index),
    tickFormat: (index: number) => categories[index],
    label: null,
    tickSize: 0,
    reverse: lying,
  };
  const value = { ...measure, grid: true, nice: plot.y.range === undefined };
  const marks = bars.flatMap((rows, index) => {
    const fill = styleOf(series[index], index).colour;
    return lying
      ? [
        library.rect(rows, {
          y1: "from",
          y2: "to",
          x1: base,
          x2: "value",
          fill,
          insetTop: 0.5,
          insetBottom: 0.5,
        }),
        library.ruleY(rows.filter(({ low }) => isShown(plot.y, low)), {
          y: "middle",
          x1: "low",
          x2: "high",
          strokeWidth: 1.5,
        }),
      ]
      : [
        library.rect(rows, {
          x1: "from",
          x2: "to",
          y1: base,
          y2: "value",
          fill,
          insetLeft: 0.5,
          insetRight: 0.5,
        }),
        library.ruleX(rows.filter(({ low }) => isShown(plot.y, low)), {
          x: "middle",
          y1: "low",
          y2: "high",
          strokeWidth: 1.5,
        }),
      ];
  });
  const svg = charts.draw({
    width,
    name: plot.title ?? `${plot.y.label} of ${categories.join(", ")}`,
    ...lying
      ? { x: value, y: names, height: 76 + categories.length * (series.length * THICK + BETWEEN) }
      : { x: names, y: value },
    marks: [
      ...marks,
      ...lying
        ? [library.ruleX([base], { strokeOpacity: 0.5 })]
        : [library.ruleY([base], { strokeOpacity: 0.5 })],
      ...markLines(charts, references.filter((mark) => isShown(plot.y, mark.value)), lying ? "x" : "y"),
    ],
  });
  const legend = legendOf([
    ...series.map((one, index) => ({
      name: one.name,
      colour: styleOf(one, index).colour,
      shape: "box" as const,
    })),
    ...markEntries(references, "y"),
  ]);
  return { svg, legend };
}
