/**
 * Reports: one HTML file that shows itself from the disk, without a network. A few lines of script filter samples and
 * play melodies; without them everything is there to read.
 *
 * Texts may hold `code` in backticks, *emphasis* in asterisks, formulas of TeX between dollar signs, links as
 * [words](https://...) or, to a page beside this one, [words](samples.html), and citations as [@key], of the report's own references or of the bibliography. Everything else
 * stands for itself.
 */
import { type Reference, type WorkKey, workOf } from "./bibliography.ts";
import { escape } from "./escape.ts";
import { FILTER_SCRIPT } from "./filter.ts";
import type { Term } from "./glossary.ts";
import type { Image, Sheet } from "./grid.ts";
import { type MarkedLine, markedText } from "./marked.ts";
import { melodiesHtml, MELODY_SCRIPT, openEngraver, type ShownMelody } from "./melodies.ts";
import { number } from "./numbers.ts";
import { drawPlot, type Plot, PLOT_WIDTHS } from "./plot.ts";
import { pngSize } from "./png.ts";
import { SEARCH_BAR, SEARCH_SCRIPT } from "./search.ts";
import { REPORT_STYLE } from "./style.ts";
import { imageHtml, sheetHtml } from "./tiles.ts";

export type { Reference, WorkKey };

/** A table; a column whose cells are all numbers is set flush right. */
export interface Table {
  /** The names of the columns. */
  readonly columns: readonly string[];
  /** A cell for each column. */
  readonly rows: readonly (readonly (string | number)[])[];
  /** A last row, set apart: totals. */
  readonly total?: readonly (string | number)[];
  /** What stands below. */
  readonly caption?: string;
  /** Whether readers can look for words in it: for long ones. */
  readonly search?: boolean;
  /** What a reader clicks on to see it: for long ones that few want. Absent: it is open. */
  readonly summary?: string;
}

/** A piece of a section. */
export type Block =
  | { readonly kind: "paragraph"; readonly text: string }
  | { readonly kind: "list"; readonly items: readonly string[] }
  /** Words and what they mean. */
  | { readonly kind: "terms"; readonly terms: readonly Term[] }
  /** In TeX; `text` says what its letters mean. */
  | { readonly kind: "formula"; readonly formula: string; readonly text?: string }
  | { readonly kind: "table"; readonly table: Table }
  /** TypeScript. */
  | { readonly kind: "code"; readonly code: string; readonly caption?: string }
  /** Lines with marked stretches. */
  | {
    readonly kind: "marked";
    readonly lines: readonly MarkedLine[];
    /** Whether long lines are broken, each with its note above it. Absent: they are scrolled. */
    readonly wrap?: boolean;
    readonly caption?: string;
  }
  /** `alt` says in words what the PNG shows. */
  | { readonly kind: "picture"; readonly png: Uint8Array; readonly alt: string; readonly caption?: string }
  | { readonly kind: "plot"; readonly plot: Plot; readonly caption?: string }
  /** One figure of several plots and images, so many in a row where the page is wide (absent: 2). */
  | {
    readonly kind: "panels";
    readonly panels: readonly Panel[];
    readonly columns?: number;
    readonly caption?: string;
  }
  /** Images with their words; `distance` says what the distances of its tiles are, "bits". */
  | { readonly kind: "sheet"; readonly sheet: Sheet; readonly caption?: string; readonly distance?: string }
  | { readonly kind: "melodies"; readonly melodies: readonly ShownMelody[]; readonly caption?: string };

/** A part of a figure, under a heading of its own such as "(a) before training". */
export type Panel =
  & { readonly title?: string }
  & ({ readonly plot: Plot } | { readonly image: Image });

/** Blocks under one heading. */
export interface Section {
  /** Its heading. */
  readonly title: string;
  /** What stands under it, in this order. */
  readonly blocks: readonly Block[];
}

/** A number that the reader came for. */
export interface KeyFigure {
  /** What it is a figure of. */
  readonly label: string;
  /** The number with its unit. */
  readonly value: string;
  /** For example its interval, or what it is a share of. */
  readonly note?: string;
}

