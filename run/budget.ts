/** How many steps fit into the seconds of `--budget`. */
import * as tf from "@tensorflow/tfjs";
import type { Run } from "./run.ts";
import type { Training } from "./training.ts";

/** Steps are tried for this share of the seconds, within these limits of seconds, and at least so many of them. */
const TRIAL_SHARE = 0.03, LONGEST_TRIAL = 2, FEWEST_STEPS = 3;
/** Share of the seconds that is planned for: steps vary, and checkpoints take a little. */
const PLANNED = 0.93;

/**
 * The number of steps that fit into so many `seconds`, the evaluations and renewals of that many steps included. Some
 * steps are made for their time and taken back: the variables are afterwards what they were, so that a run whose steps
 * were chosen is the run that `--steps` with that number is. Undefined where a signal came meanwhile.
 */
export async function stepsThatFit(
  run: Run,
  training: Training,
  options: { readonly seconds: number },
): Promise<number | undefined> {
  const { variables, device, renew, evaluate, evaluateAt = () => false } = training;
  const { session } = run;
  const owned = Object.values(variables);
  const begun = performance.now() / 1000;
  const since = (start: number): number => performance.now() / 1000 - start;
  await device.pull(owned);
  const initial = await Promise.all(owned.map(async (variable) => (await variable.data()).slice()));

  const renewed = performance.now() / 1000;
  await renew?.run();
  const renewal = since(renewed);
  // The first step compiles, and makes what later ones keep.
  await training.step(0, Infinity);
  await training.read();
  const trial = Math.min(LONGEST_TRIAL, TRIAL_SHARE * options.seconds), tried = performance.now() / 1000;
  let made = 0;
  while (
    (made < FEWEST_STEPS || since(tried) < trial) && since(begun) < options.seconds && !session.stopping
  ) {
    await training.step(made++, Infinity);
    await session.pause();
  }
  await training.read();
  const step = since(tried) / Math.max(1, made);
  let evaluation = 0;
  if (evaluate !== undefined && !session.stopping) {
    const start = performance.now() / 1000;
    await device.pull(owned);
    await evaluate(0);
    evaluation = since(start);
  }
  owned.forEach((variable, index) =>
    tf.tidy(() => variable.assign(tf.tensor(initial[index], variable.shape, variable.dtype as "float32")))
  );
  await device.push(owned);
  if (session.stopping) return undefined;

  // The dearer what steps need beside them, the fewer fit: the largest number that does is between the two.
  const available = PLANNED * (options.seconds - since(begun));
  const cost = (steps: number): number => {
    let evaluations = 1;
    for (let t = 1; t < steps && evaluation > 0; t++) if (evaluateAt(t, steps)) evaluations++;
    const renewals = renew === undefined ? 0 : Math.ceil(steps / renew.every);
    return steps * step + renewals * renewal + evaluations * evaluation;
  };
  let steps = 1, beyond = Math.floor(available / step) + 1;
  while (beyond - steps > 1) {
    const middle = (steps + beyond) >> 1;
    if (cost(middle) <= available) steps = middle;
    else beyond = middle;
  }
  const chosen = Math.min(run.isPart ? training.steps : training.mostSteps ?? Infinity, steps);
  run.note(
    `${training.phase}: ${chosen.toLocaleString("en-US")} steps fit into the time of --budget ` +
      `(${(1000 * step).toPrecision(3)} ms a step)`,
  );
  return chosen;
}
