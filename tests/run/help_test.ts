import assert from "node:assert/strict";
import { argument, boolean, choice, integer, number, text } from "../../run/flags.ts";
import { helpText } from "../../run/help.ts";

const flags = {
  run: argument({ placeholder: "RUN", help: "the run folder" }),
  count: integer({ min: 1, max: 9, help: "how many" }),
  scale: number({ default: 0.5, help: "how large" }),
  dataDir: text({ placeholder: "DIR", help: "where" }),
  kind: choice(["a", "b"], { default: "a", help: "which" }),
  force: boolean({ help: "replace" }),
};

Deno.test("the help text shows arguments, flags and defaults", () => {
  assert.equal(
    helpText({ name: "sample", summary: "Sample a run.", flags }),
    `Sample a run.

Usage: deno task sample RUN [flags]

  RUN  the run folder

Flags:
  --count N       how many
  --scale X       how large (default: 0.5)
  --data-dir DIR  where
  --kind a|b      which (default: a)
  --force         replace
  --quiet         say nothing but errors
  --json          print the result as JSON, and everything else to standard error
  --help          show this text (also -h)
  --version       show the version
`,
  );
});
