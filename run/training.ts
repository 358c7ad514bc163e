/** The one training loop: limits, logging, evaluation, checkpoints, signals, and going on after any of them. */
import * as tf from "@tensorflow/tfjs";
import type { Device } from "../engine/device.ts";
import type { NamedVariables, Run } from "./run.ts";

// tfjs advertises its native backend on the first tensor made under Deno; progress stands alone on the screen.
tf.env().set("IS_NODE", false);

/** What is trained, and how. */
export interface Training {
  /** Names what is being trained in the progress line and the log. */
  readonly phase: string;
  /** How many steps to make in all. */
  readonly steps: number;
  /** How many seconds to train in all, earlier sittings included; absent: no limit. */
  readonly budget?: number;
  /** Everything that a step changes: weights, optimizer slots. */
  readonly variables: NamedVariables;
  /** Who owns the variables while training. */
  readonly device: Pick<Device, "pull" | "push">;
  /** Makes step `t` = 0, 1, …; whatever it draws is a function of `t` alone, so that a resumed run is the same run. */
  readonly step: (t: number) => Promise<void>;
  /**
   * What the steps since the last call gave: usually `() => compiled.read()`. An array is averaged for the log. The
   * first field is the one shown; every value must be finite. Called every `logEvery` steps.
   */
  readonly read: () => Promise<Readonly<Record<string, number | ArrayLike<number>>>>;
  /** Absent: 100. */
  readonly logEvery?: number;
  /** Metrics of the model after `t` steps, the variables being pulled; called every `evaluateEvery` steps and at the end. */
  readonly evaluate?: (t: number) => Promise<Readonly<Record<string, number>>>;
  /** Absent: at the end only. */
  readonly evaluateEvery?: number;
  /** Whether the goal is reached; asked after each evaluation. */
  readonly stopWhen?: (metrics: Readonly<Record<string, number>>) => boolean;
  /** Seconds between checkpoints; absent: 20. */
  readonly checkpointEvery?: number;
}

/** How training ended. The variables are pulled. */
export interface Trained {
  /** Steps made, earlier sittings included. */
  readonly steps: number;
  /** Seconds spent, earlier sittings included. */
  readonly seconds: number;
  readonly reason: "steps" | "budget" | "goal";
  /** The last values read and evaluated. */
  readonly values: Readonly<Record<string, number>>;
}

/**
 * Trains until the steps, the budget or the goal is reached, from the run's checkpoint if it has one. A signal ends
 * the task after a checkpoint.
 *
 * @throws {Error} naming the step, where the loss or a variable stops being finite; the last checkpoint stays.
 */
export function train(run: Run, training: Training): Promise<Trained> {
  return run.session.guard(() => loop(run, training));
}

async function loop(run: Run, training: Training): Promise<Trained> {
  const { phase, steps, budget = Infinity, variables, device, logEvery = 100 } = training;
  const { session } = run;
  const owned = Object.values(variables);
  const before = await run.restore(variables);
  if (before !== undefined) {
    await device.push(owned);
    run.note(`${phase}: going on after step ${before.step}`);
  }
  let t = before?.step ?? 0;
  let reached = before?.reached ?? false;
  let values = before?.values ?? {};
  let loggedAt = t, savedAt = t;
  // A checkpoint may be younger than the last evaluation, so that a resumed run evaluates at its end in any case.
  let evaluatedAt = -1;
  const startedAt = performance.now() - (before?.seconds ?? 0) * 1000;
  const seconds = (): number => (performance.now() - startedAt) / 1000;
  let savedSeconds = seconds();
  session.progress.begin(phase, t, seconds());
  const position = () => ({
    phase,
    step: t,
    steps,
    budget: training.budget,
    seconds: seconds(),
    values,
  });

  const diverge = (what: string): never => {
    const kept = savedAt > 0 ? ` (the checkpoint of step ${savedAt} is intact)` : "";
    throw new Error(`${phase}: ${what}: try a smaller learning rate or another --seed${kept}`);
  };
  const log = async (): Promise<void> => {
    const read = average(await training.read(), { from: loggedAt, to: t, diverge });
    loggedAt = t;
    values = { ...values, ...read };
    run.log({ phase, step: t, seconds: rounded(seconds()), ...read });
  };
  const evaluate = async (): Promise<void> => {
    if (training.evaluate === undefined) return;
    await device.pull(owned);
    const metrics = await training.evaluate(t);
    evaluatedAt = t;
    values = { ...values, ...metrics };
    run.log({ phase, step: t, seconds: rounded(seconds()), ...metrics });
    reached = training.stopWhen?.(metrics) ?? false;
  };
  const save = async (): Promise<void> => {
    // The loss of the steps not logged yet is looked at first: a checkpoint is good or is not written.
    if (loggedAt < t) await log();
    await device.pull(owned);
    try {
      await run.save(variables, { step: t, seconds: seconds(), reached, values });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      diverge(`${error.message} after step ${t}`);
    }
    savedAt = t;
    savedSeconds = seconds();
  };

  while (t < steps && !reached && seconds() < budget && !session.stopping) {
    await training.step(t);
    t++;
    if (t % logEvery === 0) await log();
    if (training.evaluateEvery !== undefined && t % training.evaluateEvery === 0) await evaluate();
    session.progress.update(position());
    if (seconds() - savedSeconds >= (training.checkpointEvery ?? 20)) await save();
    await session.pause();
  }
  if (session.stopping) {
    if (savedAt < t) await save();
    session.progress.end(position());
    session.stop();
  }
  const reason = reached ? "goal" : t >= steps ? "steps" : "budget";
  if (loggedAt < t) await log();
  if (evaluatedAt < t) await evaluate();
  if (savedAt < t) await save();
  await device.pull(owned);
  session.progress.end(position());
  return { steps: t, seconds: seconds(), reason, values };
}

/** Averages what the steps after `from` gave, and finds the first of them that is not finite. */
function average(
  read: Readonly<Record<string, number | ArrayLike<number>>>,
  { from, to, diverge }: {
    readonly from: number;
    readonly to: number;
    readonly diverge: (what: string) => never;
  },
): Record<string, number> {
  const means: Record<string, number> = {};
  for (const [name, value] of Object.entries(read)) {
    const list = typeof value === "number" ? [value] : Array.from(value);
    const bad = list.findIndex((entry) => !Number.isFinite(entry));
    if (bad >= 0) {
      const when = list.length === to - from ? `at step ${from + bad + 1}` : `in steps ${from + 1} to ${to}`;
      diverge(`${name} became ${list[bad]} ${when}`);
    }
    means[name] = list.reduce((sum, entry) => sum + entry, 0) / list.length;
  }
  return means;
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
