import assert from "node:assert/strict";
import settings from "../../deno.json" with { type: "json" };
import { taskWords } from "../../run/command.ts";

const tasks: Readonly<Record<string, string>> = settings.tasks;
/** Tasks that are programs of this project; the others are Deno's own commands, which have their own help. */
const programs = Object.keys(tasks).filter((task) => tasks[task].startsWith("deno run "));
const cwd = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(cwd, { recursive: true }));

/** What `task` says when it is given `flag`. */
async function asked(task: string, flag: string): Promise<string> {
  const command = new Deno.Command(Deno.execPath(), { args: [...taskWords(task), flag], cwd });
  const { code, stdout, stderr } = await command.output();
  const [said, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assert.deepEqual({ task, code, error }, { task, code: 0, error: "" });
  return said;
}

Deno.test("every task that is asked for help prints it, and does nothing else", async () => {
  assert.ok(programs.length >= 40);
  const waiting = [...programs];
  const ask = async (): Promise<void> => {
    for (let task = waiting.pop(); task !== undefined; task = waiting.pop()) {
      const usage = new RegExp(`^[A-Z].*[.?]\\n\\nUsage: deno task ${task} [^]*\\n  --help `);
      assert.match(await asked(task, "--help"), usage);
    }
  };
  const kernels = new URL("../../engine/wasm/kernels.wasm", import.meta.url);
  const { mtime } = await Deno.stat(kernels);
  await Promise.all([ask(), ask()]);
  assert.deepEqual([...Deno.readDirSync(cwd)], []);
  assert.deepEqual((await Deno.stat(kernels)).mtime, mtime);
});

Deno.test("-h is --help, and --version says two versions", async () => {
  assert.equal(await asked("sample", "-h"), await asked("sample", "--help"));
  assert.match(await asked("sample", "--version"), /^engram \d+\.\d+\.\d+, Deno \d+\.\d+\.\d+\n$/);
});
