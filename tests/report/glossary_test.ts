import assert from "node:assert/strict";
import { GLOSSARY } from "../../report/glossary.ts";
import { htmlReport } from "../../report/html.ts";

const terms = async (text: string): Promise<string[]> => {
  const html = await htmlReport({ title: "t", abstract: text, sections: [], glossary: GLOSSARY });
  return [...html.matchAll(/<dt>([^<]*)<\/dt>/g)].map(([, term]) => term);
};

Deno.test("a report explains the words that it uses, and those that this takes", async () => {
  assert.deepEqual(await terms("nothing of the kind"), []);
  assert.deepEqual(await terms("Seeds differ."), ["seed"]);
  assert.deepEqual(await terms("its vocabulary"), ["code", "token", "sequence", "vocabulary"]);
  assert.deepEqual(await terms("encoded, decoder"), []);
});

Deno.test("each word is explained once", () => {
  assert.equal(new Set(GLOSSARY.map(({ term }) => term)).size, GLOSSARY.length);
});
