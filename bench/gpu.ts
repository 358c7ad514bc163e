/**
 * `deno task bench-gpu`: the engine on WebGPU, next to PyTorch with CUDA where there is one, in one file.
 *
 * It is bundled (`deno task bundle-gpu`) and carried to a machine with a GPU that has nothing but Deno and a driver:
 * see README.md. PyTorch's part, `peers/peer.py`, travels inside the bundle as text.
 */
import { CompiledDevice } from "../engine/compiled_device.ts";
import type { Device } from "../engine/device.ts";
import type { Executable } from "../engine/executor.ts";
import { openDevice } from "../engine/open.ts";
import { requestAdapter } from "../engine/webgpu/adapter.ts";
import type { Plan } from "../engine/plan.ts";
import { EXPERIMENT } from "../models/seq2hist.ts";
import { memorize } from "../run/memorize.ts";
import { defaultsOf } from "../run/model_file.ts";
import { openRun } from "../run/open_run.ts";
import type { SequenceFlags } from "../run/sequence_source.ts";
import { openSource } from "../run/sources.ts";
import { boolean, commonFlags, type FlagValues, integer, runTool, text, UsageError } from "../run/task.ts";
import peerProgram from "./peers/peer.py" with { type: "text" };
import { serveTfjsWebGpu } from "./peers/tfjs_webgpu.ts";
import { KeptPeer } from "./kept_peer.ts";
import { Peer, reasonOf } from "./protocol.ts";
import { findPython } from "./python.ts";
import { type Contestant, race, type Runner } from "./race.ts";
import { type Row, table } from "./table.ts";
import { runnerOf, tfjsStep } from "./tfjs.ts";
import {
  histogramFlops,
  matmulFlops,
  RECURRENT_256,
  recurrentFlops,
  type Workload,
  WORKLOADS,
} from "./workloads.ts";

/** Seconds that all of it may take, and that the main job is given of them. */
const TOTAL_LIMIT = 570;
const MAIN_SHARE = 120;
const SIZES = [512, 1024, 2048, 4096, 8192];
const REFERENCE = "pytorch-cuda-graph";
/** The modes of `peers/peer.py`. */
const MODES = ["eager", "graph", "compile"];
/** Seconds that loading may take in the last mode, where a quarter of what is left allows it: the compiler is slow. */
const COMPILE_LIMIT = 120;
/**
 * Workloads of which the CPU benchmark has only another size: many small steps, where the way to the GPU counts, and
 * sequences of a batch that fills one.
 */
const OTHERS: readonly Workload[] = [
  { name: "seq2hist-32", flops: histogramFlops(32) },
  ...Object.entries(RECURRENT_256).map(([name, of]) => ({ name, flops: recurrentFlops(of) })),
];
/** Lines of a profile: the nodes that take longest. */
const PROFILE_LINES = 12;
const MAIN = "main-job";
/** The one argument with which this program is the peer `tfjs-webgpu`. */
const PEER = "--serve-tfjs-webgpu";

/** What was compiled last, for the profile. */
interface Seen {
  readonly plan: Plan;
  readonly executable: Executable;
}

/** The engine on this process's GPU. */
class OwnDevice implements Contestant {
  readonly #profile: boolean;
  #device: Device | undefined;
  #seen: Seen | undefined;
  #run: ((steps: number) => Promise<number>) | undefined;
  #workload = "";

  constructor(profile: boolean) {
    this.#profile = profile;
  }

  async load({ workload }: { workload: string }): Promise<string> {
    this.#workload = workload;
    this.#device = await openDevice("webgpu", {
      observe: (seen) => {
        this.#seen = seen;
        return Promise.resolve();
      },
    });
    if (!(this.#device instanceof CompiledDevice)) throw new Error("the device does not compile");
    this.#run = await runnerOf(this.#device, tfjsStep(workload));
    return this.#device.description;
  }

  async time({ steps }: { steps: number }): Promise<{ seconds: number; loss: number }> {
    if (this.#run === undefined) throw new Error("Cannot time a workload before one is loaded");
    const start = performance.now();
    const loss = await this.#run(steps);
    return { seconds: (performance.now() - start) / 1000, loss };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#profile && this.#seen !== undefined) {
      // A GPU that was lost has no profile, which is no reason to lose the figures.
      console.log(
        await profileText(this.#workload, this.#seen).catch((error) =>
          `${this.#workload}: no profile: ${reasonOf(error)}`
        ),
      );
    }
    await this.#device?.[Symbol.asyncDispose]();
  }
}

