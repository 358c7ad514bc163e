/** The race on a workload: contestants take turns, and the median of a runner's turns is its figure. */
import { reasonOf } from "./protocol.ts";
import { disagreements, median, type Row } from "./table.ts";
import type { Workload } from "./workloads.ts";

/** Seconds that a step may take, and that loading or a first step (it compiles) may take. */
const STEP_LIMIT = 20;
const FIRST_LIMIT = 60;
/** A turn's length, and how long a runner may take on one workload, in seconds. */
const TURN = 0.25;
const RUNNER_LIMIT = 30;
/** Seconds from which on a step is a turn of its own: once to warm up is enough, and the first round counts. */
const LONG = 1;
/** Rounds that are counted, rounds that are tried for them, and how few calm ones are better than all. */
const ROUNDS = 10;
const MOST_ROUNDS = 60;
const LEAST_ROUNDS = 3;
/** Relative difference of losses that is worth a word. */
const TOLERANCE = 1e-3;
/** Steps whose losses are compared: the first checks the forward pass, the others the gradients and Adam. */
const CHECKED_STEPS = 3;

/** Something that loads a workload and runs steps of it: a peer's process, or a device of this one. */
export interface Contestant extends AsyncDisposable {
  /** Prepares a workload within `limit` seconds; resolves to a description of itself. */
  load(request: { workload: string; threads?: number; limit: number }): Promise<string>;
  /** Runs `steps` steps within `limit` seconds. */
  time(request: { steps: number; limit: number }): Promise<{ seconds: number; loss: number }>;
}

/** A row of the table. */
export interface Runner {
  readonly name: string;
  /** One contestant or several, with 1, 2, … threads, of which the fastest counts. */
  readonly contestants: readonly (() => Contestant)[];
  /** Why there is none. */
  readonly missing?: string;
}

/** A contestant in the race on one workload. */
interface Racer {
  readonly runner: string;
  readonly contestant: Contestant;
  readonly description: string;
  readonly losses: number[];
  /** Milliseconds a step of each turn, and of those taken while the machine was not calm. */
  readonly turns: number[];
  readonly restless: number[];
  stepSeconds: number;
  spent: number;
  reason?: string;
}

/** Lets a contestant take its first steps. Its reason says why it is out of the race, if it is. */
async function warmUp(racer: Racer, workload: Workload, remaining: () => number): Promise<void> {
  for (let step = 0; step < CHECKED_STEPS && racer.spent < RUNNER_LIMIT / 2; step++) {
    const limit = Math.min(step === 0 ? FIRST_LIMIT : STEP_LIMIT, remaining());
    const { seconds, loss } = await racer.contestant.time({ steps: 1, limit });
    racer.losses.push(loss);
    racer.stepSeconds = seconds;
    racer.spent += seconds;
    if (seconds > LONG) break;
  }
  if (racer.stepSeconds > STEP_LIMIT) throw new Error(`a step of ${workload.name} took over ${STEP_LIMIT} s`);
}

/**
 * Times all runners on a workload; `remaining` are the seconds that are left for it. Only rounds that begin and end with
 * a machine that is `calm` are counted, where there are enough of them.
 */
export async function race(
  workload: Workload,
  options: {
    readonly runners: readonly Runner[];
    readonly remaining: () => number;
    readonly calm?: () => Promise<boolean>;
  },
): Promise<Row[]> {
  const { remaining, calm = () => Promise.resolve(true) } = options;
  await using stack = new AsyncDisposableStack();
  const racers: Racer[] = [];
  const reasons = new Map<string, string>();
  const entries = options.runners.flatMap(({ name, contestants }) =>
    contestants.slice(0, workload.threads).map((open) => ({ name, open }))
  );
  for (const { name, missing } of options.runners) {
    if (missing !== undefined) reasons.set(name, missing);
  }
  for (const [place, { name, open }] of entries.entries()) {
    // None may take what the others need: to load, to warm up, and for a turn.
    const end = remaining() * (1 - 1 / (entries.length - place));
    const left = () => Math.max(LONG, remaining() - end);
    const contestant = open();
    try {
      const description = await contestant.load({
        workload: workload.name,
        threads: workload.threads,
        limit: Math.min(FIRST_LIMIT, left()),
      });
      const racer: Racer = {
        runner: name,
        contestant,
        description,
        losses: [],
        turns: [],
        restless: [],
        stepSeconds: 0,
        spent: 0,
      };
      await warmUp(racer, workload, left);
      stack.use(contestant);
      racers.push(racer);
    } catch (error) {
      reasons.set(name, reasonOf(error));
      await contestant[Symbol.asyncDispose]();
    }
  }
  let counted = 0, tried = 0, wasCalm = false;
  // The first round is one step each, and tells how many fit into a turn: the warm-up's were cold.
  for (
    let round = 0;
    counted < ROUNDS && round <= MOST_ROUNDS && (round <= ROUNDS || remaining() > 0);
    round++
  ) {
    const times = new Map<Racer, number>();
    for (const racer of racers) {
      const isLate = racer.spent > RUNNER_LIMIT ||
        (racer.stepSeconds > LONG && remaining() < racer.stepSeconds);
      if (racer.reason !== undefined || (round > 0 && isLate)) continue;
      const steps = round === 0 ? 1 : Math.max(1, Math.round(TURN / racer.stepSeconds));
      try {
        const limit = Math.max(STEP_LIMIT, Math.min(STEP_LIMIT * steps, remaining()));
        const { seconds } = await racer.contestant.time({ steps, limit });
        racer.stepSeconds = seconds / steps;
        racer.spent += seconds;
        if (round > 0 || seconds > LONG) times.set(racer, 1000 * seconds / steps);
      } catch (error) {
        racer.reason = reasonOf(error);
      }
    }
    // All have used up their time, or none is in the race.
    if (round > 0 && times.size === 0) break;
    const isCalm = await calm(), counts = wasCalm && isCalm;
    wasCalm = isCalm;
    for (const [racer, time] of times) (counts ? racer.turns : racer.restless).push(time);
    if (round > 0) tried++;
    if (round > 0 && counts) counted++;
  }
  for (const racer of racers) {
    // A slow runner may have had no turn but a restless one, or the very first.
    if (counted < LEAST_ROUNDS || racer.turns.length === 0) racer.turns.push(...racer.restless);
  }
  if (counted < tried) {
    console.log(
      `${workload.name}: ${counted} of ${tried} rounds were calm; ${
        counted < LEAST_ROUNDS ? "all" : "these"
      } count`,
    );
  }
  for (const sentence of disagreements(racers, workload.tolerance ?? TOLERANCE)) {
    console.log(`${workload.name}: ${sentence}`);
  }
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
