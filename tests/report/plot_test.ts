import assert from "node:assert/strict";
import { parseHTML } from "linkedom";
import {
  type BarChart,
  drawPlot,
  type HeatMap,
  type LinePlot,
  type Plot,
  scaleFor,
} from "../../report/plot.ts";
import { decodePng } from "../../report/png.ts";

const draw = (plot: Plot, width = 600): Promise<string> => drawPlot(plot, [width]);

/** What the test looks at in a drawing. */
interface Element {
  readonly textContent: string;
  getAttribute(name: string): string | null;
}

/** Elements of the plots in `html`. */
function find(html: string, selector: string): Element[] {
  const { document } = parseHTML(`<main>${html}</main>`) as unknown as {
    document: { querySelectorAll(selector: string): Iterable<Element> };
  };
  return [...document.querySelectorAll(selector)];
}

/** An attribute of all elements of one kind of mark. */
function marks(html: string, label: string, name: string): number[] {
  return find(html, `g[aria-label="${label}"] > *`).map((mark) => Number(mark.getAttribute(name)));
}

/** The points of every line of a plot. */
function lines(html: string): number[][][] {
  return find(html, `g[aria-label="line"] path`).flatMap((path) =>
    (path.getAttribute("d") ?? "").split("M").slice(1).map((part) =>
      part.split("L").map((point) => point.replace("Z", "").split(",").map(Number))
    )
  );
}

function texts(html: string): string[] {
  return [...html.matchAll(/<text[^>]*>([^<]*)</g)].map(([, text]) => text);
}

const plot: LinePlot = {
  x: { label: "step" },
  y: { label: "loss", unit: "nats" },
  series: [{ name: "training", x: [0, 50, 100], y: [2, 1, 0] }],
};

Deno.test("lines: equal distances in value are equal distances on the page, smaller values lie lower", async () => {
  const [[first, middle, last]] = lines(await draw(plot));
  assert.ok(Math.abs(middle[0] - first[0] - (last[0] - middle[0])) < 0.2);
  assert.ok(Math.abs(middle[1] - first[1] - (last[1] - middle[1])) < 0.2);
  assert.ok(last[1] > first[1]);
});

Deno.test("lines: equal ratios are equal distances on a logarithmic axis", async () => {
  const html = await draw({
    x: { label: "x", scale: "log" },
    y: { label: "y", scale: "log" },
    series: [{ name: "a", x: [1, 10, 100], y: [1e-9, 1e-8, 1e-7] }],
  });
  const [[first, middle, last]] = lines(html);
  assert.ok(Math.abs(middle[0] - first[0] - (last[0] - middle[0])) < 0.2);
  assert.ok(Math.abs(middle[1] - first[1] - (last[1] - middle[1])) < 0.2);
  for (const label of ["10", "50", "100", "10⁻⁹", "2×10⁻⁸"]) assert.ok(texts(html).includes(label), label);
  const wide = texts(await draw({ ...plot, x: { label: "x", scale: "log", range: [1e-20, 1] } }));
  assert.deepEqual(wide.filter((text) => text.startsWith("10")), ["10⁻¹⁸", "10⁻¹⁵", "10⁻¹²", "10⁻⁹", "10⁻⁶"]);
});

Deno.test("lines: values that cannot be shown interrupt the line, and lone points are seen", async () => {
  const y = [1, 2, NaN, 3, Infinity, 4, 5, ...Array(40).fill(5)];
  const html = await draw({ ...plot, series: [{ name: "a", x: y.map((_, index) => index), y }] });
  assert.deepEqual(lines(html).map((line) => line.length), [2, 1, 42]);
  assert.equal(marks(html, "dot", "cx").length, 1);
  const log = await draw({
    ...plot,
    y: { label: "y", scale: "log" },
    series: [{ name: "a", x: [0, 1, 2], y: [1, 0, 2] }],
  });
  assert.equal(marks(log, "dot", "cx").length, 2);
  assert.doesNotMatch(html + log, /NaN|Infinity/);
});

Deno.test("lines: nothing to show, one value, constant values", async () => {
  assert.match(await draw({ ...plot, series: [{ name: "a", x: [1], y: [NaN] }] }), /no finite value/);
  assert.match(await draw({ ...plot, series: [] }), /no finite value/);
  for (const y of [[3], [0, 0, 0], [-5, -5]]) {
    for (const scale of ["linear", "log"] as const) {
      const html = await draw({
        ...plot,
        y: { label: "y", scale },
        series: [{ name: "a", x: y.map((_, index) => index), y }],
      });
      assert.doesNotMatch(html, /NaN|Infinity|undefined/);
    }
  }
});

