import assert from "node:assert/strict";
import { Peer } from "../../bench/protocol.ts";

const PROTOCOL = JSON.stringify(new URL("../../bench/protocol.ts", import.meta.url).href);

/** A peer of the tests' own, as a program. */
function peer(body: string): Peer {
  const code = `import { serve } from ${PROTOCOL}; await serve(async (workload, threads) => { ${body} });`;
  return new Peer([Deno.execPath(), "eval", "--no-check", code]);
}

Deno.test("a peer loads a workload, is timed, and may greet on the console", async () => {
  await using subject = peer(
    "console.log('hello'); return { description: workload + threads, run: (n) => Promise.resolve(n / 2) };",
  );
  assert.equal(await subject.load({ workload: "mlp", threads: 3, limit: 30 }), "mlp3");
  const { seconds, loss } = await subject.time({ steps: 5, limit: 30 });
  assert.equal(loss, 2.5);
  assert.ok(seconds >= 0);
});

Deno.test("a peer's failure is its reason, and it can be asked again", async () => {
  await using subject = peer(
    "if (workload === 'no') throw new Error('has no kernel\\nat x'); return { run: 0 };",
  );
  await assert.rejects(subject.load({ workload: "no", limit: 30 }), { message: "has no kernel" });
  await subject.load({ workload: "yes", limit: 30 });
});

Deno.test("a peer that dies is told with its last words", async () => {
  await using subject = peer("console.error('out of luck'); Deno.exit(3);");
  await assert.rejects(subject.load({ workload: "mlp", limit: 30 }), {
    message: "the peer ended: out of luck",
  });
});

Deno.test("a peer that does not answer is left behind", async () => {
  await using subject = peer("await new Promise((done) => setTimeout(done, 1e6)); return { run: 0 };");
  await assert.rejects(subject.load({ workload: "mlp", limit: 0.1 }), { message: "loading took over 0 s" });
});

Deno.test("the same tfjs code trains on tfjs: the losses fall from what PyTorch starts at", async () => {
  await using subject = new Peer([
    Deno.execPath(),
    "run",
    "--quiet",
    "--allow-read",
    new URL("../../bench/peers/tfjs_wasm.ts", import.meta.url).pathname,
  ]);
  await subject.load({ workload: "mlp", limit: 60 });
  const losses = [];
  for (let step = 0; step < 3; step++) losses.push((await subject.time({ steps: 1, limit: 60 })).loss);
  // PyTorch 1.13's from the same formulas: 2.09304, 2.08277.
  assert.ok(Math.abs(losses[0] - 2.09304) < 1e-4, String(losses));
  assert.ok(Math.abs(losses[1] - 2.08277) < 1e-4, String(losses));
  assert.ok(losses[2] < losses[1]);
});
