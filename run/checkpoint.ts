/** Where training was: `checkpoint.safetensors`, from which a run goes on to the bit. */
import { readTensors, writeTensors } from "../base/safetensors.ts";
import { assignVariables, type NamedVariables, storedTensors } from "./weights.ts";

/** Where training was when it was last saved. */
export interface Checkpoint {
  readonly step: number;
  /** Seconds of training so far, over all sittings. */
  readonly seconds: number;
  /** Whether training ended because its goal was reached. */
  readonly reached: boolean;
  /** The step after which the model was last evaluated; -1: never. */
  readonly evaluated: number;
  /** What was last logged, for the progress line and the result. */
  readonly values: Readonly<Record<string, number>>;
}

/** Writes a checkpoint of pulled variables that points at the end of the log. */
export async function writeCheckpoint(path: string, options: {
  readonly variables: NamedVariables;
  readonly checkpoint: Checkpoint;
  /** The path of `log.jsonl`. */
  readonly log: string;
}): Promise<void> {
  const { checkpoint } = options;
  const tensors = await storedTensors(options.variables);
  for (const [name, { data }] of Object.entries(tensors)) {
    if (!data.every(Number.isFinite)) throw new RangeError(`${name} is no longer finite`);
  }
  // The log first: a checkpoint must never point behind its end.
  using log = await Deno.open(options.log, { read: true, write: true });
  await log.sync();
  await writeTensors(path, tensors, {
    step: String(checkpoint.step),
    seconds: String(checkpoint.seconds),
    reached: String(checkpoint.reached),
    evaluated: String(checkpoint.evaluated),
    values: JSON.stringify(checkpoint.values),
    log_bytes: String((await log.stat()).size),
  });
}

/** Puts a checkpoint's values into `variables` and cuts the log back to it. */
export async function readCheckpoint(path: string, options: {
  readonly variables: NamedVariables;
  readonly log: string;
}): Promise<Checkpoint> {
  const { variables, log } = options;
  const { tensors, metadata } = await readTensors(path);
  assignVariables(variables, tensors, path);
  await Deno.truncate(log, Math.min(Number(metadata.log_bytes), (await Deno.stat(log)).size));
  return {
    step: Number(metadata.step),
    seconds: Number(metadata.seconds),
    reached: metadata.reached === "true",
    evaluated: Number(metadata.evaluated),
    values: JSON.parse(metadata.values),
  };
}
