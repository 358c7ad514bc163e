/** The one training loop: limits, logging, evaluation, checkpoints, signals, and going on after any of them. */
import * as tf from "@tensorflow/tfjs";
import type { Device } from "../engine/device.ts";
import { stepsThatFit } from "./budget.ts";
import type { NamedVariables, Run } from "./run.ts";
import { Stopped } from "./session.ts";

// tfjs advertises its native backend on the first tensor made under Deno; progress stands alone on the screen.
tf.env().set("IS_NODE", false);

/** What is trained, and how. */
export interface Training {
  /** Names what is being trained in the progress line and the log. */
  readonly phase: string;
  /** How many steps to make in all, unless `--budget` without `--steps` has them chosen. */
  readonly steps: number;
  /** At most so many are chosen for `--budget`. Absent: as many as fit. */
  readonly mostSteps?: number;
  /** How many seconds this sitting may train at most; absent: what `--budget` leaves to the command. */
  readonly budget?: number;
  /** Everything that a step changes: weights, optimizer slots. */
  readonly variables: NamedVariables;
  /** Who owns the variables while training. */
  readonly device: Pick<Device, "pull" | "push">;
  /**
   * Makes step `t` = 0, 1, … of `steps`, which a schedule must take from here and from nowhere else: they may have been
   * chosen, and are Infinity while steps are tried for their time. What it draws is a function of `t` alone, so that a
   * resumed run is the same run.
   */
  readonly step: (t: number, steps: number) => Promise<void>;
  /**
   * What is made anew before step 0 and every so many steps after it, such as how often each row is drawn. It is no
   * part of `step` as it takes as long as many of them, and `--budget` plans for both.
   */
  readonly renew?: { readonly every: number; readonly run: () => Promise<void> };
  /**
   * What the steps since the last call gave: usually `() => compiled.read()`. An array is averaged for the log. The
   * first field is the one shown; every value must be finite. Called every `logEvery` steps, and every few seconds.
   */
  readonly read: () => Promise<Readonly<Record<string, number | ArrayLike<number>>>>;
  /** Absent: 100. */
  readonly logEvery?: number;
  /** Metrics of the model after `t` steps, the variables being pulled; called where `evaluateAt` says and at the end. */
  readonly evaluate?: (t: number) => Promise<Readonly<Record<string, number>>>;
  /** Whether to evaluate after `t` = 1, 2, … of all steps: `every`, `logSpaced`. Absent: at the end only. */
  readonly evaluateAt?: (t: number, steps: number) => boolean;
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
  /** What ended it. */
  readonly reason: "steps" | "budget" | "goal";
  /** The last values read and evaluated. */
  readonly values: Readonly<Record<string, number>>;
}

/** Share of the seconds that is left to what follows training: sampling, measuring, the report. */
const RESERVED = 0.05;
/** Slow steps are logged after so many seconds. */
const LOG_SECONDS = 5;

/** Evaluates after every `interval` steps. */
export function every(interval: number): (t: number) => boolean {
  return (t) => t % interval === 0;
}

/** Evaluates after at most `count` steps from the first to the last, each as many times the one before: 1, 2, 4, 8, … */
export function logSpaced(count = 20): (t: number, steps: number) => boolean {
  return (t, steps) => {
    const point = (index: number): number => Math.round(steps ** (index / (count - 1)));
    const near = steps === 1 ? 0 : Math.log(t) / Math.log(steps) * (count - 1);
    return point(Math.floor(near)) === t || point(Math.ceil(near)) === t;
  };
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
  const { phase, variables, device, renew, logEvery = 100, evaluateAt = () => false } = training;
  const { session } = run;
  const owned = Object.values(variables);
  const allowed = Math.min(training.budget ?? Infinity, run.secondsLeft);
  const reserve = allowed === Infinity ? 0 : Math.max(session.reserve, RESERVED * allowed);
  const cut = performance.now() / 1000 + Math.max(0, allowed - reserve);
  const before = await run.restore(variables);
  if (before !== undefined) {
    await device.push(owned);
    run.note(`${phase}: going on after step ${before.step}`);
  }
  const startedAt = performance.now() - (before?.seconds ?? 0) * 1000;
  const seconds = (): number => (performance.now() - startedAt) / 1000;
  let { steps } = training;
  if (run.choosesSteps && before === undefined && allowed > 0) {
    const chosen = await stepsThatFit(run, training, { seconds: cut - performance.now() / 1000 });
    if (chosen !== undefined) {
      steps = chosen;
      if (steps !== training.steps) await run.recordSteps(steps);
    }
  }

  let t = before?.step ?? 0;
  let reached = before?.reached ?? false;
  let values = before?.values ?? {};
  let loggedAt = t, savedAt = before === undefined ? -1 : t, evaluatedAt = before?.evaluated ?? -1;
  let savedSeconds = seconds(), loggedSeconds = savedSeconds;
  session.progress.begin(phase, t, seconds());
  const position = () => ({
    phase,
    step: t,
    steps,
    budget: cut === Infinity ? undefined : seconds() + cut - performance.now() / 1000,
    seconds: seconds(),
    values,
  });
  const diverge = (what: string): never => {
    const saved = savedAt > 0 ? ` (the checkpoint of step ${savedAt} is intact)` : "";
    throw new Error(`${phase}: ${what}: try a smaller learning rate or another seed${saved}`);
  };
  const log = async (): Promise<void> => {
    const read = average(await training.read(), { from: loggedAt, to: t, diverge });
    loggedAt = t;
    loggedSeconds = seconds();
    values = { ...values, ...read };
    run.log({ phase, step: t, seconds: rounded(seconds()), ...read });
  };
  const measure = async (): Promise<void> => {
    const { evaluate } = training;
    if (evaluate === undefined) return;
    await device.pull(owned);
    let metrics: Readonly<Record<string, number>>;
    try {
      metrics = await session.interruptible(() => evaluate(t));
    } catch (error) {
      // A signal came: the checkpoint says that this evaluation is still to be made.
      if (error instanceof Stopped && session.stopping) return;
      throw error;
    }
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
      await run.save(variables, { step: t, seconds: seconds(), reached, evaluated: evaluatedAt, values });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      diverge(`${error.message} after step ${t}`);
    }
    savedAt = t;
    savedSeconds = seconds();
  };

  if (t > 0 && evaluatedAt < t && evaluateAt(t, steps)) await measure();
  while (t < steps && !reached && performance.now() / 1000 < cut && !session.stopping) {
    if (renew !== undefined && t % renew.every === 0) await renew.run();
    await training.step(t, steps);
    t++;
    if (t % logEvery === 0 || seconds() - loggedSeconds >= LOG_SECONDS) await log();
    if (evaluateAt(t, steps)) await measure();
    session.progress.update(position());
    if (seconds() - savedSeconds >= (training.checkpointEvery ?? 20)) await save();
    await session.pause();
  }
  const stopped = async (): Promise<void> => {
    if (!session.stopping) return;
    if (savedAt < t || evaluatedAt === t) await save();
    session.progress.end(position());
    session.stop();
  };
  await stopped();
  const reason = reached ? "goal" : t >= steps ? "steps" : "budget";
  if (loggedAt < t) await log();
  if (evaluatedAt < t) await measure();
  await stopped();
  await save();
  await device.pull(owned);
  session.progress.end(position());
  run.end(reason);
  if (reason === "budget") {
    const left = `${phase}: ended by --budget at step ${grouped(t)} of ${grouped(steps)}`;
    run.note(run.isPart ? left : `${left}: go on with ${run.resumeCommand}`);
  }
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

function grouped(value: number): string {
  return value.toLocaleString("en-US");
}
