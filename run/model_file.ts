/** What a model's file exports as `MODEL`, for the registry `models/mod.ts` and all that goes through it. */
import type { Device } from "../engine/device.ts";
import type { Weights } from "../engine/optimizers.ts";
import type { Flags, FlagValues } from "./flags.ts";
import type { Run } from "./run.ts";
import type { StoredRun } from "./stored_run.ts";
import { assignVariables, readWeights } from "./weights.ts";

/** Where a model is trained. */
export interface Context {
  readonly run: Run;
  readonly device: Device;
}

/** A trained model on its device: `kind` tells which, and so what else it can do. */
export interface Loaded {
  readonly kind: string;
}

/** A trained model whose test figures can be computed again. */
export interface Measurable {
  /**
   * Figures of the test set that the flags of `stored` choose, by their names in `summary.json`.
   *
   * @param options.dataDir where its files lie now. Absent: where the run found them.
   */
  testScores(
    stored: StoredRun,
    options: { readonly dataDir?: string },
  ): Promise<Readonly<Record<string, number>>>;
}

/** A model's file, to those who do not know the model. `run/` makes one of an experiment of each kind. */
export interface ModelFile<L extends Loaded = Loaded> {
  /** The task that trains it, as in deno.json. */
  readonly task: string;
  /**
   * The model that the finished run in `folder` holds, ready to be used on `device`. Its weights are tfjs variables:
   * the caller disposes them.
   */
  readonly load: (folder: string, device: Device) => Promise<L>;
  /**
   * Makes one training step, which `explain` looks at: of the model that the finished run `stored` holds, on made data of
   * its shape and number; absent: of the model in its usual size, on data of the usual shape.
   */
  readonly step: (context: Context, stored?: StoredRun) => Promise<void>;
}

/**
 * The model that a run's weights hold.
 *
 * @param options.kind what it must be; absent: whatever `build` builds.
 * @throws {Error} where it is of another kind.
 */
export async function restored<
  Model extends { readonly config: { readonly model: string }; readonly weights: Weights },
>(
  folder: string,
  options: { readonly build: (config: Model["config"]) => Model; readonly kind?: string },
): Promise<Model> {
  const { build, kind } = options, { tensors, metadata } = await readWeights(folder);
  if (kind !== undefined && metadata.model !== kind) {
    throw new Error(
      `Cannot use ${folder} as a ${kind} as it holds a ${metadata.model ?? "model without a name"}`,
    );
  }
  // The run wrote the configuration of the model that it names.
  const model = build(JSON.parse(metadata.config) as Model["config"]);
  assignVariables(model.weights, tensors, folder);
  return model;
}

/** The values that flags have where none is given. */
export function defaultsOf<F extends Flags>(flags: F): FlagValues<F> {
  const values = Object.entries(flags).map(([name, flag]) => [name, flag.default]);
  // Each value is the default of the flag that has its name.
  return Object.fromEntries(values) as FlagValues<F>;
}
