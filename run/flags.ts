/** The command line: what a flag is, and how flags are read. */
import { parseArgs } from "node:util";
import { suggestion } from "./suggestion.ts";

/** A typed flag: `--data-dir` on the command line, `flags.dataDir` in code. */
export interface Flag<T> {
  readonly kind: "value" | "boolean" | "argument" | "arguments";
  /** How a value is called in `--help`. */
  readonly placeholder: string;
  readonly help: string;
  readonly default: T;
  /** Whether a value may look like a flag, as options for another program do. */
  readonly dashed?: boolean;
  /** Says what the value must be by throwing an error whose message goes after "must be". */
  readonly parse: (text: string) => T;
}

/** The flags of a task by their names in code. */
export type Flags = Readonly<Record<string, Flag<unknown>>>;

/** What a task is given: the value of every flag. */
export type FlagValues<F extends Flags> = {
  readonly [Name in keyof F]: F[Name] extends Flag<infer T> ? T : never;
};

/** The command line is wrong: exit code 2. The message names the flag. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

interface Described {
  readonly help: string;
}
interface Limits extends Described {
  /** How the value is called in `--help`. */
  readonly placeholder?: string;
  readonly min?: number;
  readonly max?: number;
}

/** A whole number; without a default it may be absent. */
export function integer(options: Limits & { readonly default: number }): Flag<number>;
export function integer(options: Limits): Flag<number | undefined>;
export function integer(options: Limits & { readonly default?: number }): Flag<number | undefined> {
  return numeric({ placeholder: "N", ...options }, { noun: "an integer", fits: Number.isSafeInteger });
}

/** A finite number; without a default it may be absent. */
export function number(options: Limits & { readonly default: number }): Flag<number>;
export function number(options: Limits): Flag<number | undefined>;
export function number(options: Limits & { readonly default?: number }): Flag<number | undefined> {
  return numeric({ placeholder: "X", ...options }, { noun: "a number", fits: Number.isFinite });
}

function numeric(
  { min = -Infinity, max = Infinity, ...options }: Limits & {
    readonly placeholder: string;
    readonly default?: number;
  },
  { noun, fits }: { readonly noun: string; readonly fits: (value: number) => boolean },
): Flag<number | undefined> {
  const range = min === -Infinity
    ? max === Infinity ? "" : ` of at most ${max}`
    : max === Infinity
    ? ` of at least ${min}`
    : ` in ${min}..${max}`;
  return {
    kind: "value",
    placeholder: options.placeholder,
    help: options.help,
    default: options.default,
    parse(text) {
      const value = text.trim() === "" ? NaN : Number(text);
      if (!fits(value) || value < min || value > max) throw new RangeError(noun + range);
      return value;
    },
  };
}

/** Any text that is not empty; without a default it may be absent. `placeholder` is for `--help`. */
export function text(
  options: Described & { readonly default: string; readonly placeholder?: string; readonly dashed?: boolean },
): Flag<string>;
export function text(
  options: Described & { readonly placeholder?: string; readonly dashed?: boolean },
): Flag<string | undefined>;
export function text(
  options: Described & {
    readonly default?: string;
    readonly placeholder?: string;
    readonly dashed?: boolean;
  },
): Flag<string | undefined> {
  return {
    kind: "value",
    dashed: options.dashed,
    placeholder: options.placeholder ?? "TEXT",
    help: options.help,
    default: options.default,
    parse: notEmpty,
  };
}

/** One of a few words; without a default it may be absent. */
export function choice<const C extends string>(
  choices: readonly C[],
  options: Described & { readonly default: NoInfer<C> },
): Flag<C>;
export function choice<const C extends string>(
  choices: readonly C[],
  options: Described,
): Flag<C | undefined>;
export function choice<const C extends string>(
  choices: readonly C[],
  options: Described & { readonly default?: NoInfer<C> },
): Flag<C | undefined> {
  return {
    kind: "value",
    placeholder: choices.join("|"),
    help: options.help,
    default: options.default,
    parse(text) {
      const found = choices.find((candidate) => candidate === text);
      if (found === undefined) throw new RangeError(`one of ${choices.join(", ")}`);
      return found;
    },
  };
}

