import assert from "node:assert/strict";
import { PALETTE } from "../../report/palette.ts";
import { decodePng } from "../../report/png.ts";
import { imageHtml, sheetHtml } from "../../report/tiles.ts";

const image = { pixels: Uint8Array.of(0, 50, 100, 150), shape: [2, 2] };

Deno.test("imageHtml: a picture of its own size that the page enlarges", () => {
  const html = imageHtml(image, { scale: 3, alt: "a & b" });
  assert.match(html, /width="6" height="6" alt="a &amp; b"/);
  const [, data] = /base64,([^"]*)"/.exec(html) ?? [];
  const { width, pixels } = decodePng(Uint8Array.fromBase64(data));
  assert.deepEqual([width, ...pixels], [2, 0, 0, 0, 50, 50, 50, 100, 100, 100, 150, 150, 150]);
});

Deno.test("sheetHtml: each tile has its images, its frame, its words", () => {
  const html = sheetHtml({
    sections: [
      { caption: "first", tiles: [{ image }] },
      {
        legend: [{ colour: PALETTE.blue, text: "blue" }],
        tiles: [{ image: [image, image], label: "7 bits", frame: PALETTE.blue, kind: "new", distance: 7 }],
      },
    ],
  });
  assert.equal([...html.matchAll(/<img /g)].length, 3);
  assert.match(html, /<p class="sheet-caption">first<\/p>/);
  assert.match(html, /data-kind="new" data-distance="7"><div class="frame" style="--frame:#2f7fc1"><img/);
  assert.match(html, /<span>7 bits<\/span>/);
  assert.match(html, /class="tiles" style="--tile:84px"/);
});

Deno.test("sheetHtml: columns that are given are kept", () => {
  assert.match(
    sheetHtml({ columns: 4, scale: 5, sections: [{ tiles: [{ image }] }] }),
    /grid-template-columns:repeat\(4,minmax\(0,10px\)\)/,
  );
});
