/** What the assignments' exercises share that train no model: flags, and a run folder like every other's. */
import * as tf from "@tensorflow/tfjs";
import { createHash } from "node:crypto";
import type { Run } from "./run.ts";
import { commonFlags, type Flags } from "./task.ts";

const { out, resume, force, debug } = commonFlags;

/** The flags of a task that only computes. */
export const exerciseFlags = {
  out: { ...out, help: "the run folder (default: one under runs/, named after the task)" },
  resume: { ...resume, help: "leave the run in --out as it is, where it is complete" },
  force,
  debug,
} as const satisfies Flags;

/** Opens the run folder of an exercise. `content` is what is computed upon, as text: the run keeps its hash. */
export async function configureExercise(
  run: Run,
  subject: { readonly name: string; readonly count: number; readonly content: string },
): Promise<void> {
  const { name, count, content } = subject;
  const sha256 = createHash("sha256").update(content).digest("hex");
  await run.configure({
    dataset: { name, split: "all", offset: 0, count, sha256 },
    device: { kind: "tfjs", description: "tfjs, cpu, one thread" },
  });
}

/** Makes tfjs compute on one thread, in plain JavaScript and without its advertisement for another backend. */
export async function openCpu(): Promise<void> {
  tf.enableProdMode();
  await tf.setBackend("cpu");
}
