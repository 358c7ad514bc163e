/** The style sheet of reports: reads on a telephone, on paper, by day and by night. */
export const REPORT_STYLE = `
:root {
  --paper: #fbfbf9; --card: #ffffff; --ink: #1f2127; --muted: #5f636e; --rule: #dfdfda; --accent: #1f6fb2;
  --code: #f3f3ef; --comment: #6b7280; --string: #1a7f5a; --keyword: #8a3fa0; --number: #b4541a; --shade: #00000038;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15171b; --card: #1c1f25; --ink: #e4e5e8; --muted: #a0a4ae; --rule: #33373f; --accent: #6cb3ee;
    --code: #1c1f25; --comment: #8b919d; --string: #6fcfa4; --keyword: #cf9be0; --number: #eda36f; --shade: #000000b0;
  }
}
* { box-sizing: border-box; }
html { background: var(--paper); color: var(--ink); color-scheme: light dark; -webkit-text-size-adjust: 100%; }
body { margin: 0; font: 1rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 66rem; margin: 0 auto; padding: 2.5rem 1.5rem 4rem; }
h1 { font-size: clamp(1.6rem, 1.2rem + 2vw, 2.3rem); line-height: 1.2; letter-spacing: -0.015em; margin: 0 0 1rem; }
h2 { font-size: 1.3rem; line-height: 1.3; margin: 3rem 0 0.8rem; padding-top: 1rem; border-top: 1px solid var(--rule); }
p, ul, ol { max-width: 44rem; margin: 0.8rem 0; }
ul, ol { padding-left: 1.4rem; }
li { margin: 0.3rem 0; }
.abstract { font-size: 1.08rem; color: var(--muted); max-width: 48rem; margin-bottom: 1.6rem; }
a { color: var(--accent); text-decoration-thickness: 1px; text-underline-offset: 0.15em; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(10.5rem, 1fr)); gap: 0.8rem; margin: 1.6rem 0; }
.card { background: var(--card); border: 1px solid var(--rule); border-radius: 0.6rem; padding: 0.8rem 1rem; }
.card .label { color: var(--muted); font-size: 0.85rem; line-height: 1.35; }
.card .value { font-size: 1.7rem; font-weight: 650; line-height: 1.35; letter-spacing: -0.01em;
  font-variant-numeric: tabular-nums; }
.card .note { color: var(--muted); font-size: 0.82rem; line-height: 1.4; }
nav { display: flex; flex-wrap: wrap; gap: 0.2rem 1.2rem; font-size: 0.92rem; }
nav a { text-decoration: none; }
nav a:hover { text-decoration: underline; }
/* A shadow at an edge says that there is more behind it. */
.scroll { overflow-x: auto; background:
  linear-gradient(to right, var(--paper) 40%, transparent) left / 3rem 100% no-repeat local,
  linear-gradient(to left, var(--paper) 40%, transparent) right / 3rem 100% no-repeat local,
  radial-gradient(farthest-side at 0 50%, var(--shade), transparent) left / 0.9rem 100% no-repeat scroll,
  radial-gradient(farthest-side at 100% 50%, var(--shade), transparent) right / 0.9rem 100% no-repeat scroll; }
figure { margin: 1.4rem 0; }
figure img { display: block; max-width: 100%; height: auto; border-radius: 0.3rem; }
figure > img { border: 1px solid var(--rule); }
.plot svg.plot { display: block; max-width: 100%; height: auto; overflow: visible; }
.plot text { white-space: pre; }
.plot .narrow { display: none; }
.plot-title { font-weight: 600; margin: 0 0 0.3rem; }
.legend { display: flex; flex-wrap: wrap; gap: 0.1rem 1.1rem; list-style: none; max-width: none; margin: 0 0 0.3rem;
  padding: 0; font-size: 0.85rem; line-height: 1.5; }
.legend li { display: flex; align-items: center; gap: 0.45rem; margin: 0; }
.legend svg { flex: none; }
.ramp { display: flex; align-items: center; gap: 0.5rem; margin: 0 0 0.3rem; font-size: 0.85rem;
  font-variant-numeric: tabular-nums; }
.ramp i { width: 9rem; max-width: 30vw; height: 0.7rem; border-radius: 0.2rem; }
.panels { display: grid; gap: 1.4rem 24px; grid-template-columns: repeat(auto-fit, minmax(min(var(--width), 100%), 1fr)); }
.panel { min-width: 0; }
.tile { min-width: 0; font-size: 0.75rem; line-height: 1.35; color: var(--muted); font-variant-numeric: tabular-nums; }
.tile[hidden], .melodies li[hidden], .marked li[hidden] { display: none; }
.tile img { image-rendering: pixelated; border-radius: 0; width: 100%; }
.tile img + img { margin-top: 3px; }
.tile .frame { outline: 4px solid var(--frame); background: var(--frame); }
.tile .hairline { outline: 1px solid var(--rule); background: var(--rule); }
.tile span { display: block; text-align: center; margin-top: 5px; overflow-wrap: anywhere; }
.tiles { display: grid; gap: 14px 12px; padding: 6px 4px; justify-content: start;
  grid-template-columns: repeat(auto-fill, min(var(--tile), 100%)); }
.sheet-caption { font-weight: 600; margin: 1.4rem 0 0.2rem; }
.sheet > .sheet-caption:first-child { margin-top: 0; }
.frames { margin: 0.4rem 0; }
.frames i { flex: none; width: 0.9rem; height: 0.9rem; border: 4px solid var(--frame); }
.frames i.hairline { border: 1px solid var(--muted); }
.filter { display: flex; flex-wrap: wrap; align-items: center; gap: 0.4rem 1.4rem; font-size: 0.88rem; margin: 0.6rem 0; }
.filter[hidden] { display: none; }
.filter label { display: flex; align-items: center; gap: 0.45rem; }
.filter output { min-width: 1.6em; text-align: right; font-variant-numeric: tabular-nums; }
.filter [role=status] { color: var(--muted); }
select, button { font: inherit; color: var(--ink); background: var(--card); border: 1px solid var(--rule);
  border-radius: 0.4rem; padding: 0.15rem 0.6rem; }
button { cursor: pointer; }
.melodies { list-style: none; padding: 0; max-width: none; display: grid; gap: 0.8rem 2rem;
  grid-template-columns: repeat(auto-fill, minmax(min(30rem, 100%), 1fr)); }
.melodies li { margin: 0; border-left: 4px solid var(--rule); padding-left: 0.8rem; }
.melodies li.whole { border-color: #dd5f1e; }
.melodies p { display: flex; align-items: baseline; gap: 0.6rem; margin: 0 0 0.2rem; font-size: 0.9rem; }
.melodies button { flex: none; }
.stave svg { display: block; width: 100%; max-width: 600px; height: auto; }
.terms { display: grid; gap: 0.5rem; margin: 1rem 0; max-width: 56rem; }
.terms div { display: grid; grid-template-columns: minmax(9rem, 14rem) 1fr; gap: 0.1rem 1.2rem; }
.terms dt { font-weight: 600; }
.terms dd { margin: 0; color: var(--muted); }
summary { color: var(--muted); cursor: pointer; margin: 0.6rem 0; }
.part { border-left: 3px solid var(--rule); padding-left: 1.2rem; }
.part h3 { font-size: 1.1rem; margin: 1.8rem 0 0.6rem; }
figcaption, .meaning { color: var(--muted); font-size: 0.9rem; line-height: 1.5; max-width: 44rem; margin: 0.5rem 0 0; }
.formula { margin: 1.2rem 0; padding: 0.2rem 0; overflow-y: hidden; }
math { font-size: 1.08em;
  font-family: "STIX Two Math", "Latin Modern Math", "Cambria Math", "DejaVu Math TeX Gyre", "Noto Sans Math", math; }
munderover > :last-child { padding-bottom: 0.2em; }
munder > :last-child, munderover > :nth-child(2) { padding-top: 0.15em; }
.formula math { font-size: 1.3em; width: fit-content; margin: 0 1.5rem; }
table { border-collapse: collapse; font-size: 0.92rem; line-height: 1.45; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; border-bottom: 2px solid var(--rule); }
th, td { padding: 0.4rem 1.4rem 0.4rem 0; vertical-align: top; white-space: nowrap; }
th:last-child, td:last-child { padding-right: 0.2rem; }
td { border-bottom: 1px solid var(--rule); }
tfoot td { border-top: 2px solid var(--rule); border-bottom: 0; font-weight: 600; }
.number { text-align: right; }
td.words { white-space: normal; min-width: 17rem; max-width: 44rem; }
td.words:not(:first-child) { color: var(--muted); }
code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
code { font-size: 0.88em; background: var(--code); padding: 0.1em 0.3em; border-radius: 0.25em; }
pre { overflow-x: auto; background: var(--code); border: 1px solid var(--rule); border-radius: 0.5rem; margin: 0.8rem 0;
  padding: 0.9rem 1.1rem; font-size: 0.86rem; line-height: 1.55; tab-size: 2; }
pre code { font-size: inherit; background: none; padding: 0; }
.command { white-space: pre-wrap; overflow-wrap: anywhere; }
.hljs-comment { color: var(--comment); font-style: italic; }
.hljs-string, .hljs-regexp { color: var(--string); }
.hljs-keyword, .hljs-literal { color: var(--keyword); }
.hljs-number { color: var(--number); }
.hljs-title, .hljs-built_in { color: var(--accent); }
.hljs-subst { color: var(--ink); }
.configuration { display: grid; grid-template-columns: repeat(auto-fill, minmax(18rem, 1fr)); gap: 0 2rem;
  font-size: 0.88rem; margin: 1rem 0; }
.configuration div { display: flex; gap: 1rem; justify-content: space-between; align-items: baseline;
  border-bottom: 1px solid var(--rule); padding: 0.25rem 0; }
.configuration dt { color: var(--muted); flex: none; }
.configuration dd { margin: 0; text-align: right; overflow-wrap: anywhere; min-width: 0; }
.marked { list-style: none; max-width: none; padding: 0; }
.marked li { display: flex; gap: 1.2rem; align-items: baseline; margin: 0; padding: 0.25rem 0;
  border-bottom: 1px solid var(--rule); }
.marked .line { white-space: pre; font: 0.95rem/1.6 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.marked .where { color: var(--muted); font-size: 0.85rem; white-space: nowrap; }
.wrap li { flex-direction: column-reverse; align-items: stretch; gap: 0; }
.wrap .line { white-space: pre-wrap; overflow-wrap: anywhere; }
mark { background: #f2d98c; color: #1f2127; border-radius: 0.2em; padding: 0.12em 0; box-shadow: inset 0 0 0 1px #d9b64f; }
.whole mark { background: #f0b48f; box-shadow: inset 0 0 0 1px #dd5f1e; }
.references { font-size: 0.95rem; }
:target { scroll-margin-top: 1rem; }
@media (max-width: 46rem) {
  .plot .wide { display: none; }
  .plot .narrow { display: block; }
}
@media (max-width: 40rem) {
  main { padding: 1.5rem 1rem 3rem; }
  .terms div { grid-template-columns: 1fr; }
  .part { border-left: 0; padding-left: 0; }
  /* Words of a cell take several lines before the table is wider than the screen. */
  th, td { padding-right: 0.9rem; }
  th, td:not(.number) { white-space: normal; }
  td.words { min-width: 10rem; }
  .panels { grid-template-columns: 1fr; }
  .marked:not(.wrap) li { flex-direction: column; align-items: stretch; gap: 0; }
  .marked .line { white-space: pre-wrap; overflow-wrap: anywhere; }
  .marked .where { white-space: normal; }
  .tiles { gap: 10px 8px; grid-template-columns: repeat(auto-fill, minmax(min(var(--tile), 4.4rem), 1fr)); }
  .cards { grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: 0.6rem; }
  .card { padding: 0.6rem 0.8rem; }
  .card .value { font-size: 1.4rem; }
}
@media print {
  :root { --paper: #fff; --card: #fff; --ink: #000; --muted: #444; --rule: #ccc; --accent: #000; --code: #fff;
    --comment: #555; --string: #000; --keyword: #000; --number: #000; color-scheme: light; }
  @page { margin: 16mm; }
  html { font-size: 9.5pt; }
  main { max-width: none; padding: 0; }
  nav { display: none; }
  .card .value { font-size: 1.5rem; }
  h2 { break-after: avoid; margin-top: 1.6rem; }
  .card, tr, figure:has(img, svg) { break-inside: avoid; }
  .scroll, pre { overflow: visible; }
  pre { white-space: pre-wrap; }
  .plot .wide { display: block; }
  .plot .narrow { display: none; }
}
`;
