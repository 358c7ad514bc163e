import assert from "node:assert/strict";
import { startProgram } from "../program.ts";

function run(args: readonly string[]) {
  return startProgram(".", "tasks/audit.ts", "--device", "wasm", ...args);
}

Deno.test("an audit of tables writes its figures and pages, and can fail a build", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const write = (name: string, rows: readonly string[]) =>
      Deno.writeTextFile(`${folder}/${name}`, rows.join("\n"));
    const row = (number: number) => Array.from({ length: 6 }, (_, at) => (number * (at + 3)) % 17).join(",");
    await write("training.csv", Array.from({ length: 16 }, (_, number) => row(number)));
    await write("samples.csv", [row(1), row(2), "1,1,1,1,1,2", "2,2,2,2,2,3"]);
    await write("wide.csv", ["1,2,3"]);
    const common = ["--training", `${folder}/training.csv`, "--out", `${folder}/out`];
    const first = await run([...common, "--samples", `${folder}/samples.csv`, "--fail-above", "0.4"]);
    assert.equal(first.code, 1);
    assert.match(first.error, /exact_copies is 0.5 and may be 0.4 at most/);
    const { samples, held_out, parameters } = JSON.parse(await Deno.readTextFile(`${folder}/out/audit.json`));
    assert.equal(samples.exact_copies.value, 0.5);
    assert.ok(samples.exact_copies.low < 0.5 && samples.exact_copies.high > 0.5);
    assert.equal(held_out, null);
    assert.equal(parameters.training_items, 16);
    const csv = (await Deno.readTextFile(`${folder}/out/samples.csv`)).trimEnd().split("\n");
    assert.equal(csv.length, 5);
    assert.match(csv[1], /^row 1,exact copy,row 2,0,/);
    assert.match(await Deno.readTextFile(`${folder}/out/samples.html`), /<input type="search">/);

    const shape = await run([...common, "--samples", `${folder}/wide.csv`, "--force"]);
    assert.equal(shape.code, 2);
    assert.match(shape.error, /--samples holds sequences of 3 numbers and --training of 6 numbers/);
    const taken = await run([...common, "--samples", `${folder}/samples.csv`]);
    assert.equal(taken.code, 2);
    assert.match(taken.error, /holds an audit: add --force/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
