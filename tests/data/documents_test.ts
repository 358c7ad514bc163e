import assert from "node:assert/strict";
import { dirname } from "node:path";
import { readDocuments, readText } from "../../data/documents.ts";

async function inFolder(
  files: Readonly<Record<string, string | Uint8Array>>,
  test: (folder: string) => Promise<void>,
): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    for (const [name, content] of Object.entries(files)) {
      await Deno.mkdir(dirname(`${root}/${name}`), { recursive: true });
      if (typeof content === "string") await Deno.writeTextFile(`${root}/${name}`, content);
      else await Deno.writeFile(`${root}/${name}`, content);
    }
    await test(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("a file is one text; a folder's texts come in order of their paths, by name", () =>
  inFolder({ "b.txt": "two", "a/z.md": "one", "a/pic.png": "no", ".hidden.txt": "no" }, async (folder) => {
    await Deno.symlink(folder, `${folder}/circle`);
    assert.deepEqual(await readDocuments(`${folder}/b.txt`), [{ name: "", text: "two", line: 1 }]);
    assert.deepEqual(await readDocuments(folder), [
      { name: "a/z.md", text: "one", line: 1 },
      { name: "b.txt", text: "two", line: 1 },
    ]);
  }));

Deno.test("JSON lines give the text of their field, each with its line", () =>
  inFolder(
    { "x.jsonl": '\uFEFF{"id":1,"text":"a\\nb"}\r\n\r\n{"text":"c","note":"n"}\n' },
    async (folder) => {
      const path = `${folder}/x.jsonl`;
      assert.deepEqual(await readDocuments(path, { field: "text" }), [
        { name: "", text: "a\nb", line: 1, onOneLine: true },
        { name: "", text: "c", line: 3, onOneLine: true },
      ]);
      await assert.rejects(readDocuments(path), /its records have the fields text: name one with --field/);
      await assert.rejects(
        readDocuments(path, { field: "note" }),
        /line 1 has no text in its field note: .*id, text/,
      );
    },
  ));

Deno.test("what cannot be read is told in one sentence", () =>
  inFolder({
    "empty/.keep": "",
    "other/a.pdf": "x",
    "a.txt": "x",
    "blank.txt": " \n",
    "latin.txt": Uint8Array.of(0xe9, 0x20),
    "packed.txt": Uint8Array.of(0x1f, 0x8b, 8, 0, 0xff),
    "bad.jsonl": "{\n",
  }, async (folder) => {
    const fails = (name: string, message: RegExp, options = {}) =>
      assert.rejects(readDocuments(`${folder}/${name}`, options), (error: Error) => {
        assert.match(error.message, message);
        assert.ok(!error.message.includes("\n"));
        return true;
      });
    await fails("absent", /no such file/);
    await fails("empty", /as it is empty: put files there that end in \.txt/);
    await fails("other", /its files end in \.pdf: put files/);
    await fails("blank.txt", /as it is empty: name another/);
    await fails("latin.txt", /no text in UTF-8: convert it/);
    await fails("packed.txt", /as it is a gzip file: name a text/);
    await fails("bad.jsonl", /line 1 is no JSON/, { field: "x" });
    await fails("a.txt", /Cannot take field x of .* no file of JSON lines/, { field: "x" });
    await assert.rejects(
      readText(`${folder}/a.txt`, { most: 0 }),
      /as it has 1 MB, and 0 MB is the most: cut it/,
    );
  }));
