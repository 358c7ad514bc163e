/**
 * `deno task bench`: the engine and its peers, side by side on the same workloads.
 *
 * Every runner is a process of its own; on each workload they take turns (A B C A B C), so that a machine that is
 * busy for a while is busy for all of them, and the median of a runner's turns is its figure.
 */
import { parseArgs } from "node:util";
import { measurePeak } from "./peak.ts";
import { Peer, reasonOf } from "./protocol.ts";
import { disagreements, median, type Row, table } from "./table.ts";
import { type Workload, WORKLOADS } from "./workloads.ts";

/** Seconds that all of it may take, that a step may take, and that loading or a first step (it compiles) may take. */
const TOTAL_LIMIT = 570;
const STEP_LIMIT = 20;
const FIRST_LIMIT = 60;
/** A turn's length, the turns of a runner, and how long a runner may take on one workload, in seconds. */
const TURN = 0.25;
const TURNS = 11;
const RUNNER_LIMIT = 30;
/** Relative difference of losses that is worth a word. */
const TOLERANCE = 1e-3;
const REFERENCE = "pytorch-cpu";
/** Steps whose losses are compared: the first checks the forward pass, the others the gradients and Adam. */
const CHECKED_STEPS = 3;

interface Runner {
  readonly name: string;
  /** One process or several, with 1, 2, … threads, of which the fastest counts. */
  readonly commands: readonly (readonly string[])[];
}

/** A process in the race on one workload. */
interface Racer {
  readonly runner: string;
  readonly peer: Peer;
  readonly description: string;
  readonly losses: number[];
  /** Milliseconds a step of each turn. */
  readonly turns: number[];
  stepSeconds: number;
  spent: number;
  reason?: string;
}

function denoPeer(file: string): readonly string[] {
  const path = new URL(`./peers/${file}`, import.meta.url).pathname;
  return [Deno.execPath(), "run", "--quiet", "--allow-read", path];
}

