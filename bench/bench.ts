/**
 * `deno task bench`: the engine and its peers, side by side on the same workloads.
 *
 * Every runner is a process of its own; on each workload they take turns (A B C A B C), so that a machine that is
 * busy for a while is busy for all of them, and the median of a runner's turns is its figure. Rounds count only while
 * the machine's processors are worth as many cores, as far as that can be had.
 */
import { cpus } from "node:os";
import { commonFlags, type FlagValues, runTool, text, UsageError } from "../run/task.ts";
import { Cores } from "./cores.ts";
import { measurePeak } from "./peak.ts";
import { Peer } from "./protocol.ts";
import { findPython } from "./python.ts";
import { race, type Runner } from "./race.ts";
import { drawPictures } from "./search.ts";
import { type Row, table } from "./table.ts";
import { WORKLOADS } from "./workloads.ts";

/** Seconds that all of it may take. */
const TOTAL_LIMIT = 570;
/** The share of its processors whose work a machine must do at once to be called calm. */
const CALM = 0.9;
const REFERENCE = "pytorch-cpu";

function denoPeer(file: string): () => Peer {
  const path = new URL(`./peers/${file}`, import.meta.url).pathname;
  return () => new Peer([Deno.execPath(), "run", "--quiet", "--allow-read", path]);
}

async function runners(): Promise<Runner[]> {
  const found = await findPython("import torch");
  const script = new URL("./peers/peer.py", import.meta.url).pathname;
  return [
    { name: "engram-wasm", contestants: [denoPeer("engram_wasm.ts")] },
    {
      name: REFERENCE,
      contestants: found === undefined
        ? []
        : ["1", "2"].map((threads) => () => new Peer([found, script, "--threads", threads])),
      ...found === undefined
        ? { missing: "no python3 with torch: apt-get install python3-torch libopenblas0-pthread" }
        : {},
    },
    { name: "jax-js-wasm", contestants: [denoPeer("jax_js.ts")] },
    { name: "tfjs-wasm", contestants: [denoPeer("tfjs_wasm.ts")] },
  ];
}

/** What the figures were measured on. */
function machine(): Readonly<Record<string, string | number>> {
  const [{ model }, ...others] = cpus();
  return { cpu: model, threads: others.length + 1, system: Deno.build.target, deno: Deno.version.deno };
}

const FLAGS = {
  only: text({
    help: `only the workloads whose name contains TEXT: ${WORKLOADS.map(({ name }) => name).join(", ")}`,
  }),
  out: text({ placeholder: "FILE", help: "write the figures as JSON" }),
  debug: commonFlags.debug,
};

async function bench({ only = "", out }: FlagValues<typeof FLAGS>): Promise<void> {
  const start = performance.now();
  const chosen = WORKLOADS.filter(({ name }) => name.includes(only));
  if (chosen.length === 0) throw new UsageError(`--only ${only} is in no workload's name`);
  const remaining = () => TOTAL_LIMIT - (performance.now() - start) / 1000;
  if (chosen.some(({ name }) => name === "nearest")) await drawPictures();
  const found = await runners();
  const peak = await measurePeak();
  const processors = navigator.hardwareConcurrency;
  const peakOf = (name: string) =>
    peak * (chosen.find((workload) => workload.name === name)?.threads ?? processors);
  await using cores = await Cores.open(Array.from({ length: processors }, denoPeer("engram_wasm.ts")));
  const calm = async () => await cores.measure() >= CALM * processors;
  const rows: Row[] = [];
  for (const [index, workload] of chosen.entries()) {
    console.error(`${workload.name} …`);
    const end = remaining() * (1 - 1 / (chosen.length - index));
    rows.push(...await race(workload, { runners: found, remaining: () => remaining() - end, calm }));
  }
  console.log(table(rows, { reference: REFERENCE, peak: peakOf }));
  console.log(`multiply-add peak of a thread: ${peak.toFixed(1)} GFLOP/s`);
  for (const { workload, runner, description } of rows) {
    if (description !== undefined) console.log(`  ${workload}, ${runner}: ${description}`);
  }
  if (out !== undefined) {
    await Deno.writeTextFile(
      out,
      JSON.stringify({ machine: { ...machine(), peak }, rows }, null, 2) + "\n",
    );
  }
}

if (import.meta.main) {
  await runTool({
    name: "bench",
    summary: "Time a training step of the engine and of its peers, side by side on the same workloads.",
    flags: FLAGS,
    run: bench,
  });
}
