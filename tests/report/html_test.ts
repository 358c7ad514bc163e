import assert from "node:assert/strict";
import { htmlReport, type Report } from "../../report/html.ts";
import { encodePng } from "../../report/png.ts";

const HOSTILE = `<script>alert("1")</script> & 'x'`;
const png = encodePng({ width: 2, height: 3, pixels: new Uint8Array(18) });

const report: Report = {
  title: "Title",
  abstract: "An *abstract* with `code` and $x_i$.",
  figures: [{ label: "memorized mass", value: "0.63", note: "exact" }],
  sections: [{
    title: "Section",
    blocks: [
      { kind: "paragraph", text: "As in [@zhao], see [their page](https://example.org/a?b=1&c=2)." },
      { kind: "list", items: ["one", "two"] },
      { kind: "formula", formula: "p(Z) = \\prod_i p(z_i \\mid z_{<i})", text: "where $Z$ is a sequence" },
      {
        kind: "table",
        table: {
          columns: ["layer", "parameters"],
          rows: [["dense", 18496], ["sign", 3]],
          total: ["all", 18499],
        },
      },
      { kind: "code", code: `const a = "<b>"; // 1 < 2\n`, caption: "code" },
      { kind: "picture", png, alt: "a sheet", caption: "picture" },
      {
        kind: "plot",
        plot: { x: { label: "x" }, y: { label: "y" }, series: [{ name: "a", x: [1, 2], y: [1, 2] }] },
      },
    ],
  }],
  references: [
    {
      key: "zhao",
      authors: "Zhao, Basu",
      year: 2025,
      title: "A title",
      url: "https://arxiv.org/abs/2506.21731",
    },
  ],
  configuration: { seed: 0, hidden: [1, 2], name: HOSTILE },
  command: "deno task train --seed 0",
};

/** The report with one paragraph. */
function paragraph(text: string): string {
  const html = htmlReport({
    title: "t",
    abstract: "a",
    sections: [{ title: "s", blocks: [{ kind: "paragraph", text }] }],
  });
  return /<\/h2>\n<p>(.*)<\/p>/.exec(html)?.[1] ?? "";
}

Deno.test("htmlReport: nothing is loaded from anywhere; addresses stand in links alone", () => {
  const html = htmlReport(report);
  const outside = html.replaceAll(/<a href="https:\/\/[^"]*" rel="noreferrer">/g, "")
    .replaceAll('xmlns="http://www.w3.org/2000/svg"', "");
  assert.doesNotMatch(outside, /https?:|url\(|@import|<script|<link|<iframe|srcset/);
  for (const match of html.matchAll(/src="([^"]*)"/g)) assert.match(match[1], /^data:image\/png;base64,/);
  assert.match(html, /default-src 'none'/);
});

Deno.test("htmlReport: every text is escaped, wherever it stands", () => {
  const table = { columns: [HOSTILE], rows: [[HOSTILE]], total: [HOSTILE], caption: HOSTILE };
  const html = htmlReport({
    title: HOSTILE,
    abstract: HOSTILE,
    figures: [{ label: HOSTILE, value: HOSTILE, note: HOSTILE }],
    sections: [{
      title: HOSTILE,
      blocks: [
        {
          kind: "paragraph",
          text: `${HOSTILE} \`${HOSTILE}\` *${HOSTILE}* [${HOSTILE}](https://a.org/"><script>)`,
        },
        { kind: "list", items: [HOSTILE] },
        { kind: "formula", formula: `\\text{${HOSTILE}} < '"`, text: HOSTILE },
        { kind: "table", table },
        { kind: "code", code: `${HOSTILE}\n"<script>" // <script>`, caption: HOSTILE },
        { kind: "picture", png, alt: HOSTILE, caption: HOSTILE },
        { kind: "plot", plot: { title: HOSTILE, x: { label: HOSTILE }, y: { label: HOSTILE }, series: [] } },
      ],
    }],
    references: [{
      key: "a",
      authors: HOSTILE,
      year: 1,
      title: HOSTILE,
      venue: HOSTILE,
      url: `https://a.org/${HOSTILE}`,
    }],
    configuration: { [HOSTILE]: HOSTILE, other: [HOSTILE] },
    command: HOSTILE,
  });
  assert.doesNotMatch(html, /<script/);
  assert.doesNotMatch(html, /"1"\)/);
});

Deno.test("htmlReport: elements are closed in order", () => {
  const open: string[] = [];
  for (const match of htmlReport(report).matchAll(/<(\/?)([a-z][a-z0-9]*)([^>]*)>/g)) {
    const [, slash, name, rest] = match;
    if (["meta", "img"].includes(name) || rest.endsWith("/")) continue;
    if (slash === "") open.push(name);
    else assert.equal(open.pop(), name, `at ${match.index}`);
  }
  assert.deepEqual(open, []);
});

Deno.test("htmlReport: marks in texts", () => {
  assert.equal(paragraph("*a b* and 3 * 4 * 5"), "<em>a b</em> and 3 * 4 * 5");
  assert.equal(paragraph("`a*b*c` [1, 2]"), "<code>a*b*c</code> [1, 2]");
  assert.equal(paragraph("[x](javascript:alert)"), "[x](javascript:alert)");
  assert.match(paragraph("$x_i$"), /^<math display="inline">/);
});

Deno.test("htmlReport: citations are numbered links; an unknown one is an error", () => {
  assert.match(htmlReport(report), /As in <a href="#reference-1">\[1\]<\/a>/);
  assert.throws(() => paragraph("[@nobody]"), /current key is nobody/);
  const references = [{ key: "a", authors: "A", year: 1, title: "T", url: "javascript:alert(1)" }];
  assert.throws(
    () => htmlReport({ ...report, references: [...report.references ?? [], ...references] }),
    TypeError,
  );
});

Deno.test("htmlReport: numbers in tables are written out and set flush right", () => {
  const html = htmlReport(report);
  assert.match(html, /<th class="number">parameters<\/th>/);
  assert.match(html, /<td class="number">18,496<\/td>/);
  assert.match(html, /<tfoot><tr><td>all<\/td><td class="number">18,499<\/td>/);
  const rows = [[0.123456], [-1234.56], [1e-7], [NaN], [0]];
  const table = { columns: ["value"], rows };
  const cells = htmlReport({
    ...report,
    sections: [{ title: "s", blocks: [{ kind: "table", table }, ...report.sections[0].blocks] }],
  });
  const shown = [...cells.matchAll(/<td class="number">([^<]*)</g)].map((match) => match[1]).slice(
    0,
    rows.length,
  );
  assert.deepEqual(shown, ["0.1235", "−1,234.6", "1.000e-7", "not a number", "0"]);
  assert.throws(
    () =>
      htmlReport({
        ...report,
        sections: [{ title: "s", blocks: [{ kind: "table", table: { columns: ["a"], rows: [[1, 2]] } }] }],
      }),
    /must have 1 cells/,
  );
});

Deno.test("htmlReport: a picture keeps its size, equal reports are equal text", () => {
  const html = htmlReport(report);
  assert.match(html, /width="2" height="3" style="min-width:min\(2px,36rem\)" alt="a sheet"/);
  assert.ok(html.includes(png.toBase64()));
  assert.equal(html, htmlReport(structuredClone(report)));
});