Deno.test("lines: between whole numbers there are no ticks", async () => {
  const html = await draw({ ...plot, series: [{ name: "a", x: [1, 2, 3, 4], y: [0.5, 1, 1, 2] }] });
  const ticks = find(html, `g[aria-label="x-axis tick label"] text`).map((tick) => tick.textContent);
  assert.deepEqual(ticks, ["1", "2", "3", "4"]);
});

Deno.test("lines: levels and moments are in range, dashed, and named", async () => {
  const html = await draw({
    ...plot,
    references: [{ value: -3, label: "floor" }],
    moments: [{ value: 150, label: "codes fixed" }],
  });
  assert.match(html, /<li><svg.*<\/svg>floor<\/li>.*codes fixed<\/li>/);
  const [line] = lines(html), rightmost = Math.max(...line.map(([x]) => x));
  const [moment] = find(html, `g[aria-label="rule"][stroke-dasharray="1.5 3"] line`);
  assert.ok(Number(moment.getAttribute("x1")) > rightmost, "the moment lies right of the data");
  const [level] = find(html, `g[aria-label="rule"][stroke-dasharray="5 3"] line`);
  assert.ok(
    Number(level.getAttribute("y1")) > Math.max(...line.map(([, y]) => y)),
    "the floor lies below them",
  );
});

Deno.test("lines: a long series is thinned, its extremes kept", async () => {
  const count = 100_000;
  const x = Float64Array.from({ length: count }, (_, index) => index), y = new Float64Array(count);
  y[50_001] = 1;
  y[50_003] = -1;
  const [points] = lines(await draw({ ...plot, series: [{ name: "a", x, y }] }));
  assert.ok(points.length < 4 * 600);
  assert.equal(new Set(points.map((point) => point[1])).size, 3);
});

Deno.test("lines: many series are told apart by colour and dash; a band lies around its line", async () => {
  const series = Array.from(
    { length: 12 },
    (_, index) => ({ name: `seed ${index}`, x: [0, 1], y: [index, 0] }),
  );
  const html = await draw({ ...plot, series });
  const looks = [...html.matchAll(/<line x1="0"[^>]*stroke="([^"]*)"[^>]*?(stroke-dasharray="[^"]*")?\/>/g)];
  assert.equal(new Set(looks.map(([, colour, dash]) => colour + dash)).size, 12);
  const band = { low: [1, 0], high: [3, 1] };
  const banded = await draw({ ...plot, series: [{ name: "a", x: [0, 1], y: [2, 0.5], band }] });
  assert.equal(find(banded, `g[aria-label="area"] path`).length, 1);
});

Deno.test("drawPlot: one drawing a width; names are escaped; equal plots are equal text; lengths must agree", async () => {
  const both = await drawPlot(plot, [1000, 400]);
  assert.match(
    both,
    /class="wide"><svg [^>]*viewBox="0 0 1000 .*class="narrow"><svg [^>]*viewBox="0 0 400 /s,
  );
  assert.equal(await drawPlot(structuredClone(plot), [1000, 400]), both);
  const hostile = await draw({ ...plot, title: `</svg><script>"&'`, x: { label: "<b>" } });
  assert.doesNotMatch(hostile.replaceAll(/="[^"]*"/g, ""), /<script|<b>/);
  await assert.rejects(
    () => draw({ ...plot, series: [{ name: "a", x: [1, 2], y: [1] }] }),
    /lengths are 2 and 1/,
  );
});

Deno.test("scatter: points where they belong, those that would hide each other once", async () => {
  const html = await draw({
    kind: "scatter",
    x: { label: "x", range: [0, 10] },
    y: { label: "y", range: [0, 10] },
    series: [{ name: "a", x: [0, 5, 10, 5, NaN], y: [0, 5, 10, 5, 1], labels: ["o", "m", "e", "m", "n"] }],
  });
  const places = marks(html, "dot", "cx").sort((a, b) => a - b);
  assert.equal(places.length, 3);
  assert.ok(Math.abs(places[1] - places[0] - (places[2] - places[1])) < 0.2);
  assert.ok(texts(html).includes("e") && !texts(html).includes("n"));
});

Deno.test("histogram: counts and shares; both ends are inside", async () => {
  const series = [{ name: "a", values: [0, 0, 1, 2, 4, NaN] }];
  const base = { kind: "histogram", x: { label: "x" }, series, bins: 4 } as const;
  const heights = marks(await draw(base), "rect", "height");
  assert.equal(heights.length, 4); // [0, 1) has two, [1, 2), [2, 3) and [3, 4] one each
  assert.ok(Math.abs(heights[0] - 2 * heights[1]) < 0.3);
  const shares = await draw({ ...base, share: true });
  assert.ok(texts(shares).some((text) => text === "0.40"));
  const log = await draw({ ...base, x: { label: "x", scale: "log" }, y: { label: "count", scale: "log" } });
  assert.doesNotMatch(log, /NaN|Infinity/);
});

Deno.test("bars: one for each value, upright or lying as names have room; no bar for no value", async () => {
  const chart: BarChart = {
    kind: "bars",
    categories: ["one", "two"],
    y: { label: "share" },
    series: [
      { name: "a", values: [1, 2], interval: { low: [0.5, 1.5], high: [1.5, 2.5] } },
      { name: "b", values: [NaN, 4] },
    ],
  };
  const upright = await draw(chart);
  const [one, two] = marks(upright, "rect", "height");
  assert.ok(Math.abs(two - 2 * one) < 0.3);
  assert.equal(find(upright, `g[aria-label="rect"] rect`).length, 3);
  assert.equal(find(upright, `g[aria-label="rule"][stroke-width="1.5"] line`).length, 2);
  const names = ["a category with a name of some length", "and another one that is not shorter"];
  const [short, long] = marks(await draw({ ...chart, categories: names }, 400), "rect", "width");
  assert.ok(Math.abs(long - 2 * short) < 0.3);
  await assert.rejects(() => draw({ ...chart, categories: ["one"] }), /lengths are 1 and 2/);
});

/** The picture inside a heat map. */
function picture(html: string) {
  const [, data] = /href="data:image\/png;base64,([^"]*)"/.exec(html) ?? [];
  return decodePng(Uint8Array.fromBase64(data));
}

