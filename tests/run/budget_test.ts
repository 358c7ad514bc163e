import assert from "node:assert/strict";
import { openDevice } from "../../engine/open.ts";
import { stepsThatFit } from "../../run/budget.ts";
import { openTrial } from "../models/trial.ts";

Deno.test("no more steps are chosen than a training allows, and the variables are what they were", async () => {
  await using device = await openDevice("tfjs");
  const run = await openTrial(device);
  let made = 0;
  const training = {
    ...{ phase: "trial", steps: 10, variables: {}, device },
    step: () => Promise.resolve(void made++),
    read: () => Promise.resolve({ loss: 0 }),
  };
  const free = await stepsThatFit(run, training, { seconds: 0.5 });
  assert.ok(free !== undefined && free > 7 && made > 3);
  assert.equal(await stepsThatFit(run, { ...training, mostSteps: 7 }, { seconds: 0.5 }), 7);
});
