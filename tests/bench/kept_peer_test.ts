import assert from "node:assert/strict";
import { KeptPeer } from "../../bench/kept_peer.ts";

const PROTOCOL = JSON.stringify(new URL("../../bench/protocol.ts", import.meta.url).href);

Deno.test("a peer's process is kept from race to race, but not after an error; its loads have a limit of their own", async () => {
  const code = `import { serve } from ${PROTOCOL};
    let loads = 0;
    await serve(async (workload) => {
      if (workload === "no") throw new Error("has no kernel");
      if (workload === "slow") await new Promise((done) => setTimeout(done, 1e6));
      return { description: String(++loads), run: (n) => Promise.resolve(n / 2) };
    });`;
  const limits: number[] = [];
  await using kept = new KeptPeer([Deno.execPath(), "eval", "--no-check", code], (usual) => {
    limits.push(usual);
    return usual === 7 ? 0.1 : 30;
  });
  const load = async (workload: string, limit = 60) => {
    await using contestant = kept.contestant();
    const description = await contestant.load({ workload, limit });
    assert.equal((await contestant.time({ steps: 4, limit: 30 })).loss, 2);
    return description;
  };
  assert.equal(await load("mlp"), "1");
  assert.equal(await load("seq2hist"), "2");
  await assert.rejects(load("no"), { message: "has no kernel" });
  assert.equal(await load("mlp"), "1");
  await assert.rejects(load("slow", 7), { message: "loading took over 0 s" });
  assert.equal(await load("mlp"), "1");
  assert.deepEqual(limits, [60, 60, 60, 60, 7, 60]);
});