const map: HeatMap = {
  kind: "heatmap",
  x: { label: "column" },
  y: { label: "row" },
  values: [0, 1, 2, 3, 4, NaN],
  shape: [2, 3],
  colour: { label: "value", unit: "nats" },
};

Deno.test("heat map: one pixel a cell, from dark to bright, grey where there is none", async () => {
  const html = await draw(map);
  const { width, height, pixels } = picture(html);
  assert.deepEqual([width, height], [3, 2]);
  assert.deepEqual([...pixels.subarray(0, 3)], [68, 1, 84]); // viridis at 0
  assert.deepEqual([...pixels.subarray(12, 15)], [253, 231, 37]); // and at 1
  assert.deepEqual([...pixels.subarray(15)], [140, 140, 140]);
  assert.match(html, /class="ramp">value \(nats\) <span>0<\/span>.*<span>4<\/span>/);
});

Deno.test("heat map: rows are counted from the top; those of an axis with a range go upwards", async () => {
  const counted = picture(await draw(map)).pixels;
  const measured = picture(await draw({ ...map, y: { label: "row", range: [-1, 1] } })).pixels;
  assert.deepEqual(measured.subarray(9), counted.subarray(0, 9));
  const fromTop = picture(await draw({ ...map, y: { label: "row", range: [1, -1] } })).pixels;
  assert.deepEqual(fromTop, counted);
});

Deno.test("heat map: a diverging scale is the same on both sides of zero", async () => {
  const colour = { label: "value", scheme: "diverging" } as const;
  const { pixels } = picture(await draw({ ...map, values: [-1, 0, 1, 4, -4, 2], colour }));
  const [red, green, blue] = pixels.subarray(3, 6);
  assert.ok(Math.max(red, green, blue) - Math.min(red, green, blue) < 10 && red > 230, "zero is white");
  assert.ok(pixels[9] > pixels[11] && pixels[12] < pixels[14], "red above, blue below");
});

Deno.test("heat map: numbers in cells, names of rows, a path over it; a wrong shape is an error", async () => {
  const html = await draw({
    ...map,
    numbers: true,
    rows: ["first", "second"],
    series: [{ name: "path", x: [0, 1], y: [0, 1] }],
  });
  for (const text of ["first", "second", "3"]) assert.ok(texts(html).includes(text), text);
  assert.match(html, /path<\/li>/);
  await assert.rejects(() => draw({ ...map, shape: [2, 2] as const }), /\[2, 2\] with 6 values/);
  await assert.rejects(() => draw({ ...map, rows: ["first"] }), /current counts are 2 and 1/);
});

Deno.test("scaleFor: logarithmic where a linear axis would show the largest value only", () => {
  const line = (y: number[]) => ({ name: "loss", x: y.map((_, index) => index), y });
  assert.equal(scaleFor([line([2000, 2, NaN]), line([1.5, 3])]), "log");
  assert.equal(scaleFor([line([3, 2]), line([1.5, 0.01])]), "linear");
  assert.equal(scaleFor([line([2000, 0])]), "linear");
  assert.equal(scaleFor([]), "linear");
});
