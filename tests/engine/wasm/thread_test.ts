import assert from "node:assert/strict";
import { stream } from "../../../base/random.ts";
import { instantiate, type Kernels } from "../../../engine/wasm/instance.ts";
import { LAYOUT, MAX_PAGES, PAGE } from "../../../engine/wasm/layout.ts";

/** The kernels of several threads over one memory, here called by one thread in whatever order a test likes. */
async function threadsOf(threads: number): Promise<Kernels[]> {
  const binary = await Deno.readFile(new URL("../../../engine/wasm/kernels.wasm", import.meta.url));
  const initial = Math.ceil((LAYOUT.scratchStart + threads * LAYOUT.scratchBytes) / PAGE);
  const memory = new WebAssembly.Memory({ initial, maximum: MAX_PAGES, shared: true });
  const module = new WebAssembly.Module(binary);
  return Array.from(
    { length: threads },
    (_, thread) => instantiate({ module, memory, thread, threads }).kernels,
  );
}

/** The units that a thread takes next; none where nothing is left. */
function unitsOf(kernels: Kernels): number[] {
  if (!kernels.take()) return [];
  const first = Number(kernels.first.value), last = Number(kernels.last.value);
  return Array.from({ length: last - first }, (_, i) => first + i);
}

function all(kernels: Kernels): number[] {
  const units: number[] = [];
  for (let some = unitsOf(kernels); some.length > 0; some = unitsOf(kernels)) units.push(...some);
  return units;
}

Deno.test("a thread that comes alone does all of a command, its own share first and then the others' last pieces", async () => {
  const [one, two] = await threadsOf(2);
  one.share(8, 1);
  assert.deepEqual(all(one), [0, 1, 2, 3, 7, 6, 5, 4]);
  two.share(8, 1);
  assert.deepEqual(all(two), []);
  two.share(8, 1);
  assert.deepEqual(unitsOf(two), [4]);
  one.share(8, 1);
  assert.deepEqual(all(one), [0, 1, 2, 3, 7, 6, 5]);
  assert.deepEqual(all(two), []);
});

Deno.test("units below the grain stay together", async () => {
  const [one, two] = await threadsOf(2);
  for (const thread of [one, two]) thread.share(5, 100);
  assert.deepEqual(unitsOf(one), [0, 1, 2, 3, 4]);
  assert.deepEqual(unitsOf(two), []);
  for (const thread of [one, two]) thread.share(0, 1);
  assert.deepEqual([...all(one), ...all(two)], []);
});

Deno.test("whatever the order of the threads, each unit of each command is taken once", async () => {
  for (const threads of [2, 3, 5]) {
    const all = await threadsOf(threads), draw = stream(threads);
    const commands = Array.from(
      { length: 60 },
      () => ({ count: draw.integer(300), grain: 1 + draw.integer(9) }),
    );
    const taken = commands.map(({ count }) => new Int32Array(count));
    // No barrier: a thread may be many commands ahead of another.
    const at = all.map(() => -1);
    for (let open = all.map((_, i) => i); open.length > 0;) {
      const thread = open[draw.integer(open.length)];
      const units = at[thread] < 0 ? [] : unitsOf(all[thread]);
      for (const unit of units) taken[at[thread]][unit]++;
      if (units.length > 0) continue;
      if (++at[thread] === commands.length) open = open.filter((other) => other !== thread);
      else all[thread].share(commands[at[thread]].count, commands[at[thread]].grain);
    }
    taken.forEach((units, command) => {
      assert.ok(units.every((times) => times === 1), `${threads} threads, command ${command}: ${units}`);
    });
  }
});
