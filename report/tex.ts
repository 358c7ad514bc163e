/** Texts, plots and references for LaTeX. */
import { workOf } from "./bibliography.ts";
import { PALETTE, rgb } from "./palette.ts";
import type { Axis, Series } from "./plot.ts";

const SIGNS: Readonly<Record<string, string>> = {
  "\\": "\\textbackslash{}",
  "~": "\\textasciitilde{}",
  "^": "\\textasciicircum{}",
  "−": "$-$",
  "±": "$\\pm$",
  "×": "$\\times$",
  "∞": "$\\infty$",
  "⁻": "$^{-}$",
  "¹": "$^{1}$",
  "²": "$^{2}$",
};

/** A text as LaTeX prints it; a percent sign stands after a thin space. */
export function texText(text: string): string {
  return text.replace(/[\\{}$&#_%~^−±×∞⁻¹²]/g, (sign) => SIGNS[sign] ?? `\\${sign}`).replace(
    / \\%/g,
    "\\,\\%",
  );
}

/**
 * The list of references, in natbib's form, of the works that a LaTeX text cites.
 *
 * @throws {RangeError} where the bibliography has no such work.
 */
export function texReferences(text: string): string {
  const keys = [...text.matchAll(/\\cite[tp](?:\[[^\]]*\])*\{([^}]*)\}/g)].flatMap(([, list]) =>
    list.split(",")
  );
  const works = [...new Set(keys.map((key) => key.trim()))].map((key) => {
    const work = workOf(key);
    if (work === undefined) throw new RangeError(`Cannot cite ${key} as it is not in report/bibliography.ts`);
    return work;
  }).sort((a, b) => a.authors < b.authors ? -1 : a.authors > b.authors ? 1 : a.year - b.year);
  const items = works.map(({ key, authors, year, title, venue, url }) => {
    const names = authors.split(", ").filter((name) => name !== "and others"), [first, second] = names;
    const areAll = names.length === authors.split(", ").length;
    const short = names.length > 2
      ? `${first} et~al.`
      : second === undefined
      ? first
      : `${first} and ${second}`;
    const long = !areAll
      ? `${names.join(", ")} et al`
      : names.length > 1
      ? `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`
      : first;
    const place = venue === undefined ? "" : ` \\emph{${texText(venue)}},`;
    const link = url === undefined ? "" : ` \\url{${url}}.`;
    return `\\bibitem[${texName(short)}(${year})]{${key}}\n${texText(long)}.\n${
      texText(title)
    }.${place} ${year}.${link}\n`;
  });
  return `\\begin{thebibliography}{${items.length}}\n\n${items.join("\n")}\n\\end{thebibliography}\n`;
}

function texName(name: string): string {
  return name.split("~").map(texText).join("~");
}

/** Room around the axes of a plot for ticks and labels, in points of 1/72 inch. */
const MARGIN = { left: 34, right: 6, bottom: 26, top: 14 } as const;
/** About as many ticks an axis. */
const TICKS = 5;

/** Round numbers in a range: 1, 2 or 5 times a power of ten apart. */
function ticksOf(low: number, high: number): readonly number[] {
  const rough = (high - low) / TICKS, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough) ?? rough;
  const first = Math.ceil(low / step - 1e-9), count = Math.floor(high / step + 1e-9) - first + 1;
  // Rounded, as 3 x 0.1 is not 0.3.
  return Array.from({ length: count }, (_, at) => Number(((first + at) * step).toPrecision(12)));
}

