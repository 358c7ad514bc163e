import assert from "node:assert/strict";
import { openDocument, shortText } from "../../report/document.ts";

Deno.test("shortText: places to a tenth of a pixel, words as they are", async () => {
  const svg = (await openDocument()).createElement("svg");
  svg.setAttribute("viewBox", "0 0 10.26 5");
  svg.setAttribute("d", "M1.2345,-0.06L1e-7,2.5e2");
  svg.setAttribute("aria-label", "1.2345 <b>");
  const text = shortText(svg);
  assert.match(text, /viewBox="0 0 10.3 5"/);
  assert.match(text, / d="M1.2,-0.1L1e-7,250"/);
  assert.match(text, /aria-label="1.2345 /);
});
