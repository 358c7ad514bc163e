/** Where training was: `checkpoint.safetensors`, from which a run goes on to the bit. */
import { isRecord } from "../base/files.ts";
import { readTensors, writeTensors } from "../base/safetensors.ts";
import { readLog } from "./log.ts";
import { assignVariables, type NamedVariables, storedTensors } from "./weights.ts";

/** The file of a checkpoint. */
export const CHECKPOINT = "checkpoint.safetensors";

/** Where training was when it was last saved. */
export interface Checkpoint {
  /** Steps made. */
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
  /** What the checkpoint belongs to: `fingerprint` of the run. */
  readonly run: string;
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
    run: options.run,
  });
}

/**
 * Puts a checkpoint's values into `variables` and cuts the log back to it.
 *
 * @throws {SyntaxError} naming the file, where it or the log is damaged; {Error} where it belongs to another run.
 */
export async function readCheckpoint(path: string, options: {
  readonly variables: NamedVariables;
  readonly log: string;
  readonly run: string;
}): Promise<Checkpoint> {
  const { variables, log } = options;
  const { tensors, metadata } = await readTensors(path, { sealed: true });
  const fail = (name: string): never => {
    throw new SyntaxError(
      `Cannot go on from ${path} as its "${name}" is ${
        metadata[name] ?? "missing"
      }: it is damaged, start a new run`,
    );
  };
  const number = (name: string, fits: (value: number) => boolean): number => {
    const value = (metadata[name] ?? "").trim() === "" ? NaN : Number(metadata[name]);
    return fits(value) ? value : fail(name);
  };
  const counted = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
  const step = number("step", counted);
  const checkpoint = {
    step,
    seconds: number("seconds", (value) => value >= 0 && value < Infinity),
    reached: metadata.reached === "true" || (metadata.reached === "false" ? false : fail("reached")),
    evaluated: number("evaluated", (value) => value === -1 || counted(value) && value <= step),
    values: parseValues(metadata.values) ?? fail("values"),
  };
  const bytes = number("log_bytes", counted);
  if ((metadata.run ?? fail("run")) !== options.run) {
    throw new Error(
      `Cannot go on from ${path} as it belongs to a run of other flags, seed, data or codes than config.json beside ` +
        "it names: bring back the one that is not its own, or start a new run",
    );
  }
  await readLog(log, bytes);
  assignVariables(variables, tensors, path);
  await Deno.truncate(log, bytes);
  return checkpoint;
}

function parseValues(text: string): Record<string, number> | undefined {
  try {
    const values: unknown = JSON.parse(text);
    const fits = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);
    return isRecord(values) && Object.values(values).every(fits)
      ? values as Record<string, number>
      : undefined;
  } catch {
    return undefined;
  }
}