/** The nodes of a function that take longest. */
async function profileText(workload: string, { plan, executable }: Seen): Promise<string> {
  const times = await executable.profile();
  const total = times.reduce((sum, time) => sum + time, 0);
  const lines = Array.from(times, (time, index) => ({ time, node: plan.graph.nodes[index] }))
    .toSorted((a, b) => b.time - a.time)
    .slice(0, PROFILE_LINES)
    .map(({ time, node: { op, inputs, outputs } }) => {
      const shapes = (values: typeof inputs) =>
        values.slice(0, 4).map(({ shape }) => `[${shape.join(", ")}]`).join(" ") +
        (values.length > 4 ? ` and ${values.length - 4} more` : "");
      return `  ${time.toFixed(4)} ms  ${op.kind}  ${shapes(inputs)} -> ${shapes(outputs)}`;
    });
  return [`${workload}: ${plan.graph.nodes.length} nodes, ${total.toFixed(3)} ms one by one`, ...lines].join(
    "\n",
  );
}

/** What is known of the GPU and its driver. */
interface Facts {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  readonly software: boolean;
  readonly limits: Readonly<Record<string, number>>;
  readonly features: readonly string[];
  readonly driver?: string;
}

async function facts(): Promise<Facts> {
  const adapter = await requestAdapter();
  if (adapter === null) {
    throw new Error(
      "Cannot measure as there is no graphics adapter: install libvulkan1 and set VK_DRIVER_FILES",
    );
  }
  const { vendor, architecture, device, description, isFallbackAdapter } = adapter.info;
  const { limits } = adapter;
  const driver = await driverVersion();
  return {
    vendor,
    architecture,
    device,
    description,
    software: isFallbackAdapter,
    limits: {
      maxBufferSize: limits.maxBufferSize,
      maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
      maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
      maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
      maxStorageBuffersPerShaderStage: limits.maxStorageBuffersPerShaderStage,
    },
    features: [...adapter.features],
    ...driver === undefined ? {} : { driver },
  };
}

/** NVIDIA's driver, where there is one. */
async function driverVersion(): Promise<string | undefined> {
  try {
    const { stdout } = await new Deno.Command("nvidia-smi", {
      args: ["--query-gpu=name,driver_version", "--format=csv,noheader"],
      stderr: "null",
    }).output();
    return new TextDecoder().decode(stdout).trim() || undefined;
  } catch {
    return undefined;
  }
}

/** PyTorch on CUDA in each of its modes, or the reason why not. `folder` takes its program. */
async function cudaRunners(
  folder: string,
  options: { readonly hosts: AsyncDisposableStack; readonly remaining: () => number },
): Promise<Runner[]> {
  const { hosts, remaining } = options;
  const python = await findPython("import torch; assert torch.cuda.is_available()");
  const script = `${folder}/peer.py`;
  await Deno.writeTextFile(script, peerProgram);
  return MODES.map((mode) => {
    const name = `pytorch-cuda-${mode}`;
    if (python === undefined) {
      return { name, contestants: [], missing: "no python3 with torch that sees a CUDA device" };
    }
    const host = hosts.use(
      new KeptPeer(
        [python, script, "--device", "cuda", "--mode", mode],
        (usual) => mode === "compile" ? Math.min(COMPILE_LIMIT, remaining() / 4) : usual,
      ),
    );
    return { name, contestants: [() => host.contestant()] };
  });
}

/** Stock tfjs on the same adapter: this program once more, in the part of the peer. */
function stockRunner(): Runner {
  // A bundle asks for no package, the program in its folder for those that are there already.
  const command = [
    Deno.execPath(),
    "run",
    "--quiet",
    "--cached-only",
    "--unstable-raw-imports",
    "--allow-read",
  ];
  return {
    name: "tfjs-webgpu",
    contestants: [() => new Peer([...command, import.meta.filename ?? "bench/gpu.ts", PEER])],
  };
}

/** What the main job took and gave. */
interface MainJob {
  readonly seconds: number;
  readonly images: number;
  readonly dataset: string;
  readonly metrics: Readonly<Record<string, number | null>>;
}

/** Autoencoder, sequence model, samples and report, as `deno task train-seq2hist` makes them. */
async function mainJob(
  folder: string,
  options: { readonly dataDir: string | undefined; readonly quick: boolean },
): Promise<MainJob> {
  const { dataDir, quick } = options;
  const flags: SequenceFlags = {
    dataset: dataDir === undefined ? "digits" : "mnist",
    file: undefined,
    field: undefined,
    bins: undefined,
    size: undefined,
    channels: undefined,
    count: quick ? 32 : 1024,
    offset: 0,
    seed: 0,
    device: "webgpu",
    threads: undefined,
    dataDir,
    steps: quick ? 2 : undefined,
    budget: undefined,
    until: undefined,
    samples: quick ? 1000 : 10_000,
    window: undefined,
    stride: undefined,
    unit: undefined,
    autoencoder: undefined,
    autoencoderSteps: quick ? 2 : undefined,
    afresh: false,
    out: undefined,
    resume: false,
    force: false,
    debug: false,
  };
  const start = performance.now();
  const source = await openSource(flags, EXPERIMENT);
  await using device = await openDevice("webgpu");
  const run = await openRun(`${folder}/main`, { task: EXPERIMENT.name, dataset: source.facts, device });
  await memorize(EXPERIMENT, { flags: { ...defaultsOf(EXPERIMENT.flags), ...flags }, run, device, source });
  const seconds = (performance.now() - start) / 1000;
  return { seconds, images: source.facts.count, dataset: flags.dataset, metrics: run.summary?.metrics ?? {} };
}

