/**
 * Reports: one HTML file that shows itself from the disk, without a network and without a script.
 *
 * Texts may hold `code` in backticks, *emphasis* in asterisks, formulas between dollar signs (see formula.ts), links
 * as [words](https://...), and citations as [@key]. Everything else stands for itself.
 */
import { escape } from "./escape.ts";
import { formula } from "./formula.ts";
import { type MarkedLine, markedText } from "./marked.ts";
import { type LinePlot, linePlot } from "./plot.ts";
import { pngSize } from "./png.ts";
import { REPORT_STYLE } from "./style.ts";

/** A table; a column whose cells are all numbers is set flush right. */
export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
  /** A last row, set apart: totals. */
  readonly total?: readonly (string | number)[];
  readonly caption?: string;
}

/** A piece of a section. */
export type Block =
  | { readonly kind: "paragraph"; readonly text: string }
  | { readonly kind: "list"; readonly items: readonly string[] }
  /** In formula.ts's notation; `text` says what its letters mean. */
  | { readonly kind: "formula"; readonly formula: string; readonly text?: string }
  | { readonly kind: "table"; readonly table: Table }
  /** TypeScript. */
  | { readonly kind: "code"; readonly code: string; readonly caption?: string }
  /** Lines with marked stretches. */
  | { readonly kind: "marked"; readonly lines: readonly MarkedLine[]; readonly caption?: string }
  /** `alt` says in words what the PNG shows. */
  | { readonly kind: "picture"; readonly png: Uint8Array; readonly alt: string; readonly caption?: string }
  | { readonly kind: "plot"; readonly plot: LinePlot; readonly caption?: string };

/** Blocks under one heading. */
export interface Section {
  readonly title: string;
  readonly blocks: readonly Block[];
}

/** A number that the reader came for. */
export interface KeyFigure {
  readonly label: string;
  readonly value: string;
  /** For example its interval, or what it is a share of. */
  readonly note?: string;
}

/** A work that texts cite as [@key]. */
export interface Reference {
  readonly key: string;
  readonly authors: string;
  readonly year: number;
  readonly title: string;
  /** Journal, conference or archive number. */
  readonly venue?: string;
  readonly url?: string;
}

/** A whole report. */
export interface Report {
  readonly title: string;
  /** One paragraph. */
  readonly abstract: string;
  readonly figures?: readonly KeyFigure[];
  readonly sections: readonly Section[];
  readonly references?: readonly Reference[];
  /** What `config.json` holds. */
  readonly configuration?: Readonly<Record<string, unknown>>;
  /** The command line that makes this result again. */
  readonly command?: string;
}