/** A whole report. */
export interface Report {
  /** The heading of the page. */
  readonly title: string;
  /** One paragraph. */
  readonly abstract: string;
  /** Shown large, before all else. */
  readonly figures?: readonly KeyFigure[];
  /** The page itself. */
  readonly sections: readonly Section[];
  /** Works to list, cited or not; works of the bibliography are listed where they are cited in any case. */
  readonly references?: readonly (Reference | WorkKey)[];
  /** Whole reports of what this one rests on, such as the autoencoder's, as `htmlReport` wrote them: shown inside. */
  readonly parts?: readonly { readonly name: string; readonly html: string }[];
  /** Words that are explained at the end, where the page uses them. */
  readonly glossary?: readonly Term[];
  /** What `config.json` holds. */
  readonly configuration?: Readonly<Record<string, unknown>>;
  /** The command line that makes this result again. */
  readonly command?: string;
}

const INLINE =
  /`([^`]+)`|\$([^$]+)\$|\[@([\w:-]+)\]|\[([^\]]+)\]\((https?:\/\/[^\s()]+|[\w-]+\.(?:html|csv))\)|\*([^\s*](?:[^*]*[^\s*])?)\*/g;

/** A formula as MathML, which browsers show without a library. */
type Typesetter = (source: string, display: "inline" | "block") => string;

/** TypeScript as HTML with classes. */
type Highlighter = (code: string) => string;

async function openTypesetter(): Promise<Typesetter> {
  const { default: temml } = await import("temml");
  return (source, display) => {
    try {
      return temml.renderToString(source, { displayMode: display === "block", throwOnError: true });
    } catch (error) {
      throw new SyntaxError(
        `Cannot typeset a formula as it must be TeX (${
          (error as Error).message
        }): current formula is ${source}`,
      );
    }
  };
}

async function openHighlighter(): Promise<Highlighter> {
  const [{ default: highlighter }, { default: typescript }] = await Promise.all([
    import("highlight.js/lib/core"),
    import("highlight.js/lib/languages/typescript"),
  ]);
  highlighter.registerLanguage("typescript", typescript);
  return (code) => highlighter.highlight(code, { language: "typescript" }).value.replace(/\n+$/, "");
}

/** Turns texts into HTML, and numbers the works that they cite. */
class Writer {
  readonly #works: Reference[] = [];

  constructor(
    readonly formula: Typesetter,
    readonly highlight: Highlighter,
    references: readonly (Reference | WorkKey)[],
  ) {
    for (const one of references) {
      const work = typeof one === "string" ? workOf(one) : one;
      if (work === undefined) throw unknownWork(String(one));
      this.#works.push(work);
    }
  }

  /** The works listed and cited so far, by their numbers. */
  get works(): readonly Reference[] {
    return this.#works;
  }

  inline(text: string): string {
    let html = "", at = 0;
    for (const match of text.matchAll(INLINE)) {
      const [all, code, math, key, words, url, emphasis] = match;
      html += escape(text.slice(at, match.index));
      at = match.index + all.length;
      if (code !== undefined) html += `<code>${escape(code)}</code>`;
      else if (math !== undefined) html += this.formula(math, "inline");
      else if (key !== undefined) html += this.#citation(key);
      else if (words !== undefined) html += link(url, words);
      else html += `<em>${escape(emphasis)}</em>`;
    }
    return html + escape(text.slice(at));
  }

  #citation(key: string): string {
    let index = this.#works.findIndex((work) => work.key === key);
    if (index < 0) {
      const work = workOf(key);
      if (work === undefined) throw unknownWork(key);
      index = this.#works.push(work) - 1;
    }
    return `<a href="#reference-${index + 1}">[${index + 1}]</a>`;
  }

  async block(block: Block): Promise<string> {
    switch (block.kind) {
      case "paragraph":
        return `<p>${this.inline(block.text)}</p>`;
      case "list":
        return `<ul>${block.items.map((item) => `<li>${this.inline(item)}</li>`).join("")}</ul>`;
      case "terms": {
        const items = block.terms.map(({ term, text }) =>
          `<div><dt>${this.inline(term)}</dt><dd>${this.inline(text)}</dd></div>`
        );
        return `<dl class="terms">${items.join("\n")}</dl>`;
      }
      case "formula": {
        const meaning = block.text === undefined ? "" : `<p class="meaning">${this.inline(block.text)}</p>`;
        return `<div class="formula scroll" tabindex="0">${
          this.formula(block.formula, "block")
        }</div>${meaning}`;
      }
      case "table":
        return this.#table(block.table);
      case "code":
        return this.#figure(`<pre><code>${this.highlight(block.code)}</code></pre>`, block.caption);
      case "marked":
        return this.#figure(markedText(block.lines, block), block.caption);
      case "picture":
        return this.#figure(picture(block.png, block.alt), block.caption);
      case "plot":
        return this.#figure(await drawPlot(block.plot, Object.values(PLOT_WIDTHS)), block.caption);
      case "panels":
        return this.#figure(await panelsHtml(block.panels, block.columns), block.caption);
      case "sheet":
        return this.#figure(sheetHtml(block.sheet, block), block.caption);
      case "melodies":
        return this.#figure(melodiesHtml(block.melodies, await openEngraver()), block.caption);
    }
  }

  #figure(content: string, caption: string | undefined): string {
    const line = caption === undefined ? "" : `<figcaption>${this.inline(caption)}</figcaption>`;
    return `<figure>${content}${line}</figure>`;
  }

  #table(table: Table): string {
    const { columns, rows, total, caption } = table;
    for (const row of total === undefined ? rows : [...rows, total]) {
      if (row.length !== columns.length) {
        throw new RangeError(
          `Cannot set a table as each row must have ${columns.length} cells: current row is ${
            row.join(" | ")
          }`,
        );
      }
    }
    const numeric = columns.map((_, column) =>
      rows.length > 0 && rows.every((row) => typeof row[column] === "number")
    );
    const classes = columns.map((_, column) => {
      if (numeric[column]) return ` class="number"`;
      return rows.some((row) => isSentence(row[column])) ? ` class="words"` : "";
    });
    const cells = (row: readonly (string | number)[], tag: string) =>
      row.map((cell, column) =>
        `<${tag}${classes[column]}>${typeof cell === "number" ? number(cell) : this.inline(cell)}</${tag}>`
      ).join("");
    const body = rows.map((row) => `<tr>${cells(row, "td")}</tr>`).join("\n");
    const foot = total === undefined ? "" : `<tfoot><tr>${cells(total, "td")}</tr></tfoot>`;
    const html = `${table.search ? SEARCH_BAR : ""}<div class="scroll" tabindex="0"><table><thead><tr>${
      cells(columns, "th")
    }</tr></thead>\n<tbody>${body}</tbody>${foot}</table></div>`;
    const folded = table.summary === undefined
      ? html
      : `<details><summary>${this.inline(table.summary)}</summary>${html}</details>`;
    return this.#figure(folded, caption);
  }
}

/** A column with a sentence is broken into lines, others are not. */
function isSentence(cell: string | number): boolean {
  return typeof cell === "string" && cell.length > 48;
}

function unknownWork(key: string): RangeError {
  return new RangeError(
    `Cannot cite a work as its key must be in the bibliography or among the references: current key is ${key}`,
  );
}

/** Between the columns of a figure, in pixels. */
const PANEL_GAP = 24;

async function panelsHtml(panels: readonly Panel[], columns = 2): Promise<string> {
  const width = Math.floor((PLOT_WIDTHS.wide - (columns - 1) * PANEL_GAP) / columns);
  // What would shrink too much on a telephone is drawn for it too.
  const widths = width > 1.1 * PLOT_WIDTHS.narrow ? [width, PLOT_WIDTHS.narrow] : [width];
  const cells = await Promise.all(panels.map(async (panel) => {
    const title = panel.title === undefined ? "" : `<p class="plot-title">${escape(panel.title)}</p>`;
    const content = "plot" in panel ? await drawPlot(panel.plot, widths) : panelImage(panel, width);
    return `<div class="panel">${title}${content}</div>`;
  }));
  return `<div class="panels" style="--columns:${columns};--width:${width}px">${cells.join("\n")}</div>`;
}

function panelImage(
  { image, title = "" }: { readonly image: Image; readonly title?: string },
  width: number,
): string {
  const scale = Math.max(1, Math.floor(width / image.shape[1]));
  return `<div class="tile">${imageHtml(image, { scale, alt: title })}</div>`;
}

function link(url: string, words: string): string {
  return `<a href="${escape(url)}" rel="noreferrer">${escape(words)}</a>`;
}

function picture(png: Uint8Array, alt: string): string {
  const { width, height } = pngSize(png);
  return `<img src="data:image/png;base64,${png.toBase64()}" width="${width}" height="${height}" alt="${
    escape(alt)
  }">`;
}

