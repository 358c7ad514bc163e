import assert from "node:assert/strict";
import { FILTER_SCRIPT, filterBar, filterData } from "../../report/filter.ts";

Deno.test("filterBar: controls for what differs, hidden until a script runs", () => {
  assert.equal(filterBar([]), "");
  assert.equal(filterBar([{ kind: "new", distance: 3 }, { kind: "new", distance: 3 }]), "");
  const bar = filterBar([{ kind: "new", distance: 3 }, { kind: "memorized", distance: 0 }, {}], "bits");
  assert.match(bar, /^<form class="filter" hidden>/);
  assert.match(bar, /all \(3\).*memorized \(1\).*new \(1\)/);
  assert.match(bar, /min="0" max="3".*<\/output> bits</);
});

Deno.test("filterData: what the script looks at", () => {
  assert.equal(filterData({ kind: `a"b`, distance: 2 }), ` data-kind="a&quot;b" data-distance="2"`);
  assert.equal(filterData({}), "");
});

Deno.test("the script of filters leaves what fits, and says how much that is", async () => {
  const { parseHTML } = await import("linkedom");
  const samples = [{ kind: "new", distance: 3 }, { kind: "new", distance: 7 }, {
    kind: "memorized",
    distance: 0,
  }];
  const items = samples.map((sample) => `<li${filterData(sample)}></li>`).join("");
  const { document, Event } = parseHTML(`<main>${filterBar(samples)}<ol>${items}</ol></main>`) as unknown as {
    document: FakeDocument;
    Event: typeof globalThis.Event;
  };
  const [form] = document.querySelectorAll("form"), [select] = document.querySelectorAll("select");
  const [range] = document.querySelectorAll("input"), [status] = document.querySelectorAll("[role=status]");
  // linkedom's forms cannot be reset, and its controls have no values of their own.
  let chosen = "";
  form.reset = () => {};
  Object.defineProperty(select, "value", { get: () => chosen });
  new Function("document", FILTER_SCRIPT)(document);
  const shown = () => [...document.querySelectorAll("li")].map((item) => !item.hidden);
  assert.equal(form.hidden, false);
  assert.deepEqual(shown(), [true, true, true]);
  assert.equal(status.textContent, "3 of 3 shown");
  chosen = "new";
  range.setAttribute("value", "5");
  form.dispatchEvent(new Event("input"));
  assert.deepEqual(shown(), [false, true, false]);
  assert.equal(status.textContent, "1 of 3 shown");
});

/** What the test uses of a page. */
interface FakeElement extends EventTarget {
  hidden: boolean;
  textContent: string;
  reset?: () => void;
  setAttribute(name: string, value: string): void;
}
interface FakeDocument {
  querySelectorAll(selector: string): FakeElement[];
}