/** A flag without a value: present or not. */
export function boolean(options: Described): Flag<boolean> {
  return {
    kind: "boolean",
    placeholder: "",
    help: options.help,
    default: false,
    parse: () => true,
  };
}

/**
 * A word without a flag, as RUN in `sample RUN`; it must be given. Arguments are read in the order declared. Lists of runs,
 * which have flags alone, give it by its name: `--run RUN`.
 */
export function argument(options: Described & { readonly placeholder: string }): Flag<string> {
  return {
    kind: "argument",
    placeholder: options.placeholder,
    help: options.help,
    default: "",
    parse: notEmpty,
  };
}

/** Any number of words without a flag, as RUN ... in `compare RUN RUN`: those that no argument before them took. */
export function list(options: Described & { readonly placeholder: string }): Flag<readonly string[]> {
  return {
    kind: "arguments",
    placeholder: options.placeholder,
    help: options.help,
    default: [],
    parse: (text) => [notEmpty(text)],
  };
}

/**
 * The whole numbers of a list such as "64,256" that a flag was given, each once, the smallest first.
 *
 * @throws {UsageError} where it is none.
 */
export function wholeNumbers(list: string, flag: string): number[] {
  const parsed = list.split(",").map(Number);
  if (parsed.some((number) => !Number.isInteger(number) || number < 1)) {
    throw new UsageError(`--${flag} must be whole numbers with commas between: current value is "${list}"`);
  }
  return [...new Set(parsed)].sort((a, b) => a - b);
}

function notEmpty(text: string): string {
  if (text === "") throw new RangeError("a text that is not empty");
  return text;
}

/** The flags that mean the same in every task. A task adds its own, and overrides or leaves out some of these. */
export const commonFlags = {
  dataset: choice(["digits", "mnist", "idx"], { default: "digits", help: "what to learn" }),
  count: integer({ min: 1, help: "how many items to learn (default: all, up to 1,024)" }),
  offset: integer({ min: 0, default: 0, help: "how many items of the data set to skip" }),
  seed: integer({ min: 0, max: Number.MAX_SAFE_INTEGER, default: 0, help: "fixes every random draw" }),
  device: choice(["auto", "webgpu", "wasm", "tfjs"], { default: "auto", help: "where to compute" }),
  threads: integer({ min: 1, help: "processor threads of the wasm device (default: one a core)" }),
  dataDir: text({ placeholder: "DIR", help: "where the data set's files lie (default: .cache/data/<name>)" }),
  out: text({ placeholder: "DIR", help: "the run folder (default: runs/<task>-<dataset>-<count>-s<seed>)" }),
  steps: integer({ min: 1, help: "how many optimizer updates to make at most" }),
  budget: number({
    placeholder: "SECONDS",
    min: 0,
    help: "how long the command may take; without --steps, as many are made as fit",
  }),
  until: number({
    placeholder: "UNIX_SECONDS",
    min: 0,
    help: "stop then as SIGTERM does, with a checkpoint; the number of steps does not change",
  }),
  resume: boolean({ help: "go on with the run in --out, or with the newest that matches" }),
  force: boolean({ help: "replace the run folder that --out names" }),
  debug: boolean({ help: "show the stack trace of an error" }),
} as const satisfies Flags;

/**
 * Flags that say when and where a command is run and not what it computes: each command has its own, and no run records
 * them.
 */
export const SITTING_FLAGS: ReadonlySet<string> = new Set([
  "until",
  "executor",
  "slurm",
  "requeues",
  "chain",
  "dryRun",
  "collect",
  "afresh",
]);

/** What the command line says. */
export interface ParsedFlags<F extends Flags> {
  /** Every flag, by default where it was not given. */
  readonly values: FlagValues<F>;
  /** The names in code of the flags that were given. */
  readonly given: ReadonlySet<string>;
  /** Which of `--help` (`-h`) and `--version` was asked for, if any; nothing else was checked then. */
  readonly asked?: "help" | "version";
}

