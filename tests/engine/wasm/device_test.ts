import assert from "node:assert/strict";
import { planMemory } from "../../../engine/plan.ts";
import { openWasm } from "../../../engine/wasm/executor.ts";
import { instantiate } from "../../../engine/wasm/instance.ts";
import { LAYOUT, MAX_PAGES } from "../../../engine/wasm/layout.ts";
import { Builder } from "../builder.ts";

/** y = 2 x + w, and w becomes y. */
function accumulate(size: number): Builder {
  const builder = new Builder(), x = builder.input("x", [size]), w = builder.variable([size], "w");
  const y = builder.map("add", builder.map("add", x, x), w);
  builder.update(w, y);
  builder.output("y", y);
  return builder;
}

Deno.test("a run updates variables in place, and read gives the outputs of all runs", async () => {
  await using device = await openWasm({ threads: 2 });
  const w = device.allocate(3);
  device.write(w, Float32Array.of(1, 2, 3));
  const executable = await device.prepare(planMemory(accumulate(3).graph()), [w]);
  await executable.run([Float32Array.of(1, 1, 1)]);
  await executable.run([Float32Array.of(0, 10, 0)]);
  assert.deepEqual(await executable.read(), [Float32Array.of(3, 4, 5, 3, 24, 5)]);
  assert.deepEqual(await executable.read(), [new Float32Array(0)]);
  assert.deepEqual(await device.read(w, "float32"), Float32Array.of(3, 24, 5));
  executable.dispose();
  executable.dispose();
  await assert.rejects(executable.run([new Float32Array(3)]), /disposed/);
});

Deno.test("inputs of the wrong size are named", async () => {
  await using device = await openWasm({ threads: 1 });
  const executable = await device.prepare(planMemory(accumulate(3).graph()), [device.allocate(3)]);
  await assert.rejects(executable.run([new Float32Array(4)]), /input x must have 3 elements: it has 4/);
});

Deno.test("memory that is given back is used again, and too much of it is refused with numbers", async () => {
  await using device = await openWasm({ threads: 1 });
  const storage = device.allocate(1 << 20);
  device.free(storage);
  const again = device.allocate(1 << 20);
  device.write(again, new Float32Array(1 << 20).fill(3));
  assert.equal((await device.read(again, "float32"))[(1 << 20) - 1], 3);
  assert.throws(() => device.allocate(2 ** 30), {
    name: "RangeError",
    message: /4294967296 bytes as WebAssembly has \d+ left/,
  });
  assert.throws(
    () => device.write(again, new Float32Array(3)),
    /Cannot write 3 elements as the storage holds 1048576/,
  );
});

Deno.test("memory beyond 2 GiB works", async () => {
  await using device = await openWasm({ threads: 2 });
  device.allocate(600_000_000);
  const w = device.allocate(5000);
  device.write(w, new Float32Array(5000).fill(1));
  const executable = await device.prepare(planMemory(accumulate(5000).graph()), [w]);
  await executable.run([new Float32Array(5000).fill(2)]);
  assert.deepEqual(await device.read(w, "float32"), new Float32Array(5000).fill(5));
});

Deno.test("a profile has the milliseconds of every node", async () => {
  await using device = await openWasm({ threads: 2 });
  const plan = planMemory(accumulate(100_000).graph());
  const executable = await device.prepare(plan, [device.allocate(100_000)]);
  await executable.run([new Float32Array(100_000)]);
  const times = await executable.profile();
  assert.equal(times.length, plan.graph.nodes.length);
  assert.ok(times.every((time) => time >= 0) && times.some((time) => time > 0));
});

Deno.test("a thread that fails makes one clear error, not a hang", async () => {
  // The second of two small maps is the second thread's; its place lies beyond the memory.
  const builder = new Builder(), x = builder.input("x", [4]);
  const first = builder.map("neg", x), second = builder.map("abs", x);
  builder.output("first", first);
  const plan = planMemory(builder.graph());
  const places = new Map(plan.places).set(second.id, { space: "arena", offset: 2 ** 29 });
  for (const threads of [1, 2]) {
    await using device = await openWasm({ threads });
    const message = /Cannot go on as a thread of the wasm device failed \(.+\): open the device again/;
    const executable = await device.prepare({ ...plan, places }, []);
    await assert.rejects(executable.run([new Float32Array(4)]), message);
    await assert.rejects(executable.run([new Float32Array(4)]), message);
  }
});

Deno.test("a thread that shows no sign of life is given up", async () => {
  const module = await WebAssembly.compile(
    await Deno.readFile(new URL("../../../engine/wasm/kernels.wasm", import.meta.url)),
  );
  const memory = new WebAssembly.Memory({ initial: 40, maximum: MAX_PAGES, shared: true });
  new Int32Array(memory.buffer)[LAYOUT.patience / 4] = 40;
  const { kernels } = instantiate({ module, memory, thread: 0, threads: 2 });
  assert.equal(kernels.barrier(), 0);
});

Deno.test("threads are counted", async () => {
  await assert.rejects(openWasm({ threads: 0 }), /threads must be in 1\.\.64: current value is 0/);
});

Deno.test("the committed kernels are what the sources build", async () => {
  // A process of its own, as the compiler reads environment variables.
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-check",
      "--allow-read",
      "--allow-env",
      "tasks/build_kernels.ts",
      "--check",
    ],
    cwd: new URL("../../..", import.meta.url),
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
});
