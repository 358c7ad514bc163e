/**
 * `deno task specs [--backend cpu|reference|wasm|webgpu] [--only TEXT]`: runs tfjs-core's own published specs of its
 * operations.
 *
 * The specs are ES modules without file extensions, written for a bundler. A copy whose imports name files is kept in
 * `.cache/specs/`; it shares backends and kernels with the tfjs that everything else imports, as tfjs keeps both
 * in one global place.
 */
import { createRequire, isBuiltin } from "node:module";
import { pathToFileURL } from "node:url";
import * as tf from "@tensorflow/tfjs";
import jasmineCore from "jasmine-core";
import { registerEager } from "../engine/eager.ts";
import { ReferenceExecutor } from "../engine/reference.ts";
import { openWasm } from "../engine/wasm/executor.ts";
import { openWebGpu } from "../engine/webgpu/executor.ts";
import { choice, commonFlags, runTool, text } from "../run/task.ts";
import { type Skip, SKIPS } from "./specs_skips.ts";

/** A result as jasmine reports it. */
interface SpecResult {
  readonly fullName: string;
  readonly status: string;
  readonly failedExpectations: readonly { readonly message: string }[];
}

/** A backend to test. */
interface Backend {
  /** Registers it and gives its name in tfjs. */
  open(note: Note): Promise<string>;
  /** Milliseconds that a spec may take. */
  readonly limit: number;
}

/** Prints a line. */
type Note = (line: string) => void;

const BACKENDS = {
  cpu: { open: () => Promise.resolve("cpu"), limit: 5000 },
  reference: {
    open: () => {
      registerEager("engram", new ReferenceExecutor());
      return Promise.resolve("engram");
    },
    limit: 5000,
  },
  wasm: {
    open: async () => {
      registerEager("engram", await openWasm({ threads: 1 }));
      return "engram";
    },
    limit: 5000,
  },
  webgpu: {
    open: async (note: Note) => {
      // Specs ask whether results are right: a software adapter tells that too, if slowly.
      const executor = await openWebGpu({ allowFallback: true });
      if (executor === null) {
        throw new Error("Cannot test on WebGPU as there is no adapter: use --backend wasm");
      }
      note(executor.description);
      registerEager("engram", executor);
      return "engram";
    },
    // A spec of many shapes compiles a pipeline for each, which a software adapter does on a processor that is busy.
    limit: 20_000,
  },
} as const satisfies Readonly<Record<string, Backend>>;

const NAMES = ["cpu", "reference", "wasm", "webgpu"] as const satisfies readonly (keyof typeof BACKENDS)[];

const CORE = import.meta.resolve("@tensorflow/tfjs-core");
const CACHE = new URL(`../.cache/specs/tfjs-core-${tf.version_core}/`, import.meta.url);

async function* scripts(folder: URL): AsyncGenerator<URL> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* scripts(new URL(`${name}/`, folder));
    // tf-core.*.js are bundles of the rest.
    else if (name.endsWith(".js") && !name.startsWith("tf-core.")) yield new URL(name, folder);
  }
}

async function exists(file: URL): Promise<boolean> {
  return await Deno.stat(file).then(() => true, () => false);
}

/** The file that a module of the package means by `specifier`. */
async function resolved(specifier: string, from: URL): Promise<string> {
  if (!specifier.startsWith(".")) {
    if (isBuiltin(specifier)) return `node:${specifier}`;
    try {
      return pathToFileURL(createRequire(CORE).resolve(specifier)).href;
    } catch {
      // What only the package's build scripts import is not installed, and no spec needs it.
      return specifier;
    }
  }
  if (await exists(new URL(`${specifier}.js`, from))) return `${specifier}.js`;
  return await exists(new URL(`${specifier}/index.js`, from)) ? `${specifier}/index.js` : specifier;
}

/** Copies the package's modules, once; the last file written says that the copy is complete. */
async function copyPackage(): Promise<void> {
  const complete = new URL("complete", CACHE);
  if (await exists(complete)) return;
  const source = new URL("./", CORE);
  for await (const file of scripts(source)) {
    let text = (await Deno.readTextFile(file)).replace(/\n\/\/# sourceMappingURL=.*/, "");
    for (
      const [whole, head, specifier] of text.matchAll(
        /^((?:import|export|\}).* from |import )'([^'\n]+)';$/gm,
      )
    ) {
      // The packages are CommonJS: bundlers give their exports as a namespace, Deno as the default.
      const start = specifier.startsWith(".") ? head : head.replace("* as ", "");
      text = text.replace(whole, `${start}'${await resolved(specifier, file)}';`);
    }
    const target = new URL(file.href.slice(source.href.length), CACHE);
    await Deno.mkdir(new URL("./", target), { recursive: true });
    await Deno.writeTextFile(target, text);
  }
  await Deno.writeTextFile(complete, "");
}

