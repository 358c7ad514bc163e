import assert from "node:assert/strict";
import {
  argument,
  boolean,
  choice,
  commonFlags,
  integer,
  list,
  number,
  parseFlags,
  text,
  UsageError,
} from "../../run/flags.ts";

const flags = {
  run: argument({ placeholder: "RUN", help: "the run folder" }),
  count: integer({ min: 1, max: 9, help: "how many" }),
  scale: number({ default: 0.5, help: "how large" }),
  dataDir: text({ placeholder: "DIR", help: "where" }),
  kind: choice(["a", "b"], { default: "a", help: "which" }),
  force: boolean({ help: "replace" }),
  slurm: text({ placeholder: "OPTIONS", dashed: true, help: "options of another program" }),
};

Deno.test("flags have their types, their values and their defaults", () => {
  const { values, given } = parseFlags(flags, [
    "runs/x",
    "--count=3",
    "--data-dir",
    "d",
    "--scale",
    "-1e3",
    "--force",
  ]);
  const count: number | undefined = values.count;
  const kind: "a" | "b" = values.kind;
  assert.deepEqual({ ...values, count, kind }, {
    run: "runs/x",
    count: 3,
    scale: -1000,
    dataDir: "d",
    kind: "a",
    force: true,
    slurm: undefined,
  });
  assert.deepEqual([...given].sort(), ["count", "dataDir", "force", "run", "scale"]);
  assert.equal(parseFlags(flags, ["r"]).values.count, undefined);
  assert.equal(parseFlags(flags, ["--", "--r"]).values.run, "--r");
  // Options of another program are a value; a flag of one's own is not.
  const options = "--time=1:00 --mem=2G";
  assert.equal(parseFlags(flags, ["r", "--slurm", options, "--force"]).values.slurm, options);
});

Deno.test("a wrong command line names the flag", () => {
  const wrong: readonly [RegExp, string[]][] = [
    [/^Unknown flag --cuont: did you mean --count\?$/, ["r", "--cuont", "3"]],
    [/^Unknown flag --quite-other: --help lists them$/, ["r", "--quite-other"]],
    [/^Unknown flag -c/, ["r", "-c"]],
    [/^Unknown flag --dataDir: did you mean --data-dir\?$/, ["r", "--dataDir", "d"]],
    [/^Unknown flag --constructor/, ["r", "--constructor"]],
    [/^--count needs a value: --count N$/, ["r", "--count"]],
    [/^--count needs a value/, ["r", "--count", "--force"]],
    [/^--slurm needs a value: --slurm OPTIONS$/, ["r", "--slurm", "--count=3"]],
    [/^--count must be an integer in 1\.\.9: current value is "0"$/, ["r", "--count", "0"]],
    [/^--count must be an integer in 1\.\.9: current value is "2\.5"$/, ["r", "--count", "2.5"]],
    [/^--count must be/, ["r", "--count", ""]],
    [/^--count must be/, ["r", "--count", "3x"]],
    [/^--scale must be a number: current value is "Infinity"$/, ["r", "--scale", "Infinity"]],
    [/^--kind must be one of a, b: current value is "c"$/, ["r", "--kind", "c"]],
    [/^--data-dir must be a text that is not empty/, ["r", "--data-dir", ""]],
    [/^--force takes no value$/, ["r", "--force=yes"]],
    [/^--json takes no value$/, ["r", "--json=yes"]],
    [/^RUN is missing: the run folder$/, ["--force"]],
    [/^Unexpected argument "s"/, ["r", "s"]],
  ];
  for (const [message, args] of wrong) {
    assert.throws(
      () => parseFlags(flags, args),
      (error) => error instanceof UsageError && message.test(error.message),
      args.join(" "),
    );
  }
});

Deno.test("an argument may be given by its name, as lists of runs do", () => {
  const { values, given } = parseFlags(flags, ["--count=3", "--run=r"]);
  assert.deepEqual([values.run, values.count, given.has("run")], ["r", 3, true]);
  assert.throws(() => parseFlags(flags, ["--run", "r", "s"]), /Unexpected argument "s"/);
});

Deno.test("--help wins over everything else", () => {
  for (const help of ["--help", "-h"]) {
    assert.equal(parseFlags(flags, ["--count", "0", help]).asked, "help");
  }
  assert.equal(parseFlags(flags, ["--version"]).asked, "version");
  assert.equal(parseFlags(flags, ["r", "--quiet", "--json"]).asked, undefined);
});

Deno.test("the common flags' defaults", () => {
  const { seed, offset, device, dataset, count, resume } = parseFlags(commonFlags, []).values;
  assert.deepEqual({ seed, offset, device, dataset, count, resume }, {
    seed: 0,
    offset: 0,
    device: "auto",
    dataset: "digits",
    count: undefined,
    resume: false,
  });
});

Deno.test("a file is no common flag, as an image set is none", () => {
  assert.throws(() => parseFlags(commonFlags, ["--file", "x"]), /Unknown flag --file/);
});

Deno.test("words that no argument takes go into a list, in order", () => {
  const flags = {
    first: argument({ placeholder: "A", help: "" }),
    rest: list({ placeholder: "RUN", help: "" }),
    count: integer({ help: "" }),
  };
  const { values } = parseFlags(flags, ["one", "two", "--count", "3", "three"]);
  assert.deepEqual(values, { first: "one", rest: ["two", "three"], count: 3 });
  assert.deepEqual(parseFlags(flags, ["one"]).values.rest, []);
  assert.throws(() => parseFlags(flags, ["one", ""]), /RUN must be a text that is not empty/);
  assert.throws(() => parseFlags(flags, ["one", "--rest", "two"]), /Unknown flag --rest/);
});
