import assert from "node:assert/strict";
import { join } from "node:path";
import { compile } from "../../engine/device.ts";
import { openDevice } from "../../engine/open.ts";
import { watchedDevice } from "../../run/device.ts";

Deno.test("a watched device computes what the device does, and looks up after every run", async () => {
  await using device = await openDevice("tfjs");
  let looks = 0;
  const watched = watchedDevice(device, () => Promise.resolve().then(() => void looks++));
  const double = await compile(watched, ({ x }) => ({ y: x.mul(2) }), { x: { shape: [2] } });
  await double.run({ x: Float32Array.of(1, 2) });
  await double.run({ x: Float32Array.of(3, 4) });
  assert.deepEqual([(await double.read()).y, looks], [Float32Array.of(2, 4, 6, 8), 2]);
  double.dispose();
});

const ENDLESS = `
import { watchedDevice } from "${import.meta.resolve("../../run/device.ts")}";
import { Session } from "${import.meta.resolve("../../run/session.ts")}";
const silent = { write: () => {}, terminal: false, columns: () => 80, now: () => performance.now() };
const session = new Session(silent);
session.listen();
const compiled = { run: () => Promise.resolve(), read: () => Promise.resolve({}), dispose: () => {} };
const device = watchedDevice({ compile: () => Promise.resolve(compiled) }, () => session.between());
const step = await device.compile(() => ({}), {});
session.follow("endless");
console.log("READY");
for (;;) await step.run({});
`;

Deno.test("a signal ends a loop over batches whose runs resolve at once", async () => {
  const program = join(await Deno.makeTempDir(), "endless.ts");
  await Deno.writeTextFile(program, ENDLESS);
  const settings = join(import.meta.dirname!, "../../deno.json");
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "--config", settings, "--allow-read", program],
    stdout: "piped",
  }).spawn();
  const reader = process.stdout.getReader();
  await reader.read();
  process.kill("SIGTERM");
  await reader.cancel();
  assert.equal((await process.status).code, 143);
});