const INLINE =
  /`([^`]+)`|\$([^$]+)\$|\[@([\w:-]+)\]|\[([^\]]+)\]\((https?:\/\/[^\s()]+)\)|\*([^\s*](?:[^*]*[^\s*])?)\*/g;

/** Turns texts into HTML; knows the references' numbers. */
class Writer {
  readonly #numbers: ReadonlyMap<string, number>;

  constructor(references: readonly Reference[]) {
    this.#numbers = new Map(references.map(({ key }, index) => [key, index + 1]));
  }

  inline(text: string): string {
    let html = "", at = 0;
    for (const match of text.matchAll(INLINE)) {
      const [all, code, math, key, words, url, emphasis] = match;
      html += escape(text.slice(at, match.index));
      at = match.index + all.length;
      if (code !== undefined) html += `<code>${escape(code)}</code>`;
      else if (math !== undefined) html += formula(math, "inline");
      else if (key !== undefined) html += this.#citation(key);
      else if (words !== undefined) html += link(url, words);
      else html += `<em>${escape(emphasis)}</em>`;
    }
    return html + escape(text.slice(at));
  }

  #citation(key: string): string {
    const number = this.#numbers.get(key);
    if (number === undefined) {
      throw new RangeError(
        `Cannot cite a work as its key must be among the references: current key is ${key}`,
      );
    }
    return `<a href="#reference-${number}">[${number}]</a>`;
  }

  block(block: Block): string {
    switch (block.kind) {
      case "paragraph":
        return `<p>${this.inline(block.text)}</p>`;
      case "list":
        return `<ul>${block.items.map((item) => `<li>${this.inline(item)}</li>`).join("")}</ul>`;
      case "formula": {
        const meaning = block.text === undefined ? "" : `<p class="meaning">${this.inline(block.text)}</p>`;
        return `<div class="formula scroll">${formula(block.formula, "block")}</div>${meaning}`;
      }
      case "table":
        return this.#table(block.table);
      case "code":
        return this.#figure(`<pre><code>${highlight(block.code)}</code></pre>`, block.caption);
      case "marked":
        return this.#figure(markedText(block.lines), block.caption);
      case "picture":
        return this.#figure(picture(block.png, block.alt), block.caption);
      case "plot":
        return this.#figure(`<div class="scroll plot">${linePlot(block.plot)}</div>`, block.caption);
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
    const cells = (row: readonly (string | number)[], tag: string) =>
      row.map((cell, column) =>
        `<${tag}${numeric[column] ? ` class="number"` : ""}>${
          typeof cell === "number" ? number(cell) : this.inline(cell)
        }</${tag}>`
      ).join("");
    const body = rows.map((row) => `<tr>${cells(row, "td")}</tr>`).join("\n");
    const foot = total === undefined ? "" : `<tfoot><tr>${cells(total, "td")}</tr></tfoot>`;
    return this.#figure(
      `<div class="scroll"><table><thead><tr>${
        cells(columns, "th")
      }</tr></thead>\n<tbody>${body}</tbody>${foot}</table></div>`,
      caption,
    );
  }
}

/** A number in a table: whole ones in full, others with four significant digits at least. */
function number(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "not a number" : value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  const text = Number.isInteger(value) || size >= 1000
    ? size.toLocaleString("en", { maximumFractionDigits: 1 })
    : size < 1e-4
    ? size.toExponential(3)
    : String(Number(size.toPrecision(4)));
  return value < 0 ? `−${text}` : text;
}

function link(url: string, words: string): string {
  return `<a href="${escape(url)}" rel="noreferrer">${escape(words)}</a>`;
}

function picture(png: Uint8Array, alt: string): string {
  const { width, height } = pngSize(png);
  // On a telephone a wide sheet is scrolled, not shrunk until nothing is seen.
  return `<div class="scroll"><img src="data:image/png;base64,${png.toBase64()}" width="${width}" height="${height}" ` +
    `style="min-width:min(${width}px,36rem)" alt="${escape(alt)}"></div>`;
}

const TYPESCRIPT =
  /(\/\*[^]*?\*\/|\/\/[^\n]*)|("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\b(as|async|await|break|case|class|const|continue|default|else|export|extends|false|for|from|function|if|implements|import|in|interface|let|new|null|of|readonly|return|static|switch|this|throw|true|type|typeof|undefined|while|yield)\b|\b(\d[\d_.]*(?:e[+-]?\d+)?)\b/g;

function highlight(code: string): string {
  let html = "", at = 0;
  for (const match of code.matchAll(TYPESCRIPT)) {
    const [all, comment, string, keyword] = match;
    const style = comment !== undefined
      ? "c"
      : string !== undefined
      ? "s"
      : keyword !== undefined
      ? "k"
      : "n";
    html += `${escape(code.slice(at, match.index))}<span class="${style}">${escape(all)}</span>`;
    at = match.index + all.length;
  }
  return (html + escape(code.slice(at))).replace(/\n+$/, "");
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

/** The report as the text of one self-contained HTML file. Equal reports give equal text. */
export function htmlReport(report: Report): string {
  const { title, abstract, figures = [], sections, references = [], configuration, command } = report;
  const writer = new Writer(references);
  const parts = sections.map((section) => ({
    title: section.title,
    html: section.blocks.map((block) => writer.block(block)).join("\n"),
  }));
  const reproduction =
    (command === undefined
      ? ""
      : `<p>This result is made again with</p>\n<pre class="command"><code>${escape(command)}</code></pre>`) +
    (configuration === undefined ? "" : configurationTable(configuration));
  if (reproduction !== "") parts.push({ title: "Configuration and reproduction", html: reproduction });
  if (references.length > 0) parts.push({ title: "References", html: referenceList(references) });

  const cards = figures.map(({ label, value, note }) =>
    `<div class="card"><div class="label">${writer.inline(label)}</div><div class="value">${
      escape(value)
    }</div>${note === undefined ? "" : `<div class="note">${writer.inline(note)}</div>`}</div>`
  );
  const contents = parts.map((part, index) => `<a href="#section-${index + 1}">${escape(part.title)}</a>`);
  const body = parts.map((part, index) =>
    `<section id="section-${index + 1}">\n<h2>${escape(part.title)}</h2>\n${part.html}\n</section>`
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">
<title>${escape(title)}</title>
<style>
${REPORT_STYLE}</style>
</head>
<body>
<main>
<header>
<h1>${escape(title)}</h1>
<p class="abstract">${writer.inline(abstract)}</p>
${cards.length === 0 ? "" : `<div class="cards">\n${cards.join("\n")}\n</div>\n`}<nav>${
    contents.join("\n")
  }</nav>
</header>
${body.join("\n")}
</main>
</body>
</html>
`;
}