/** What every task knows beside its own flags: how it speaks, not what it does. */
export const SPOKEN: Readonly<Record<string, string>> = {
  quiet: "say nothing but errors",
  json: "print the result as JSON, and everything else to standard error",
  help: "show this text (also -h)",
  version: "show the version",
};

/**
 * Reads a command line.
 *
 * @throws {UsageError} naming the flag that is unknown, lacks its value or has a bad one.
 */
export function parseFlags<F extends Flags>(flags: F, args: readonly string[]): ParsedFlags<F> {
  const names = new Map(Object.keys(flags).map((name) => [flagName(name), name]));
  const options: Record<string, { type: "string" | "boolean"; short?: string }> = {};
  for (const name of Object.keys(SPOKEN)) options[name] = { type: "boolean" };
  options.help.short = "h";
  for (const [name, flag] of Object.entries(flags)) {
    if (flag.kind !== "arguments") {
      options[flagName(name)] = { type: flag.kind === "boolean" ? "boolean" : "string" };
    }
  }
  // Not strict, as its errors do not say which flag was meant.
  const { tokens } = parseArgs({
    args: [...args],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values: Record<string, unknown> = {};
  for (const [name, flag] of Object.entries(flags)) values[name] = flag.default;
  const given = new Set<string>();
  const open = Object.keys(flags).filter((name) => flags[name].kind === "argument");
  const rest = Object.keys(flags).find((name) => flags[name].kind === "arguments");
  const result = { values: values as FlagValues<F>, given };
  for (const asked of ["help", "version"] as const) {
    if (tokens.some((token) => token.kind === "option" && token.name === asked)) return { ...result, asked };
  }

  const set = (name: string, label: string, value: string): void => {
    try {
      const parsed = flags[name].parse(value), before = values[name];
      values[name] = Array.isArray(before) && Array.isArray(parsed) ? [...before, ...parsed] : parsed;
    } catch (error) {
      throw new UsageError(`${label} must be ${(error as Error).message}: current value is "${value}"`);
    }
    given.add(name);
  };
  for (const token of tokens) {
    if (token.kind === "option-terminator") continue;
    if (token.kind === "positional") {
      const name = open.shift() ?? rest;
      if (name === undefined) {
        throw new UsageError(`Unexpected argument "${token.value}": a flag starts with --`);
      }
      set(name, flags[name].placeholder, token.value);
      continue;
    }
    if (Object.hasOwn(SPOKEN, token.name) && token.rawName.startsWith("--")) {
      if (token.value !== undefined) throw new UsageError(`${token.rawName} takes no value`);
      continue;
    }
    const name = token.rawName.startsWith("--") ? names.get(token.name) : undefined;
    if (name === undefined || flags[name].kind === "arguments") {
      throw new UsageError(`Unknown flag ${token.rawName}${suggestion(token.name, Object.keys(options))}`);
    }
    if (flags[name].kind === "boolean") {
      if (token.value !== undefined) throw new UsageError(`${token.rawName} takes no value`);
      set(name, token.rawName, "");
    } else {
      const value = token.value;
      const dashed = value?.startsWith("--") && !token.inlineValue;
      const meant = flags[name].dashed && !names.has(value?.slice(2).split(/[=\s]/)[0] ?? "");
      if (value === undefined || dashed && !meant) {
        throw new UsageError(`${token.rawName} needs a value: ${token.rawName} ${flags[name].placeholder}`);
      }
      if (open.includes(name)) open.splice(open.indexOf(name), 1);
      set(name, token.rawName, value);
    }
  }
  if (open.length > 0) {
    const { placeholder, help } = flags[open[0]];
    throw new UsageError(`${placeholder} is missing: ${help}`);
  }
  return result;
}

/** Whether a flag is given as a word alone. */
export function isWord({ kind }: Pick<Flag<unknown>, "kind">): boolean {
  return kind === "argument" || kind === "arguments";
}

/** "dataDir" as "data-dir". */
export function flagName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
