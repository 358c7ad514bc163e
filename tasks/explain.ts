/** `deno task explain MODEL`: what the engine makes of a model's training step, and where its time goes. */
import type { Observer } from "../engine/compiled_device.ts";
import { sizeOf, type TypedArray } from "../engine/graph.ts";
import { cost } from "../engine/kernels/mod.ts";
import { openDevice } from "../engine/open.ts";
import { printKept, printNodes } from "../engine/print.ts";
import { isModelKind, MODELS } from "../models/mod.ts";
import { Run } from "../run/run.ts";
import { argument, boolean, choice, integer, runTool, UsageError } from "../run/task.ts";

/** Runs before and while times are taken. */
const WARM_UP = 20;
const PROFILES = 15;

/** Inputs of the right shapes that keep a step finite: indices 0, rates and images 0. */
function zeros(shape: readonly number[], dtype: "float32" | "int32"): TypedArray {
  return dtype === "int32" ? new Int32Array(sizeOf(shape)) : new Float32Array(sizeOf(shape));
}

const explainStep = (note: (line: string) => void): Observer => async ({ traced, plan, executable }) => {
  const { graph, arenaSize, waits } = plan;
  // A function without updates is an evaluation; the training step is what was asked for.
  if (graph.updates.length === 0) return;
  const inputs = graph.inputs.map(({ value }) => zeros(value.shape, value.dtype));
  for (let run = 0; run < WARM_UP; run++) await executable.run(inputs);
  const profiles: Float64Array[] = [];
  for (let run = 0; run < PROFILES; run++) profiles.push(await executable.profile());
  const times = graph.nodes.map((_, node) => {
    const sorted = profiles.map((profile) => profile[node]).sort((a, b) => a - b);
    return sorted[PROFILES >> 1];
  });
  await executable.read();
  const flops = graph.nodes.map((node) => cost(node).flops);
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
  const resident = sum(graph.residents.map(({ value }) => sizeOf(value.shape)));
  const megabytes = (elements: number): string => `${(elements * 4 / 1e6).toFixed(1)} MB`;
  printNodes(graph).forEach((line, node) => {
    const rate = flops[node] / times[node] / 1e6;
    note(
      `${times[node].toFixed(3).padStart(9)} ms ${rate.toFixed(1).padStart(6)} GFLOP/s ${
        waits[node] ? "|" : " "
      } ${line}`,
    );
    const kept = printKept(graph.nodes[node]);
    if (kept !== undefined) note(`${" ".repeat(31)}${kept}`);
  });
  note(
    `${traced.nodes.length} nodes traced, ${graph.nodes.length} after all passes ("|": waits for those before it)\n` +
      `${megabytes(arenaSize)} of arena, ${megabytes(executable.workspace)} of workspace beside it, ${
        megabytes(resident)
      } resident\n` +
      `${(sum(flops) / 1e6).toFixed(1)} MFLOP a step, ${sum(times).toFixed(2)} ms, ` +
      `${(sum(flops) / sum(times) / 1e6).toFixed(1)} GFLOP/s`,
  );
};

if (import.meta.main) {
  const names = Object.keys(MODELS);
  await runTool({
    name: "explain",
    summary:
      "Show a model's training step as the engine runs it: nodes, memory, FLOPs, and the time of each node.",
    flags: {
      model: argument({ placeholder: "MODEL", help: `one of: ${names.join(", ")}` }),
      device: choice(["auto", "webgpu", "wasm"], { default: "auto", help: "where to compute" }),
      threads: integer({ min: 1, help: "processor threads of the wasm device (default: one a core)" }),
      debug: boolean({ help: "show the stack trace of an error" }),
    },
    run: async ({ model, device: kind, threads }, session) => {
      if (!isModelKind(model)) {
        throw new UsageError(`Cannot explain ${model} as MODEL must be one of: ${names.join(", ")}`);
      }
      const folder = await Deno.makeTempDir({ prefix: "engram-explain-" });
      try {
        const note = (line: string): void => session.note(line);
        await using device = await openDevice(kind, { threads, observe: explainStep(note) });
        note(device.description);
        const run = new Run(session, { task: "explain", flags: {}, place: { mode: "replace", folder } });
        const dataset = { name: "example", split: "train", offset: 0, count: 1024, sha256: "" };
        await run.configure({ dataset, device });
        const { MODEL } = await MODELS[model]();
        await MODEL.step({ run, device });
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}
