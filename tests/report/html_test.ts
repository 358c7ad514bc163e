import assert from "node:assert/strict";
import { htmlReport, type Report } from "../../report/html.ts";
import { encodePng } from "../../report/png.ts";

const HOSTILE = `<script>alert("1")</script> & 'x'`;
const png = encodePng({ width: 2, height: 3, pixels: new Uint8Array(18) });

const plot = { x: { label: "x" }, y: { label: "y" }, series: [{ name: "a", x: [1, 2], y: [1, 2] }] };

const report: Report = {
  title: "Title",
  abstract: "An *abstract* with `code` and $x_i$.",
  figures: [{ label: "memorized mass", value: "0.63", note: "exact" }],
  sections: [{
    title: "Section",
    blocks: [
      {
        kind: "paragraph",
        text: "As in [@zhao], see [their page](https://example.org/a?b=1&c=2) and [all](samples.html).",
      },
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
      { kind: "plot", plot },
      {
        kind: "panels",
        panels: [{ title: "(a)", plot }, {
          title: "(b)",
          image: { pixels: new Uint8Array(4), shape: [2, 2] },
        }],
        caption: "panels",
      },
      { kind: "terms", terms: [{ term: "code", text: "what is *kept*" }] },
      {
        kind: "sheet",
        sheet: {
          sections: [{
            caption: "images",
            tiles: ["memorized", "new"].map((kind, distance) => ({
              image: { pixels: new Uint8Array(4), shape: [2, 2] },
              kind,
              distance,
            })),
          }],
        },
      },
      {
        kind: "melodies",
        melodies: [{ title: "a melody", notes: [{ pitch: 60, ticks: 480 }], abc: "X:1\nL:1/4\nK:C\nC\n" }],
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
async function paragraph(text: string): Promise<string> {
  const html = await htmlReport({
    title: "t",
    abstract: "a",
    sections: [{ title: "s", blocks: [{ kind: "paragraph", text }] }],
  });
  return /<\/h2>\n<p>(.*)<\/p>/.exec(html)?.[1] ?? "";
}

Deno.test("htmlReport: nothing is loaded from anywhere; addresses stand in links alone", async () => {
  const html = await htmlReport(report);
  const outside = html.replaceAll(/<a href="https:\/\/[^"]*" rel="noreferrer">/g, "")
    .replaceAll(/xmlns(:xlink)?="http:\/\/www\.w3\.org\/[^"]*"/g, "");
  assert.doesNotMatch(outside, /https?:|url\(|@import|<link|<iframe|srcset|fetch\(|import\(/);
  for (const match of html.matchAll(/ (?:src|href)="([^"#][^"]*)"/g)) {
    assert.match(match[1], /^(data:image\/png;base64,|https:\/\/|samples\.html$)/);
  }
  assert.ok(html.includes('<a href="samples.html" rel="noreferrer">all</a>'));
  assert.match(html, /default-src 'none'/);
});

Deno.test("htmlReport: every text is escaped, wherever it stands", async () => {
  const table = { columns: [HOSTILE], rows: [[HOSTILE]], total: [HOSTILE], caption: HOSTILE };
  const image = { pixels: new Uint8Array(4), shape: [2, 2] };
  const hostilePlot = {
    title: HOSTILE,
    x: { label: HOSTILE },
    y: { label: HOSTILE },
    series: [{ name: HOSTILE, x: [1], y: [1] }],
    references: [{ value: 1, label: HOSTILE }],
  };
  const html = await htmlReport({
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
        { kind: "formula", formula: `\\text{<script>alert("1")</script>} < '"`, text: HOSTILE },
        { kind: "table", table },
        { kind: "code", code: `${HOSTILE}\n"<script>" // <script>`, caption: HOSTILE },
        { kind: "picture", png, alt: HOSTILE, caption: HOSTILE },
        { kind: "plot", plot: hostilePlot },
        {
          kind: "panels",
          panels: [{ title: HOSTILE, plot: hostilePlot }, { title: HOSTILE, image }],
          caption: HOSTILE,
        },
        { kind: "terms", terms: [{ term: HOSTILE, text: HOSTILE }] },
        {
          kind: "sheet",
          distance: HOSTILE,
          sheet: {
            sections: [{
              caption: HOSTILE,
              note: HOSTILE,
              legend: [{ colour: "#000000", text: HOSTILE }],
              tiles: [{ image, label: HOSTILE, kind: HOSTILE, distance: 1 }, {
                image,
                kind: "other",
                distance: 2,
              }],
            }],
          },
        },
        {
          kind: "melodies",
          melodies: [{
            title: HOSTILE,
            kind: HOSTILE,
            notes: [],
            abc: `X:1\nT:${HOSTILE}\nC:${HOSTILE}\nK:C\n"${HOSTILE}"C\nw:${HOSTILE}\n`,
          }],
        },
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
  // The page's own script, at its end, is another one.
  const body = html.slice(0, html.indexOf("</main>"));
  assert.doesNotMatch(body.replaceAll(/="[^"]*"/g, ""), /<script/);
  assert.doesNotMatch(body, /<[^>]*"1"\)/);
});

Deno.test("htmlReport: the page's own script is the only one that may run, and is there only where it is needed", async () => {
  const html = await htmlReport(report);
  const [[, script], ...others] = [...html.matchAll(/<script>([^]*?)<\/script>/g)];
  assert.equal(others.length, 0);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(script));
  assert.ok(html.includes(`script-src 'sha256-${new Uint8Array(digest).toBase64()}'`));
  new Function(script); // it is a program
  const still = await htmlReport({ title: "t", abstract: "a", sections: [] });
  assert.doesNotMatch(still, /script/);
});

Deno.test("htmlReport: control characters never reach the page", async () => {
  const html = await htmlReport({ ...report, title: "a\0b\x1b[31m\x7f\x85\ud800", command: "x\x07y" });
  assert.match(html, /<h1>a␀b␛\[31m␡��<\/h1>/);
  assert.match(html, /x␇y/);
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(html, /[\0-\x08\x0b-\x1f\x7f-\x9f]/);
});

Deno.test("htmlReport: a report inside another has its sections, its references and no second head", async () => {
  const inner = await htmlReport(report);
  const html = await htmlReport({
    title: "whole",
    abstract: "As in [@adam].",
    sections: [],
    parts: [{ name: "part", html: inner }, {
      name: "gone",
      html: "<p>other</p>",
    }],
  });
  assert.match(html, /<h2>Title<\/h2>/);
  assert.match(html, /<h3>Section<\/h3>/);
  assert.match(html, /As in <a href="#reference-1">\[1\]<\/a>\./);
  assert.match(html, /As in <a href="#part-reference-1">\[1\]<\/a>,/);
  assert.match(html, /<li id="part-reference-1">Zhao, Basu \(2025\)/);
  assert.equal([...html.matchAll(/<h1>|<nav>/g)].length, 2);
  assert.doesNotMatch(html, /gone|other/);
  const ids = [...html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
  assert.equal(new Set(ids).size, ids.length);
});

Deno.test("htmlReport: reports inside another that have one title share a section, each under its own name", async () => {
  const [same, other] = [await htmlReport(report), await htmlReport({ ...report, title: "Other" })];
  const parts = [["a", same], ["b", other], ["c", same]].map(([name, html]) => ({ name, html }));
  const html = await htmlReport({ title: "whole", abstract: "Of three.", sections: [], parts });
  const [, nav] = /<nav>([^]*?)<\/nav>/.exec(html)!;
  assert.deepEqual(
    [...nav.matchAll(/>([^<]+)</g)].map(([, title]) => title.trim()).filter(Boolean).slice(0, 2),
    [
      ...["Title", "Other"],
    ],
  );
  assert.deepEqual([...html.matchAll(/<summary>([^<]*)<\/summary>/g)].map(([, summary]) => summary), [
    ...["a", "c", "the whole report"],
  ]);
});

Deno.test("htmlReport: formulas of TeX; what is none is an error that shows it", async () => {
  assert.match(await paragraph("$\\frac{1}{n} \\sum_i \\|x_i\\|$"), /<mfrac>.*∑/);
  await assert.rejects(() => paragraph("$\\frac{1$"), /current formula is \\frac\{1/);
});

Deno.test("htmlReport: every formula of the project's programs is TeX", async () => {
  const formulas: string[] = [];
  for (const folder of ["models", "tasks", "run"]) {
    for (const file of sources(new URL(`../../${folder}/`, import.meta.url))) {
      const text = Deno.readTextFileSync(file);
      for (const [, raw, plain] of text.matchAll(/formula: (?:String\.raw`([^`]*)`|"([^"]*)")/g)) {
        formulas.push((raw ?? plain.replaceAll("\\\\", "\\")).replace(/\$\{\w+\}/g, "16"));
      }
    }
  }
  assert.ok(formulas.length >= 4);
  const blocks = formulas.map((formula) => ({ kind: "formula" as const, formula }));
  const html = await htmlReport({ title: "t", abstract: "a", sections: [{ title: "s", blocks }] });
  assert.equal([...html.matchAll(/<math /g)].length, formulas.length);
});

function* sources(folder: URL): Generator<URL> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) yield* sources(new URL(`${name}/`, folder));
    else if (name.endsWith(".ts")) yield new URL(name, folder);
  }
}

Deno.test("htmlReport: works are listed in the order given, then as cited; the bibliography knows the others", async () => {
  const html = await htmlReport({
    title: "t",
    abstract: "[@gru] and [@lstm] and [@gru]",
    sections: [],
    references: ["adam"],
  });
  const listed = [...html.matchAll(/<li id="reference-\d">(\w+)/g)].map(([, author]) => author);
  assert.deepEqual(listed, ["Kingma", "Cho", "Hochreiter"]);
});

Deno.test("htmlReport: elements are closed in order", async () => {
  const open: string[] = [];
  for (const match of (await htmlReport(report)).matchAll(/<(\/?)([a-z][a-z0-9]*)([^>]*)>/g)) {
    const [, slash, name, rest] = match;
    if (["meta", "img", "input"].includes(name) || rest.endsWith("/")) continue;
    if (slash === "") open.push(name);
    else assert.equal(open.pop(), name, `at ${match.index}`);
  }
  assert.deepEqual(open, []);
});

Deno.test("htmlReport: marks in texts", async () => {
  assert.equal(await paragraph("*a b* and 3 * 4 * 5"), "<em>a b</em> and 3 * 4 * 5");
  assert.equal(await paragraph("`a*b*c` [1, 2]"), "<code>a*b*c</code> [1, 2]");
  assert.equal(await paragraph("[x](javascript:alert)"), "[x](javascript:alert)");
  assert.match(await paragraph("$x_i$"), /^<math>/);
});

Deno.test("htmlReport: citations are numbered links; an unknown one is an error", async () => {
  assert.match(await htmlReport(report), /As in <a href="#reference-1">\[1\]<\/a>/);
  await assert.rejects(() => paragraph("[@nobody]"), /current key is nobody/);
  const references = [{ key: "a", authors: "A", year: 1, title: "T", url: "javascript:alert(1)" }];
  await assert.rejects(
    () => htmlReport({ ...report, references: [...report.references ?? [], ...references] }),
    TypeError,
  );
});

Deno.test("htmlReport: numbers in tables are written out and set flush right", async () => {
  const html = await htmlReport(report);
  assert.match(html, /<th class="number">parameters<\/th>/);
  assert.match(html, /<td class="number">18,496<\/td>/);
  assert.match(html, /<tfoot><tr><td>all<\/td><td class="number">18,499<\/td>/);
  const rows = [[0.123456], [-1234.56], [1e-7], [NaN], [0]];
  const table = { columns: ["value"], rows };
  const cells = await htmlReport({
    ...report,
    sections: [{ title: "s", blocks: [{ kind: "table", table }, ...report.sections[0].blocks] }],
  });
  const shown = [...cells.matchAll(/<td class="number">([^<]*)</g)].map((match) => match[1]).slice(
    0,
    rows.length,
  );
  assert.deepEqual(shown, ["0.1235", "−1,234.6", "1.000e-7", "not a number", "0"]);
  await assert.rejects(
    () =>
      htmlReport({
        ...report,
        sections: [{ title: "s", blocks: [{ kind: "table", table: { columns: ["a"], rows: [[1, 2]] } }] }],
      }),
    /must have 1 cells/,
  );
});

Deno.test("htmlReport: a column with a sentence is set as words, and a long table is opened by a click", async () => {
  const sentence = "This cell is longer than any name or number that a table has.";
  const table = { columns: ["a", "b"], rows: [["x", sentence], ["y", "short"]], summary: "all <2>" };
  const html = await htmlReport({
    ...report,
    sections: [{ title: "t", blocks: [{ kind: "table", table }] }],
  });
  assert.match(html, /<td>y<\/td><td class="words">short<\/td>/);
  assert.match(html, /<details><summary>all &lt;2&gt;<\/summary><div class="scroll"/);
});

Deno.test("htmlReport: a picture keeps its size, equal reports are equal text", async () => {
  const html = await htmlReport(report);
  assert.match(html, /width="2" height="3" alt="a sheet"/);
  assert.ok(html.includes(png.toBase64()));
  assert.equal(html, await htmlReport(structuredClone(report)));
});
