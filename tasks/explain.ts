/** `deno task explain MODEL|RUN`: what the engine makes of a training step, and where its time goes. */
import { join } from "node:path";
import type { Observer } from "../engine/compiled_device.ts";
import { sizeOf, type TypedArray } from "../engine/graph.ts";
import { cost } from "../engine/kernels/mod.ts";
import { openDevice } from "../engine/open.ts";
import { printKept, printNodes } from "../engine/print.ts";
import { isModelKind, type ModelKind, MODELS } from "../models/mod.ts";
import { runFolder } from "../run/named_run.ts";
import { openRun } from "../run/open_run.ts";
import { findRun, type StoredRun } from "../run/stored_run.ts";
import { argument, boolean, choice, integer, runTool, UsageError } from "../run/task.ts";
import { readWeights } from "../run/weights.ts";

/** Runs before and while times are taken. */
const WARM_UP = 20;
const PROFILES = 15;

/** Inputs of the right shapes that keep a step finite: indices 0, rates and images 0. */
function zeros(shape: readonly number[], dtype: "float32" | "int32"): TypedArray {
  return dtype === "int32" ? new Int32Array(sizeOf(shape)) : new Float32Array(sizeOf(shape));
}

const explainStep = (note: (line: string) => void): Observer => async ({ traced, plan, executable }) => {
  const { graph, arenaSize, waits } = plan;
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
    const time = times[node].toFixed(3).padStart(9), rate = gigaflops(flops[node], times[node]).padStart(6);
    note(`${time} ms ${rate} GFLOP/s ${waits[node] ? "|" : " "} ${line}`);
    const kept = printKept(graph.nodes[node]);
    if (kept !== undefined) note(`${" ".repeat(31)}${kept}`);
  });
  note(
    `${traced.nodes.length} nodes traced, ${graph.nodes.length} after all passes ("|": waits for those before it)\n` +
      `${megabytes(arenaSize)} of arena, ${megabytes(executable.workspace)} of workspace beside it, ${
        megabytes(resident)
      } resident\n` +
      `${(sum(flops) / 1e6).toFixed(1)} MFLOP a step, ${sum(times).toFixed(2)} ms, ` +
      `${gigaflops(sum(flops), sum(times))} GFLOP/s`,
  );
};

/** Operations of so many milliseconds as billions in a second; a dash where the clock is too coarse for them. */
function gigaflops(flops: number, milliseconds: number): string {
  return milliseconds > 0 ? (flops / milliseconds / 1e6).toFixed(1) : "–";
}

/**
 * The kind of model that `name` means, and the run that holds it, if it is not a kind itself.
 *
 * @throws {UsageError} where it means neither.
 */
async function findModel(name: string): Promise<{ readonly kind: ModelKind; readonly stored?: StoredRun }> {
  if (isModelKind(name)) return { kind: name };
  const stored = await findRun(await runFolder(name)), kinds = Object.keys(MODELS).join(", ");
  if (stored?.summary?.status !== "completed") {
    throw new UsageError(
      `Cannot explain ${name} as MODEL must be the folder of a finished run, its name in runs/, latest, or one of: ${kinds}`,
    );
  }
  const { metadata: { model: kind } } = await readWeights(stored.folder);
  if (isModelKind(kind)) return { kind, stored };
  throw new Error(
    `Cannot explain ${name} as it holds a model of the kind ${kind}: this version knows ${kinds}`,
  );
}

if (import.meta.main) {
  const kinds = Object.keys(MODELS).join(", ");
  await runTool({
    name: "explain",
    summary: "Show a training step as the engine runs it: nodes, memory, FLOPs, and the time of each node.",
    flags: {
      model: argument({
        placeholder: "MODEL",
        help:
          `a finished run (its folder, its name in runs/, or latest), or a model in its usual size: ${kinds}`,
      }),
      device: choice(["auto", "webgpu", "wasm"], { default: "auto", help: "where to compute" }),
      threads: integer({ min: 1, help: "processor threads of the wasm device (default: one a core)" }),
      debug: boolean({ help: "show the stack trace of an error" }),
    },
    run: async ({ model: name, device: choice, threads }, session) => {
      const { kind, stored } = await findModel(name), { MODEL } = await MODELS[kind]();
      const folder = await Deno.makeTempDir({ prefix: "engram-explain-" });
      try {
        const note = (line: string): void => session.note(line);
        const explain = explainStep(note);
        let steps = 0;
        await using device = await openDevice(choice, {
          threads,
          observe: async (seen) => {
            // A function without updates is an evaluation; the training step is what was asked for.
            if (seen.plan.graph.updates.length === 0) return;
            steps++;
            await explain(seen);
          },
        });
        note(`${stored === undefined ? kind : `${kind} of ${stored.folder}`}, on ${device.description}`);
        const dataset = { name: "drawn", split: "train", offset: 0, count: 1024, sha256: "" };
        const run = await openRun(join(folder, "run"), { task: "explain", dataset, device });
        await MODEL.step({ run, device }, stored);
        if (steps === 0) note(`${kind} has no training step: it counts what it has seen`);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}
