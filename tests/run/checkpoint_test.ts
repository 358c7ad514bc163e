import assert from "node:assert/strict";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { decodeTensors, encodeTensors, readTensors, writeTensors } from "../../base/safetensors.ts";
import { readCheckpoint, writeCheckpoint } from "../../run/checkpoint.ts";
import { fingerprint, type RunConfig } from "../../run/stored_run.ts";

const variables = () => ({
  "a/kernel": tf.variable(tf.tensor1d([1, 2, 3])),
  "a/updates": tf.variable(tf.scalar(7, "int32")),
});

/** What the checkpoint belongs to. */
const run = "5e".repeat(32);

/** A checkpoint after step 7, and its log. */
async function written() {
  const folder = await Deno.makeTempDir();
  const path = join(folder, "checkpoint.safetensors"), log = join(folder, "log.jsonl");
  await Deno.writeTextFile(log, '{"step":7}\n');
  const checkpoint = { step: 7, seconds: 1.5, reached: false, evaluated: 5, values: { loss: 0.25 } };
  await writeCheckpoint(path, { variables: variables(), checkpoint, log, run });
  return { path, log, checkpoint };
}

Deno.test("a checkpoint comes back, and the log is cut back to it", async () => {
  const { path, log, checkpoint } = await written();
  await Deno.writeTextFile(log, '{"step":8}\n{"st', { append: true });
  const targets = variables();
  targets["a/kernel"].assign(tf.zeros([3]));
  assert.deepEqual(await readCheckpoint(path, { variables: targets, log, run }), checkpoint);
  assert.deepEqual(targets["a/kernel"].dataSync(), Float32Array.of(1, 2, 3));
  assert.equal(await Deno.readTextFile(log), '{"step":7}\n');
});

Deno.test("no flipped byte of a checkpoint goes unseen", async () => {
  const { path, log } = await written();
  const whole = await Deno.readFile(path);
  const padding = (at: number): boolean => whole[at] === 0x20;
  const unseen: number[] = [];
  for (let at = 0; at < whole.length; at++) {
    const damaged = whole.slice();
    damaged[at] ^= 1;
    await Deno.writeFile(path, damaged);
    const read = await readCheckpoint(path, { variables: variables(), log, run }).then(
      () => true,
      () => false,
    );
    if (read && !padding(at)) unseen.push(at);
  }
  assert.deepEqual(unseen, []);
});

Deno.test("fields that a checkpoint cannot have are refused by name, even under a hash that fits", async () => {
  const { path, log } = await written();
  const { tensors, metadata } = await readTensors(path);
  const bad: readonly [string, string | undefined][] = [
    ["step", "NaN"],
    ["step", undefined],
    ["step", ""],
    ["step", "-1"],
    ["step", "1.5"],
    ["seconds", "Infinity"],
    ["reached", "perhaps"],
    ["evaluated", "8"],
    ["values", "[1]"],
    ["values", '{"loss":null}'],
    ["values", "{"],
    ["log_bytes", "1e99"],
    ["run", undefined],
  ];
  for (const [name, value] of bad) {
    const { [name]: _, ...rest } = metadata;
    await writeTensors(
      path,
      Object.fromEntries(tensors),
      value === undefined ? rest : { ...rest, [name]: value },
    );
    await assert.rejects(
      readCheckpoint(path, { variables: variables(), log, run }),
      new RegExp(`checkpoint\\.safetensors as its "${name}" is`),
      `${name} ${value}`,
    );
  }
  await writeTensors(path, Object.fromEntries(tensors), { ...metadata, log_bytes: "12" });
  await assert.rejects(
    readCheckpoint(path, { variables: variables(), log, run }),
    /log\.jsonl as 12 bytes should be there/,
  );
});

Deno.test("tensors that are not finite, of another type or shape, missing or unknown are refused by name", async () => {
  const { path, log } = await written();
  const { tensors, metadata } = await readTensors(path);
  const all = Object.fromEntries(tensors), updates = all["a/updates"];
  const bad = [
    [/"a\/kernel" holds a number that is not finite/, {
      ...all,
      "a/kernel": { shape: [3], data: Float32Array.of(1, NaN, 3) },
    }],
    [/"a\/kernel" is of the type int32 and should be float32/, {
      ...all,
      "a/kernel": { shape: [3], data: Int32Array.of(1, 2, 3) },
    }],
    [/"a\/kernel" has shape \[1,3\]/, {
      ...all,
      "a/kernel": { shape: [1, 3], data: Float32Array.of(1, 2, 3) },
    }],
    [/lacks "a\/kernel"/, { "a/updates": updates }],
    [/holds "b", which the model lacks/, { ...all, b: updates }],
  ] as const;
  for (const [message, damaged] of bad) {
    await writeTensors(path, damaged, metadata);
    await assert.rejects(readCheckpoint(path, { variables: variables(), log, run }), message);
  }
});

Deno.test("a checkpoint without its hash is refused", async () => {
  const { path, log } = await written();
  const { tensors, metadata: { sha256: _, ...metadata } } = decodeTensors(await Deno.readFile(path), path);
  await Deno.writeFile(path, encodeTensors(Object.fromEntries(tensors), metadata));
  await assert.rejects(readCheckpoint(path, { variables: variables(), log, run }), /its content has no hash/);
});

Deno.test("a checkpoint of another run is refused, though it is whole", async () => {
  const { path, log } = await written();
  await assert.rejects(
    readCheckpoint(path, { variables: variables(), log, run: "00".repeat(32) }),
    /checkpoint\.safetensors as it belongs to a run of other flags, seed, data or codes/,
  );
});

Deno.test("what a run is told by: its flags, data and codes, not where or how long it runs", () => {
  const config: RunConfig = {
    task: "train-x",
    flags: { seed: 0, batch: 8, steps: 10, budget: null, device: "wasm", threads: 1, out: "a", debug: false },
    versions: { engram: "1", deno: "2", tfjs: "4" },
    device: { kind: "wasm", description: "2 threads" },
    dataset: { name: "digits", split: "train", offset: 0, count: 8, sha256: "00" },
    model: { hidden: 4 },
  };
  const own = fingerprint(config);
  const flags = (changes: Record<string, unknown>) => ({ ...config, flags: { ...config.flags, ...changes } });
  const same = {
    steps: 20,
    budget: 5,
    device: "webgpu",
    threads: 2,
    out: "b",
    debug: true,
    dataDir: "/moved",
  };
  assert.equal(fingerprint(flags(same)), own);
  assert.equal(fingerprint({ ...config, device: { kind: "webgpu", description: "" } }), own);
  for (
    const other of [
      flags({ seed: 1 }),
      flags({ batch: 9 }),
      { ...config, dataset: { ...config.dataset, sha256: "01" } },
      { ...config, model: { hidden: 5 } },
      { ...config, hashes: { codes: "02" } },
    ]
  ) assert.notEqual(fingerprint(other), own);
});