/** Lines over linear axes as a LaTeX picture of pdfTeX's own drawing, which needs no package. Sizes in 1/72 inch. */
export function texPlot(
  { x, y, series }: { readonly x: Axis; readonly y: Axis; readonly series: readonly Series[] },
  { width, height }: { readonly width: number; readonly height: number },
): string {
  const range = (of: "x" | "y"): readonly [number, number] => {
    const values = series.flatMap((one) => Array.from(one[of])).filter(Number.isFinite);
    const low = Math.min(...values), high = Math.max(...values);
    return low < high ? [low, high] : [low - 1, high + 1];
  };
  const [left, right] = x.range ?? range("x"), [low, high] = y.range ?? range("y");
  const inner = { width: width - MARGIN.left - MARGIN.right, height: height - MARGIN.bottom - MARGIN.top };
  const across = (value: number): number => MARGIN.left + inner.width * (value - left) / (right - left);
  const up = (value: number): number => MARGIN.bottom + inner.height * (value - low) / (high - low);
  const put = (px: number, py: number, what: string): string =>
    `\\put(${px.toFixed(2)},${py.toFixed(2)}){${what}}`;
  const draw = (commands: string): string => put(0, 0, `\\pdfliteral{q 0.5 w ${commands} Q}`);
  const point = (px: number, py: number, command: string): string =>
    `${px.toFixed(2)} ${py.toFixed(2)} ${command}`;
  const named = (axis: Axis): string =>
    texText(axis.unit === undefined ? axis.label : `${axis.label} (${axis.unit})`);
  const lines: string[] = [draw(
    `${point(MARGIN.left, MARGIN.bottom + inner.height, "m")} ${point(MARGIN.left, MARGIN.bottom, "l")} ` +
      `${point(MARGIN.left + inner.width, MARGIN.bottom, "l")} S`,
  )];
  for (const tick of ticksOf(left, right)) {
    lines.push(
      draw(`${point(across(tick), MARGIN.bottom, "m")} ${point(across(tick), MARGIN.bottom - 3, "l")} S`),
    );
    lines.push(
      put(across(tick), MARGIN.bottom - 5, `\\makebox(0,0)[t]{\\scriptsize ${tick.toLocaleString("en-US")}}`),
    );
  }
  for (const tick of ticksOf(low, high)) {
    lines.push(draw(`${point(MARGIN.left, up(tick), "m")} ${point(MARGIN.left - 3, up(tick), "l")} S`));
    lines.push(put(MARGIN.left - 5, up(tick), `\\makebox(0,0)[r]{\\scriptsize ${tick}}`));
  }
  lines.push(put(MARGIN.left + inner.width / 2, 1, `\\makebox(0,0)[b]{\\scriptsize ${named(x)}}`));
  lines.push(put(MARGIN.left, height - 2, `\\makebox(0,0)[tl]{\\scriptsize ${named(y)}}`));
  const colours = Object.values(PALETTE);
  let legend = MARGIN.left + inner.width;
  for (const [at, { name, x, y, colour = colours[at % colours.length] }] of [...series.entries()].reverse()) {
    const ink = rgb(colour).map((part) => (part / 255).toFixed(3)).join(" ");
    const points = Array.from({ length: x.length }, (_, i) => [x[i], y[i]])
      .filter(([px, py]) => px >= left && px <= right && py >= low && py <= high);
    const path = points.map(([px, py], i) => point(across(px), up(py), i === 0 ? "m" : "l"));
    // Round caps make a line of one point a dot.
    const dot = points.length === 1 ? ` ${point(across(points[0][0]), up(points[0][1]), "l")}` : "";
    if (path.length > 0) {
      lines.push(draw(`${ink} RG ${dot === "" ? 1 : 3} w 1 j 1 J ${path.join(" ")}${dot} S`));
    }
    if (series.length === 1) continue;
    // As wide as scriptsize letters are on average.
    legend -= 4 * name.length + 18;
    lines.push(
      draw(`${ink} RG 1 w ${point(legend, height - 6, "m")} ${point(legend + 10, height - 6, "l")} S`),
    );
    lines.push(put(legend + 12, height - 6, `\\makebox(0,0)[l]{\\scriptsize ${texText(name)}}`));
  }
  return `\\begingroup\\setlength{\\unitlength}{1bp}%\n\\begin{picture}(${width},${height})\n${
    lines.join("\n")
  }\n` +
    "\\end{picture}\\endgroup\n";
}
