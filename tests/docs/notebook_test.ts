/** docs/memorization.ipynb, run as Jupyter runs it: by nbconvert, under Deno's kernel. */
import assert from "node:assert/strict";
import { join } from "node:path";

const DOCS = new URL("../../docs/", import.meta.url);

/** Whether nbconvert is installed. */
async function findConverter(): Promise<boolean> {
  try {
    return (await new Deno.Command("jupyter-nbconvert", { args: ["--version"] }).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

const found = await findConverter();
if (!found) console.log("no jupyter-nbconvert: docs/memorization.ipynb is not run");

/** A cell of code, as far as nbconvert needs it. */
interface Cell {
  readonly outputs?: readonly {
    readonly data?: Readonly<Record<string, unknown>>;
    readonly text?: unknown;
  }[];
}

/** Runs a notebook in its folder, and gives its cells with their outputs; undefined where a cell fails. */
async function execute(notebook: string): Promise<readonly Cell[] | undefined> {
  const folder = await Deno.makeTempDir(), kernel = join(folder, "kernels/deno");
  await Deno.mkdir(kernel, { recursive: true });
  const argv = [Deno.execPath(), "jupyter", "--kernel", "--conn", "{connection_file}"];
  await Deno.writeTextFile(
    join(kernel, "kernel.json"),
    JSON.stringify({ argv, display_name: "Deno", language: "typescript" }),
  );
  const { success } = await new Deno.Command("jupyter-nbconvert", {
    args: ["--to", "notebook", "--execute", "--output-dir", folder, "--output", "executed.ipynb", notebook],
    env: { JUPYTER_PATH: folder },
  }).output();
  const executed = success
    ? JSON.parse(await Deno.readTextFile(join(folder, "executed.ipynb"))).cells
    : undefined;
  await Deno.remove(folder, { recursive: true });
  return executed;
}

Deno.test({
  name: "the notebook runs, with its pictures, its plots and its figure",
  ignore: !found,
  fn: async () => {
    const cells = await execute(new URL("memorization.ipynb", DOCS).pathname);
    assert.ok(cells !== undefined, "a cell failed");
    const outputs = cells.flatMap(({ outputs = [] }) => outputs);
    const kinds = outputs.flatMap(({ data = {} }) => Object.keys(data));
    // On a busy machine an output is lost now and then between Deno's kernel and nbconvert: most must be there.
    assert.ok(kinds.filter((kind) => ["image/png", "text/html"].includes(kind)).length >= 3, String(kinds));
    const share = /memorized mass (\d+\.\d+) %/.exec(outputs.map(({ text }) => String(text)).join(""));
    assert.ok(share === null || Number(share[1]) > 95, String(share));
  },
});

Deno.test({
  name: "a notebook whose cell throws fails: an error in a cell is not passed over",
  ignore: !found,
  fn: async () => {
    const folder = await Deno.makeTempDir(), path = join(folder, "failing.ipynb");
    const notebook = JSON.parse(await Deno.readTextFile(new URL("memorization.ipynb", DOCS)));
    const source = 'await Promise.resolve();\nthrow new Error("on purpose");';
    const cells = [{ cell_type: "code", id: "a", metadata: {}, execution_count: null, outputs: [], source }];
    await Deno.writeTextFile(path, JSON.stringify({ ...notebook, cells }));
    assert.equal(await execute(path), undefined);
    await Deno.remove(folder, { recursive: true });
  },
});
