/**
 * Builds the WebAssembly kernels: `engine/wasm/assembly/` (AssemblyScript) into `engine/wasm/kernels.wasm`, and into
 * `kernels-simd.wasm` for machines without relaxed SIMD. Equal sources give equal bytes; both are committed.
 * With `--check` it writes nothing and fails where the committed files are not what the sources build.
 */
import asc from "assemblyscript/asc";
import { boolean, runTool } from "../run/task.ts";

const FOLDER = new URL("../engine/wasm/", import.meta.url);

/** The two builds: file in `engine/wasm/`, and whether with relaxed SIMD. */
const BUILDS = { "kernels.wasm": true, "kernels-simd.wasm": false } as const;

/** Compiles the kernels, with relaxed SIMD (fused multiply-add) or without. */
async function buildKernels(relaxed: boolean): Promise<Uint8Array> {
  const messages = asc.createMemoryStream();
  let binary: Uint8Array | undefined;
  const { error } = await asc.main([
    "index.ts",
    "--outFile=kernels.wasm",
    "--runtime=stub",
    "--importMemory",
    "--sharedMemory",
    "--initialMemory=1",
    "--maximumMemory=65536",
    "--noExportMemory",
    "--importTable",
    "--noAssert",
    "--use=abort=",
    "--optimizeLevel=3",
    "--shrinkLevel=0",
    "--converge",
    "--memoryBase=16384",
    "--enable=simd",
    "--enable=threads",
    ...(relaxed ? ["--enable=relaxed-simd"] : []),
  ], {
    stdout: messages,
    stderr: messages,
    readFile: (name: string) => {
      try {
        return Deno.readTextFileSync(new URL(`assembly/${name}`, FOLDER));
      } catch {
        return null;
      }
    },
    writeFile: (name: string, contents: string | Uint8Array) => {
      if (name.endsWith(".wasm")) binary = contents as Uint8Array;
    },
    listFiles: () => [],
  });
  if (error || !binary) {
    throw new Error(`Cannot build the kernels as AssemblyScript reports errors:\n${messages.toString()}`);
  }
  return binary;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

if (import.meta.main) {
  await runTool({
    name: "build-kernels",
    summary: "Build the WebAssembly kernels of the engine from their AssemblyScript.",
    flags: {
      check: boolean({ help: "write nothing, and fail where the kernels are not what their sources build" }),
      debug: boolean({ help: "show the stack trace of an error" }),
    },
    run: async ({ check }, session) => {
      for (const [name, relaxed] of Object.entries(BUILDS)) {
        const binary = await buildKernels(relaxed), file = new URL(name, FOLDER);
        if (!check) {
          await Deno.writeFile(file, binary);
          session.note(`engine/wasm/${name}: ${binary.length} bytes`);
        } else if (!equal(binary, await Deno.readFile(file))) {
          throw new Error(`engine/wasm/${name} is not what its sources build: run deno task build-kernels`);
        }
      }
    },
  });
}