/** Defines the specs of `backend` in jasmine. */
async function defineSpecs(backend: string): Promise<void> {
  jasmineCore.installGlobals(globalThis);
  // tfjs gives several suites one name.
  jasmineCore.jasmine.getEnv().configure({ forbidDuplicateNames: false });
  // One spec file of the package asks for jasmine the way of node; others only look for what node has.
  const require = createRequire(import.meta.url);
  Object.assign(globalThis, {
    require: Object.assign(
      (name: string) => name.startsWith("jasmine-core") ? { core: () => jasmineCore.jasmine } : require(name),
      { resolve: require.resolve },
    ),
  });
  const { setTestEnvs } = await import(new URL("jasmine_util.js", CACHE).href) as {
    setTestEnvs(environments: readonly object[]): void;
  };
  setTestEnvs([{ name: "", backendName: backend, isDataSync: backend === "cpu", flags: {} }]);
  const list = await Deno.readTextFile(new URL("tests.js", CACHE));
  for (const [, file] of list.matchAll(/^import '(\.\/ops\/[^']+)';$/gm)) {
    await import(new URL(file, CACHE).href);
  }
}

/** Runs what is defined, each spec within `limit` milliseconds, and gives every result. */
async function execute(
  { only, limit, note }: { readonly only: string; readonly limit: number; readonly note: Note },
): Promise<SpecResult[]> {
  const results: SpecResult[] = [];
  const { jasmine } = jasmineCore;
  const environment = jasmine.getEnv();
  environment.configure({
    random: false,
    specFilter: (spec: { getFullName(): string }) => spec.getFullName().includes(only),
  });
  let counted = 0;
  environment.addReporter({
    // On a software GPU a suite may take a minute.
    suiteDone: ({ description, duration }: { description: string; duration: number | null }) => {
      if (results.length > counted) {
        const seconds = ((duration ?? 0) / 1000).toFixed(1);
        note(`${description.replace(/ +\{\}/, "")}: ${results.length - counted} specs, ${seconds} s`);
      }
      counted = results.length;
    },
    specStarted: () => {
      // Some suites of tfjs set a limit for their own specs, and leave it behind for the others.
      jasmine.DEFAULT_TIMEOUT_INTERVAL = limit;
    },
    specDone: (result: SpecResult) => {
      if (result.status !== "excluded") results.push(result);
    },
  });
  await environment.execute();
  return results.map((result) => ({ ...result, fullName: result.fullName.replace(/ +\{\}/, "") }));
}

/**
 * Prints the counts and what is behind them.
 *
 * @throws {Error} where there is a failure that is not listed, or nothing has run.
 */
function report(
  results: readonly SpecResult[],
  { skips, whole, note }: { readonly skips: readonly Skip[]; readonly whole: boolean; readonly note: Note },
): void {
  const passed = results.filter(({ status }) => status === "passed");
  const failed = results.filter(({ status }) => status === "failed");
  const pending = results.filter(({ status }) => status === "pending");
  const skipOf = ({ fullName, failedExpectations }: SpecResult) => {
    const text = [fullName, ...failedExpectations.map(({ message }) => message)].join("\n");
    return skips.find(({ pattern }) => pattern.test(text));
  };
  const surprises = failed.filter((result) => skipOf(result) === undefined);
  for (const { fullName, failedExpectations } of surprises) {
    note(`failed: ${fullName}\n    ${failedExpectations[0]?.message.split("\n")[0]}`);
  }
  for (const skip of skips) {
    const count = failed.filter((result) => skipOf(result) === skip).length;
    if (count > 0) note(`skipped ${count}: ${skip.pattern.source} - ${skip.reason}`);
    // Some of the specs may not have run.
    else if (whole) note(`${skip.pattern.source}: none of them fails any more, take it off the list`);
  }
  if (pending.length > 0) note(`skipped ${pending.length}: switched off by tfjs itself`);
  const skipped = failed.length - surprises.length + pending.length;
  note(`${passed.length} passed, ${surprises.length} failed, ${skipped} skipped`);
  if (passed.length === 0) throw new Error("No spec passed: give --only a part of the name of one");
  if (surprises.length > 0) {
    throw new Error(`${surprises.length} specs failed that are not on the list of skips`);
  }
}

if (import.meta.main) {
  await runTool({
    name: "specs",
    summary:
      "Run TensorFlow.js's own published tests of its operations on one of its backends, or on the engine.",
    flags: {
      backend: choice(NAMES, { default: "cpu", help: "what computes" }),
      only: text({ help: "only the tests whose name contains TEXT" }),
      debug: commonFlags.debug,
    },
    run: async ({ backend: name, only = "" }, session) => {
      const backend: Backend = BACKENDS[name], note: Note = (line) => session.note(line);
      await copyPackage();
      await tf.ready();
      await defineSpecs(await backend.open(note));
      const results = await execute({ only, limit: backend.limit, note });
      report(results, { skips: SKIPS[name], whole: only === "", note });
    },
  });
}
