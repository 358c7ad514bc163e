import assert from "node:assert/strict";
import { duration, Progress } from "../../run/progress.ts";

function record(terminal: boolean) {
  const clock = { now: 0 };
  const written: string[] = [];
  const progress = new Progress({
    write: (text) => written.push(text),
    terminal,
    columns: () => 40,
    now: () => clock.now,
  });
  return { clock, written, progress };
}

const at = (step: number, seconds: number) => ({
  phase: "line",
  step,
  steps: 10_000,
  seconds,
  values: { loss: 0.123456 },
});

Deno.test("elsewhere than on a terminal a plain line comes at once, then every five seconds, and at the end", () => {
  const { clock, written, progress } = record(false);
  progress.begin("line", 0, 0);
  // The first step compiles, which no later one does.
  progress.update(at(1, 3));
  clock.now = 4999;
  progress.update(at(1000, 5));
  clock.now = 5000;
  progress.update(at(2001, 8));
  progress.end(at(10_000, 28));
  assert.deepEqual(written, [
    "line  step 1/10,000  loss 0.1235\n",
    "line  step 2,001/10,000  loss 0.1235  400 steps/s  20 s left\n",
    "line  step 10,000/10,000  loss 0.1235  400 steps/s\n",
  ]);
});

Deno.test("a quiet phase shows nothing before the interval is over, and counts what it is told", () => {
  const { clock, written, progress } = record(false);
  progress.begin("generating", 0, 0, { quiet: true });
  const batches = (step: number, seconds: number) =>
    progress.update({ phase: "generating", unit: "batch", step, steps: 100, seconds, values: {} });
  batches(1, 1);
  clock.now = 5000;
  batches(9, 5);
  assert.deepEqual(written, ["generating  batch 9/100  2 batches/s  46 s left\n"]);
});

Deno.test("a terminal has one live line, never wider than it, which a note does not break", () => {
  const { clock, written, progress } = record(true);
  progress.update(at(1, 0));
  clock.now = 50;
  progress.update(at(2, 1));
  progress.note("a note");
  clock.now = 150;
  progress.update(at(2000, 5));
  progress.end(at(2000, 5));
  assert.deepEqual(written, [
    "\r\x1b[2Kline  step 1/10,000  loss 0.1235",
    "\r\x1b[2K",
    "a note\n",
    "\r\x1b[2Kline  step 2,000/10,000  loss 0.1235  4",
    "\r\x1b[2Kline  step 2,000/10,000  loss 0.1235  4",
    "\n",
  ]);
});

Deno.test("the rate counts from where this sitting began, and the nearer limit gives the time left", () => {
  const { clock, written, progress } = record(false);
  progress.begin("line", 999, 50);
  progress.update(at(1000, 60));
  clock.now = 5000;
  progress.update({ ...at(1100, 70), budget: 100 });
  assert.deepEqual(written.slice(1), ["line  step 1,100/10,000  loss 0.1235  10 steps/s  30 s left\n"]);
});

Deno.test("durations are written in the units that suit them", () => {
  assert.deepEqual([4.2, 200, 7500].map(duration), ["5 s", "3 min 20 s", "2 h 5 min"]);
});
