import assert from "node:assert/strict";
import { formatTick, linearTicks, type LinePlot, linePlot, logTicks } from "../../report/plot.ts";

/** The points of every line of the plot. */
function lines(svg: string): number[][][] {
  return [...svg.matchAll(/<polyline points="([^"]*)"/g)]
    .map((match) => match[1].split(" ").map((point) => point.split(",").map(Number)));
}

const plot: LinePlot = {
  x: { label: "step" },
  y: { label: "loss", unit: "nat" },
  series: [{ name: "training", x: [0, 50, 100], y: [2, 1, 0] }],
};

Deno.test("linearTicks: multiples of 1, 2, 5 inside the range, without drift", () => {
  assert.deepEqual(linearTicks(0, 1, 5), [0, 0.2, 0.4, 0.6, 0.8, 1]);
  assert.deepEqual(linearTicks(1, 3991, 8), [500, 1000, 1500, 2000, 2500, 3000, 3500]);
  assert.deepEqual(linearTicks(-0.3, 0.3, 6), [-0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.3]);
  assert.deepEqual(linearTicks(2e-7, 8e-7, 3), [2e-7, 4e-7, 6e-7, 8e-7]);
});

Deno.test("logTicks: powers of ten, 1-2-5 over a short range, fewer over a long one", () => {
  assert.deepEqual(logTicks(0.0005, 1), [0.001, 0.01, 0.1, 1]);
  assert.deepEqual(logTicks(1, 50), [1, 2, 5, 10, 20, 50]);
  assert.deepEqual(logTicks(1e-20, 1), [1e-20, 1e-17, 1e-14, 1e-11, 1e-8, 1e-5, 1e-2]);
});

Deno.test("formatTick: as many decimals as the step needs", () => {
  assert.equal(formatTick(0.5, 0.25), "0.5");
  assert.equal(formatTick(1, 0.5), "1.0");
  assert.equal(formatTick(1500, 500), "1500");
  assert.equal(formatTick(12000, 2000), "12,000");
  assert.equal(formatTick(-0.02, 0.01), "−0.02");
  assert.equal(formatTick(0, 0.01), "0");
  assert.equal(formatTick(4e-7, 2e-7), "4×10⁻⁷");
  assert.equal(formatTick(1e9, 1e9), "10⁹");
});

Deno.test("linePlot: equal distances in value are equal distances on the page", () => {
  const [[first, middle, last]] = lines(linePlot(plot));
  assert.equal(middle[0] - first[0], last[0] - middle[0]);
  assert.equal(middle[1] - first[1], last[1] - middle[1]);
  assert.ok(last[1] > first[1], "smaller values lie lower");
});

Deno.test("linePlot: equal ratios are equal distances on a logarithmic axis", () => {
  const series = [{ name: "a", x: [1, 10, 100], y: [0.001, 0.01, 0.1] }];
  const svg = linePlot({
    x: { label: "x", scale: "log" },
    y: { label: "y", scale: "log" },
    series,
  });
  const [[first, middle, last]] = lines(svg);
  assert.ok(Math.abs(middle[0] - first[0] - (last[0] - middle[0])) < 0.2);
  assert.ok(Math.abs(middle[1] - first[1] - (last[1] - middle[1])) < 0.2);
});

Deno.test("linePlot: values that cannot be shown interrupt the line", () => {
  const y = [1, 2, NaN, 3, Infinity, 4, 5];
  const svg = linePlot({ ...plot, series: [{ name: "a", x: y.map((_, index) => index), y }] });
  assert.deepEqual(lines(svg).map((line) => line.length), [2, 1, 2]);
  const log = linePlot({
    ...plot,
    y: { label: "y", scale: "log" },
    series: [{ name: "a", x: [0, 1, 2], y: [1, 0, 2] }],
  });
  assert.deepEqual(lines(log).map((line) => line.length), [1, 1]);
  assert.doesNotMatch(svg + log, /NaN|Infinity/);
});

Deno.test("linePlot: nothing to show, one value, constant values", () => {
  assert.match(linePlot({ ...plot, series: [{ name: "a", x: [1], y: [NaN] }] }), /no finite value/);
  for (const y of [[3], [0, 0, 0], [-5, -5]]) {
    for (const scale of ["linear", "log"] as const) {
      const svg = linePlot({
        ...plot,
        y: { label: "y", scale },
        series: [{ name: "a", x: y.map((_, i) => i), y }],
      });
      assert.doesNotMatch(svg, /NaN|Infinity|undefined/);
    }
  }
  const narrow = linePlot({
    x: { label: "x", scale: "log" },
    y: plot.y,
    series: [{ name: "a", x: [3, 4], y: [1, 2] }],
  });
  assert.match(narrow, />3\.2</);
});

Deno.test("linePlot: a reference is in range, dashed, and named in the legend", () => {
  const svg = linePlot({ ...plot, references: [{ value: -3, label: "floor" }] });
  assert.equal([...svg.matchAll(/stroke-dasharray/g)].length, 2);
  assert.match(svg, />floor</);
  const lowest = Math.max(...lines(svg)[0].map((point) => point[1]));
  const dashed = [...svg.matchAll(/y1="([\d.]+)"[^>]*stroke-dasharray/g)].map((match) => Number(match[1]));
  assert.ok(dashed[1] > lowest);
});

Deno.test("linePlot: a long series is thinned, its extremes kept", () => {
  const count = 100_000;
  const x = Float64Array.from({ length: count }, (_, index) => index);
  const y = new Float64Array(count);
  y[50_001] = 1;
  y[50_003] = -1;
  const svg = linePlot({ ...plot, series: [{ name: "a", x, y }] });
  const [points] = lines(svg);
  assert.ok(points.length < 4 * 760);
  const heights = new Set(points.map((point) => point[1]));
  assert.equal(heights.size, 3);
});

Deno.test("linePlot: names are escaped, equal plots are equal text, lengths must agree", () => {
  const hostile = linePlot({ ...plot, title: `</svg><script>"&'`, x: { label: "<b>" } });
  assert.doesNotMatch(hostile, /<script|<b>/);
  assert.equal(linePlot(plot), linePlot(structuredClone(plot)));
  assert.throws(
    () => linePlot({ ...plot, series: [{ name: "a", x: [1, 2], y: [1] }] }),
    /lengths are 2 and 1/,
  );
});

Deno.test("linePlot: the x axis ends at its data, or at a tick very near", () => {
  const ends = (x: number[]) =>
    lines(linePlot({ ...plot, series: [{ name: "a", x, y: x }] }))[0].map((point) => point[0]);
  const [left, right] = ends([0, 4000]);
  const near = ends([1, 3991]);
  assert.ok(near[0] >= left && near[0] < left + 1 && near[1] < right && near[1] > right - 3);
  assert.deepEqual(ends([130, 3700]), [left, right]);
});