/** The first Python that can import torch. */
async function python(): Promise<string | undefined> {
  for (const command of ["python3", "/usr/bin/python3"]) {
    const process = new Deno.Command(command, {
      args: ["-c", "import torch"],
      stdout: "null",
      stderr: "null",
    });
    try {
      if ((await process.output()).success) return command;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return undefined;
}

async function runners(): Promise<Runner[]> {
  const found = await python();
  const script = new URL("./peers/peer.py", import.meta.url).pathname;
  return [
    { name: "engram-wasm", commands: [denoPeer("engram_wasm.ts")] },
    {
      name: REFERENCE,
      commands: found === undefined ? [] : ["1", "2"].map((threads) => [found, script, "--threads", threads]),
    },
    { name: "jax-js-wasm", commands: [denoPeer("jax_js.ts")] },
    { name: "tfjs-wasm", commands: [denoPeer("tfjs_wasm.ts")] },
  ];
}

/** Starts a process and lets it take its first steps. Its reason says why it is out of the race, if it is. */
async function warmUp(racer: Racer, workload: Workload, remaining: () => number): Promise<void> {
  for (let step = 0; step < CHECKED_STEPS && racer.spent < RUNNER_LIMIT / 2; step++) {
    const limit = Math.min(step === 0 ? FIRST_LIMIT : STEP_LIMIT, remaining());
    const { seconds, loss } = await racer.peer.time({ steps: 1, limit });
    racer.losses.push(loss);
    racer.stepSeconds = seconds;
    racer.spent += seconds;
  }
  if (racer.stepSeconds > STEP_LIMIT) throw new Error(`a step of ${workload.name} took over ${STEP_LIMIT} s`);
}

/** Times all runners on a workload. */
async function race(
  workload: Workload,
  options: { readonly runners: readonly Runner[]; readonly remaining: () => number },
): Promise<Row[]> {
  const { remaining } = options;
  await using stack = new AsyncDisposableStack();
  const racers: Racer[] = [];
  const reasons = new Map<string, string>();
  for (const { name, commands } of options.runners) {
    if (commands.length === 0) {
      reasons.set(name, "no python3 with torch: apt-get install python3-torch libopenblas0-pthread");
    }
    for (const command of commands.slice(0, workload.threads)) {
      const peer = new Peer(command);
      try {
        const description = await peer.load({
          workload: workload.name,
          threads: workload.threads,
          limit: Math.min(FIRST_LIMIT, remaining()),
        });
        const racer: Racer = {
          runner: name,
          peer,
          description,
          losses: [],
          turns: [],
          stepSeconds: 0,
          spent: 0,
        };
        await warmUp(racer, workload, remaining);
        stack.use(peer);
        racers.push(racer);
      } catch (error) {
        reasons.set(name, reasonOf(error));
        await peer[Symbol.asyncDispose]();
      }
    }
  }
  for (let turn = 0; turn < TURNS; turn++) {
    for (const racer of racers) {
      if (racer.reason !== undefined || (turn > 0 && racer.spent > RUNNER_LIMIT)) continue;
      // The first turn of one step tells how many fit; the warm-up's were cold.
      const steps = turn === 0 ? 1 : Math.max(1, Math.round(TURN / racer.stepSeconds));
      try {
        const { seconds } = await racer.peer.time({
          steps,
          limit: Math.min(STEP_LIMIT * steps, remaining()),
        });
        racer.stepSeconds = seconds / steps;
        racer.spent += seconds;
        if (turn > 0 || seconds > RUNNER_LIMIT / 2) racer.turns.push(1000 * seconds / steps);
      } catch (error) {
        racer.reason = reasonOf(error);
      }
    }
  }
  for (const sentence of disagreements(racers, TOLERANCE)) console.log(`${workload.name}: ${sentence}`);
  return options.runners.map(({ name }) => rowOf(workload, name, racers, reasons.get(name)));
}

/** The row of the runner's fastest process. */
function rowOf(
  workload: Workload,
  runner: string,
  racers: readonly Racer[],
  reason: string | undefined,
): Row {
  const own = racers.filter((racer) => racer.runner === runner);
  const [best] = own.filter((racer) => racer.turns.length > 0)
    .toSorted((a, b) => median(a.turns) - median(b.turns));
  if (best === undefined) {
    const why = own.map((racer) => racer.reason).find((words) => words !== undefined) ?? reason ??
      "no turn left";
    return { workload: workload.name, runner, ms: null, gflops: null, runs: 0, reason: why };
  }
  const ms = median(best.turns);
  return {
    workload: workload.name,
    runner,
    ms,
    gflops: workload.flops / ms / 1e6,
    runs: best.turns.length,
    description: best.description,
    range: [Math.min(...best.turns), Math.max(...best.turns)],
  };
}

/** What the figures were measured on. */
async function machine(): Promise<Readonly<Record<string, string | number>>> {
  const cpu = await Deno.readTextFile("/proc/cpuinfo").then(
    (text) => /model name\s*:\s*(.*)/.exec(text)?.[1] ?? "unknown",
    () => "unknown",
  );
  return { cpu, threads: navigator.hardwareConcurrency, system: Deno.build.target, deno: Deno.version.deno };
}

const USAGE = `deno task bench [--only TEXT] [--out FILE]
  --only TEXT   only the workloads whose name contains TEXT (${WORKLOADS.map(({ name }) => name).join(", ")})
  --out FILE    write the figures as JSON`;

function usageError(message: string): never {
  console.error(`${message}\n${USAGE}`);
  Deno.exit(2);
}

function flagsOf(args: string[]): { only?: string; out?: string; help?: boolean } {
  try {
    return parseArgs({
      args,
      options: { only: { type: "string" }, out: { type: "string" }, help: { type: "boolean" } },
    }).values;
  } catch (error) {
    return usageError(reasonOf(error));
  }
}

async function main(): Promise<void> {
  const start = performance.now();
  const flags = flagsOf(Deno.args);
  if (flags.help) return console.log(USAGE);
  const chosen = WORKLOADS.filter(({ name }) => name.includes(flags.only ?? ""));
  if (chosen.length === 0) usageError(`Cannot run --only ${flags.only} as no workload's name contains it`);
  const remaining = () => TOTAL_LIMIT - (performance.now() - start) / 1000;
  const found = await runners();
  const peak = await measurePeak();
  const peakOf = (name: string) =>
    peak * (chosen.find((workload) => workload.name === name)?.threads ?? navigator.hardwareConcurrency);
  const rows: Row[] = [];
  for (const workload of chosen) {
    console.error(`${workload.name} …`);
    rows.push(...await race(workload, { runners: found, remaining }));
  }
  console.log(table(rows, { reference: REFERENCE, peak: peakOf }));
  console.log(`multiply-add peak of a thread: ${peak.toFixed(1)} GFLOP/s`);
  for (const { workload, runner, description } of rows) {
    if (description !== undefined) console.log(`  ${workload}, ${runner}: ${description}`);
  }
  if (flags.out !== undefined) {
    await Deno.writeTextFile(
      flags.out,
      JSON.stringify({ machine: { ...await machine(), peak }, rows }, null, 2) + "\n",
    );
  }
}

if (import.meta.main) await main();
