import assert from "node:assert/strict";
import { argument, boolean, choice, integer, number, text } from "../../run/flags.ts";
import { readStoredFlags } from "../../run/stored_flags.ts";

const flags = {
  run: argument({ placeholder: "RUN", help: "the run folder" }),
  count: integer({ min: 1, max: 9, help: "how many" }),
  scale: number({ default: 0.5, help: "how large" }),
  dataDir: text({ placeholder: "DIR", help: "where" }),
  kind: choice(["a", "b"], { default: "a", help: "which" }),
  force: boolean({ help: "replace" }),
};

Deno.test("stored flags are read by their own parsers, absent ones are the default", () => {
  const path = "x/config.json";
  const stored = { run: "r", count: 3, scale: -1, dataDir: null, kind: "b", force: true, older: 1 };
  assert.deepEqual(readStoredFlags(flags, stored, { path }), {
    run: "r",
    count: 3,
    scale: -1,
    dataDir: undefined,
    kind: "b",
    force: true,
  });
  assert.equal(readStoredFlags(flags, {}, { path }).scale, 0.5);
  const wrong: readonly [object, RegExp][] = [
    [{ count: 0 }, /x\/config\.json as --count must be an integer in 1\.\.9 and is 0 there/],
    [{ count: "3" }, /--count must be a number and is "3" there/],
    [{ count: [3] }, /--count must be a number/],
    [{ dataDir: 3 }, /--data-dir must be a string/],
    [{ kind: "c" }, /--kind must be one of a, b/],
    [{ force: 1 }, /--force must be true or false/],
  ];
  for (const [change, message] of wrong) {
    assert.throws(() => readStoredFlags(flags, { ...stored, ...change }, { path }), message);
  }
});