function configurationTable(configuration: Readonly<Record<string, unknown>>): string {
  const rows = Object.entries(configuration).map(([name, value]) => {
    const text = typeof value === "string" ? value : JSON.stringify(value) ?? "";
    return `<div><dt>${escape(name)}</dt><dd>${escape(text)}</dd></div>`;
  });
  return `<dl class="configuration">${rows.join("\n")}</dl>`;
}

function referenceList(references: readonly Reference[]): string {
  const items = references.map((work, index) => {
    if (work.url !== undefined && !/^https?:\/\//.test(work.url)) {
      throw new TypeError(
        `Cannot list a reference as its url must start with https:// : current value is ${work.url}`,
      );
    }
    const title = work.url === undefined ? escape(work.title) : link(work.url, work.title);
    const venue = work.venue === undefined ? "" : ` ${escape(work.venue)}.`;
    return `<li id="reference-${index + 1}">${
      escape(work.authors)
    } (${work.year}). <cite>${title}</cite>.${venue}</li>`;
  });
  return `<ol class="references">${items.join("\n")}</ol>`;
}

/** What stands between these lines of a page is its content without its title. */
const BEGIN = "<!-- sections -->", END = "<!-- end of sections -->";

/** The sections of a page that `htmlReport` wrote, as a section of another one; undefined where it is another page. */
function partHtml({ name, html }: { readonly name: string; readonly html: string }): string | undefined {
  const from = html.indexOf(BEGIN), to = html.lastIndexOf(END);
  if (from < 0 || to < from) return undefined;
  return html.slice(from + BEGIN.length, to)
    .replace(/<nav>[^]*?<\/nav>/, "")
    .replaceAll(/(id="|href="#)(?=section-|reference-)/g, `$1${name}-`)
    .replaceAll(/<(\/?)h2>/g, "<$1h3>");
}

/** The terms that stand in texts, or in what is said of those. */
function usedTerms(glossary: readonly Term[], html: readonly string[]): readonly Term[] {
  let words = html.join(" ").replace(/<[^>]*>/g, " ");
  const used = new Set<Term>();
  for (let before = -1; before < used.size;) {
    before = used.size;
    for (const one of glossary) {
      if (used.has(one) || !new RegExp(`\\b${one.term}s?\\b`, "i").test(words)) continue;
      used.add(one);
      words += ` ${one.text}`;
    }
  }
  return glossary.filter((one) => used.has(one));
}

/** Control characters as the signs that stand for them: a page with them is no HTML. */
function printable(html: string): string {
  // deno-lint-ignore no-control-regex
  return html.replace(/[\0-\x08\x0b-\x1f\x7f-\x9f]/g, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : code === 0x7f ? "␡" : "�";
  }).toWellFormed();
}

/** The scripts that a page needs, and the policy that allows these alone. */
async function scriptsOf(html: string): Promise<{ readonly element: string; readonly policy: string }> {
  const script = (html.includes(`<form class="filter"`) ? FILTER_SCRIPT : "") +
    (html.includes(SEARCH_BAR) ? SEARCH_SCRIPT : "") +
    (html.includes("data-tones=") ? MELODY_SCRIPT : "");
  if (script === "") return { element: "", policy: "" };
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(script));
  return {
    element: `<script>${script}</script>\n`,
    policy: `; script-src 'sha256-${new Uint8Array(digest).toBase64()}'`,
  };
}

