import assert from "node:assert/strict";
import { type Contestant, race } from "../../bench/race.ts";

const WORKLOAD = { name: "mlp", flops: 1e6 };

/** A contestant whose steps take what `seconds` says, without taking it. */
function contestant(seconds: () => number): () => Contestant {
  return () => ({
    load: () => Promise.resolve("as told"),
    time: ({ steps }) => Promise.resolve({ seconds: steps * seconds(), loss: 1 }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
}

/** A race of a runner that takes 1 ms a step on a calm machine and 2 ms otherwise; `states` repeat. */
async function raceIn(states: readonly boolean[]) {
  let round = 0;
  const isCalm = (at: number) => states[at % states.length];
  const [row] = await race(WORKLOAD, {
    runners: [{ name: "one", contestants: [contestant(() => isCalm(round) ? 0.001 : 0.002)] }],
    remaining: () => 100,
    calm: () => Promise.resolve(isCalm(round++)),
  });
  return row;
}

Deno.test("only rounds between two calm moments count", async () => {
  // Of every three rounds, one begins and ends calm.
  const { ms, runs, range } = await raceIn([true, true, false]);
  assert.deepEqual({ ms, runs, range }, { ms: 1, runs: 10, range: [1, 1] });
});

Deno.test("all rounds count on a machine that is never calm", async () => {
  const { ms, runs } = await raceIn([false]);
  assert.deepEqual({ ms, runs }, { ms: 2, runs: 60 });
});

Deno.test("a runner too slow for a second round keeps its first", async () => {
  const rows = await race(WORKLOAD, {
    runners: [
      { name: "fast", contestants: [contestant(() => 0.001)] },
      { name: "slow", contestants: [contestant(() => 19)] },
    ],
    remaining: () => 100,
  });
  assert.deepEqual(rows.map(({ ms, runs }) => [ms, runs]), [[1, 10], [19000, 1]]);
});

Deno.test("a race that nobody can run ends at once", async () => {
  let looks = 0;
  const rows = await race(WORKLOAD, {
    runners: [{ name: "slow", contestants: [contestant(() => 21)] }],
    remaining: () => 100,
    calm: () => Promise.resolve(looks++ < 0),
  });
  assert.deepEqual(rows.map(({ reason }) => reason), ["a step of mlp took over 20 s"]);
  assert.equal(looks, 1);
});

Deno.test("one that takes long to load leaves the others their time", async () => {
  const limits: number[] = [];
  let left = 50;
  const loading = (seconds: number): () => Contestant => () => ({
    load: ({ limit }) => {
      limits.push(limit);
      left -= Math.min(limit, seconds);
      return seconds > limit
        ? Promise.reject(new Error(`loading took over ${limit} s`))
        : Promise.resolve("");
    },
    time: ({ steps }) => Promise.resolve({ seconds: steps / 1000, loss: 1 }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
  const [slow, fast] = await race(WORKLOAD, {
    runners: [{ name: "slow", contestants: [loading(70)] }, { name: "fast", contestants: [loading(20)] }],
    remaining: () => left,
  });
  assert.deepEqual(limits, [25, 25]);
  assert.deepEqual([slow.reason, fast.ms], ["loading took over 25 s", 1]);
});
