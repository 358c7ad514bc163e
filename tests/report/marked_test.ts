import assert from "node:assert/strict";
import { htmlReport } from "../../report/html.ts";
import { markedText } from "../../report/marked.ts";

Deno.test("marked text shows its stretches, their meaning, and line breaks", () => {
  const html = markedText([
    { parts: [{ text: "a<b\n" }, { text: "cd", mark: "2 from line 7" }], note: "new" },
    { parts: [{ text: "ef", mark: '"' }], strong: true },
  ]);
  assert.ok(html.includes('<span class="line">a&lt;b↵<mark title="2 from line 7">cd</mark></span>'));
  assert.ok(html.includes('<span class="where">new</span>'));
  assert.ok(html.includes('<li class="whole"><span class="line"><mark title="&quot;">ef</mark></span></li>'));
});

Deno.test("marked text is a block of reports", async () => {
  const html = await htmlReport({
    title: "t",
    abstract: "a",
    sections: [{
      title: "s",
      blocks: [{ kind: "marked", lines: [{ parts: [{ text: "x" }] }], caption: "c" }],
    }],
  });
  assert.ok(
    html.includes(
      `<ol class="marked scroll" tabindex="0"><li><span class="line">x</span></li></ol><figcaption>c`,
    ),
  );
});