/**
 * The report as the text of one self-contained HTML file. Equal reports give equal text.
 *
 * @throws {RangeError} where a work is cited that nobody knows, or a table or a plot does not fit together.
 * @throws {SyntaxError} where a formula is no TeX.
 */
export async function htmlReport(report: Report): Promise<string> {
  const { title, abstract, figures = [], sections, references = [], configuration, command } = report;
  const writer = new Writer(await openTypesetter(), await openHighlighter(), references);
  const lead = writer.inline(abstract);
  const cards = figures.map(({ label, value, note }) =>
    `<div class="card"><div class="label">${writer.inline(label)}</div><div class="value">${
      escape(value)
    }</div>${note === undefined ? "" : `<div class="note">${writer.inline(note)}</div>`}</div>`
  );
  // Titles as HTML.
  const parts: { readonly title: string; readonly html: string }[] = [];
  for (const section of sections) {
    const blocks: string[] = [];
    for (const block of section.blocks) blocks.push(await writer.block(block));
    parts.push({ title: escape(section.title), html: blocks.join("\n") });
  }
  const { parts: inside = [] } = report;
  // Dozens of runs may differ in their draws alone: those with one title share a section.
  const titled = new Map<string, { readonly name: string; readonly html: string }[]>();
  for (const part of inside) {
    const html = partHtml(part);
    if (html === undefined) continue;
    const title = /<title>([^<]*)</.exec(part.html)?.[1] ?? escape(part.name);
    titled.set(title, [...titled.get(title) ?? [], { name: escape(part.name), html }]);
  }
  for (const [title, alike] of titled) {
    const open = inside.length === 1 ? " open" : "";
    parts.push({
      title,
      html: alike.map(({ name, html }) =>
        `<details class="part"${open}><summary>${
          alike.length === 1 ? "the whole report" : name
        }</summary>${html}</details>`
      ).join("\n"),
    });
  }
  const explained = usedTerms(report.glossary ?? [], [lead, ...cards, ...parts.map(({ html }) => html)]);
  if (explained.length > 0) {
    parts.push({ title: "Words", html: await writer.block({ kind: "terms", terms: explained }) });
  }
  const reproduction =
    (command === undefined
      ? ""
      : `<p>This result is made again with</p>\n<pre class="command"><code>${escape(command)}</code></pre>`) +
    (configuration === undefined ? "" : configurationTable(configuration));
  if (reproduction !== "") parts.push({ title: "Configuration and reproduction", html: reproduction });
  if (writer.works.length > 0) parts.push({ title: "References", html: referenceList(writer.works) });

  const contents = parts.map((part, index) => `<a href="#section-${index + 1}">${part.title}</a>`);
  const body = parts.map((part, index) =>
    `<section id="section-${index + 1}">\n<h2>${part.title}</h2>\n${part.html}\n</section>`
  ).join("\n");
  const { element: script, policy } = await scriptsOf(body);
  return printable(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'${policy}">
<meta name="color-scheme" content="light dark">
<title>${escape(title)}</title>
<style>
${REPORT_STYLE}</style>
</head>
<body>
<main>
<h1>${escape(title)}</h1>
${BEGIN}
<p class="abstract">${lead}</p>
${cards.length === 0 ? "" : `<div class="cards">\n${cards.join("\n")}\n</div>\n`}<nav>${
    contents.join("\n")
  }</nav>
${body}
${END}
</main>
${script}</body>
</html>
`);
}