/** Products are raced by their size, sequences at batch 256; CUDA's programs have no exact search and no photographs. */
const MODELS = WORKLOADS.filter(({ name }) => !/^(matmul|nearest|cifar|flow|gru|lstm|rnn)/.test(name));
const NAMES = [...MODELS, ...OTHERS].map(({ name }) => name);

const FLAGS = {
  only: text({ help: `only what has TEXT in its name: matmul-N, ${[...NAMES, MAIN].join(", ")}` }),
  out: text({ placeholder: "FILE", help: "write the figures as JSON" }),
  quick: boolean({
    help: "products up to 1024 and a main job of 32 images and 2 steps: to see that everything runs",
  }),
  profile: boolean({ help: "also print the nodes of each step that take longest" }),
  software: boolean({ help: "measure on a software adapter if there is no other" }),
  dataDir: text({
    placeholder: "DIR",
    help: "the main job on MNIST from this folder instead of the built-in digits",
  }),
  maxSize: integer({ min: 1, help: "the largest product (default: 8192)" }),
  debug: commonFlags.debug,
};

async function bench({ only = "", ...flags }: FlagValues<typeof FLAGS>): Promise<void> {
  const start = performance.now();
  const largest = flags.maxSize ?? (flags.quick ? 1024 : 8192);
  const products: Workload[] = SIZES.filter((size) => size <= largest)
    .map((size) => ({ name: `matmul-${size}`, flops: matmulFlops(size) }));
  // The largest products last: they are what a short time can do without.
  const models = [...MODELS, ...OTHERS];
  const chosen = [...models, ...products].filter(({ name }) => name.includes(only));
  const withMain = MAIN.includes(only);
  if (chosen.length === 0 && !withMain) throw new UsageError(`--only ${only} is in no name`);
  const gpu = await facts();
  console.log(JSON.stringify(gpu, null, 2));
  if (gpu.software && !flags.software) {
    throw new UsageError("There is only a software adapter: add --software to measure on it all the same");
  }
  const remaining = () => TOTAL_LIMIT - (performance.now() - start) / 1000 - (withMain ? MAIN_SHARE : 0);
  const folder = await Deno.makeTempDir({ prefix: "engram-bench-" });
  const rows: Row[] = [];
  let job: MainJob | undefined;
  // After each part, so that what comes later cannot lose what there is.
  const save = async () => {
    if (flags.out === undefined) return;
    const machine = {
      date: new Date().toISOString(),
      deno: Deno.version.deno,
      system: Deno.build.target,
      gpu,
    };
    await Deno.writeTextFile(flags.out, JSON.stringify({ machine, rows, main: job }, null, 2) + "\n");
  };
  try {
    await using hosts = new AsyncDisposableStack();
    const runners: Runner[] = [
      { name: "engram-webgpu", contestants: [() => new OwnDevice(flags.profile)] },
      stockRunner(),
      ...await cudaRunners(folder, { hosts, remaining }),
    ];
    for (const workload of chosen) {
      console.error(`${workload.name} … (${Math.round((performance.now() - start) / 1000)} s)`);
      // A product is one kernel: there is nothing to compile.
      const fitting = runners.filter(({ name }) =>
        !(products.includes(workload) && name.endsWith("-compile"))
      );
      rows.push(...await race(workload, { runners: fitting, remaining }));
      await save();
    }
    await hosts.disposeAsync();
    const reference = rows.some(({ runner, ms }) => runner === REFERENCE && ms !== null)
      ? REFERENCE
      : "tfjs-webgpu";
    if (rows.length > 0) console.log(table(rows, { reference }));
    for (const { workload, runner, description } of rows) {
      if (description !== undefined) console.log(`  ${workload}, ${runner}: ${description}`);
    }
    if (withMain) {
      console.error(`${MAIN} … (${Math.round((performance.now() - start) / 1000)} s)`);
      job = await mainJob(folder, { quick: flags.quick, dataDir: flags.dataDir });
      console.log(`${MAIN}: ${job.seconds.toFixed(1)} s for ${job.images} images of ${job.dataset}`);
      console.log(JSON.stringify(job.metrics));
      await save();
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) {
  if (Deno.args[0] === PEER) await serveTfjsWebGpu();
  else {
    await runTool({
      name: "bench-gpu",
      summary: "Time the engine on a GPU, next to stock tfjs and to PyTorch with CUDA where there is one.",
      flags: FLAGS,
      run: bench,
    });
  }
}
