import assert from "node:assert/strict";
import { join } from "node:path";
import {
  decodeTorchFile,
  encodeTorchFile,
  readTorchFile,
  type StateDict,
  type TorchTensor,
  writeTorchFile,
} from "../../base/torch_file.ts";
import { findPython } from "../../bench/python.ts";
import fixtures from "./fixtures/torch_files.json" with { type: "json" };

interface Described {
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly data: readonly number[];
}

// The union that TypeScript infers of the JSON has a member for every name in it.
const stored: {
  readonly accepted: readonly {
    readonly name: string;
    readonly file: string;
    readonly tensor?: Described;
    readonly tensors?: Readonly<Record<string, Described | undefined>>;
  }[];
  readonly refused: readonly { readonly name: string; readonly file: string; readonly reason: string }[];
} = fixtures;

function assertTensor(actual: TorchTensor | undefined, expected: Described | undefined, name: string): void {
  assert.ok(actual !== undefined && expected !== undefined, name);
  assert.deepEqual(actual.shape, expected.shape, name);
  assert.equal(actual.data instanceof Float32Array ? "float32" : "int64", expected.dtype, name);
  // JSON has the exact decimal form of every float32, and these int64 are exact as float64.
  assert.deepEqual(Array.from<number | bigint, number>(actual.data, Number), expected.data, name);
}

function isStateDict(content: TorchTensor | StateDict): content is StateDict {
  return content instanceof Map;
}

function decode(base64: string): TorchTensor | StateDict {
  return decodeTorchFile(Uint8Array.fromBase64(base64), "F.pt");
}

/** The message of the error that decoding `bytes` ends in; undefined where it succeeds. */
function failure(bytes: Uint8Array<ArrayBuffer>): string | undefined {
  try {
    decodeTorchFile(bytes, "F.pt");
    return undefined;
  } catch (error) {
    assert.ok(error instanceof SyntaxError, String((error as Error).stack));
    return error.message;
  }
}

Deno.test("PyTorch's files of tensors and state dicts are read, in both forms", () => {
  for (const entry of stored.accepted) {
    const content = decode(entry.file);
    if (isStateDict(content)) {
      const expected = Object.entries(entry.tensors ?? {});
      assert.deepEqual([...content.keys()], expected.map(([name]) => name), entry.name);
      for (const [name, tensor] of expected) {
        assertTensor(content.get(name), tensor, `${entry.name}: ${name}`);
      }
    } else assertTensor(content, entry.tensor, entry.name);
  }
});

Deno.test("whatever else Python could make of a file is refused by name, and nothing is run", () => {
  for (const { name, file, reason } of stored.refused) {
    const message = failure(Uint8Array.fromBase64(file));
    assert.ok(message !== undefined && message.startsWith("Cannot read F.pt as "), `${name}: ${message}`);
    assert.ok(message.includes(reason), `${name}: ${message}`);
    assert.ok(!message.includes("\n"), message);
  }
});

Deno.test("a file that is cut short is one clear error", () => {
  for (const { name, file } of stored.accepted) {
    const bytes = Uint8Array.fromBase64(file);
    for (let length = 0; length < bytes.length; length += 3) {
      assert.match(
        failure(bytes.slice(0, length)) ?? "",
        /^Cannot read F\.pt as /,
        `${name}: ${length} bytes`,
      );
    }
  }
});

Deno.test("a file with a damaged byte is an error, or what only padding or names could change", () => {
  const { file } = stored.accepted[0];
  const bytes = Uint8Array.fromBase64(file), whole = decode(file) as TorchTensor;
  for (let at = 0; at < bytes.length; at++) {
    for (const flip of [1, 0x80, 0xff]) {
      const damaged = bytes.slice();
      damaged[at] ^= flip;
      // No number may change without a word: the checksum covers the pickle and the numbers.
      if (failure(damaged) === undefined) {
        assert.deepEqual(decodeTorchFile(damaged, "F.pt"), whole, `byte ${at}`);
      }
    }
  }
});

Deno.test("a damaged byte in the older form never ends in another error than the reader's own", () => {
  for (const { file } of stored.accepted.slice(stored.accepted.length / 2)) {
    const bytes = Uint8Array.fromBase64(file);
    for (let at = 0; at < bytes.length; at++) {
      const damaged = bytes.slice();
      damaged[at] ^= 0xff;
      failure(damaged);
    }
  }
});

Deno.test("a shape must fit its numbers; an axis may be empty", () => {
  const empty = encodeTorchFile({ shape: [1, 0, 2], data: new Float32Array() });
  assert.deepEqual(decodeTorchFile(empty, "F.pt"), { shape: [1, 0, 2], data: new Float32Array() });
  const wrong = { shape: [3], data: new Float32Array(2) };
  assert.throws(() => encodeTorchFile(wrong), /must hold 2 values: it holds 3/);
});

const CONTENT: StateDict = new Map<string, TorchTensor>([
  ["weight", { shape: [2, 3], data: Float32Array.of(1, -2.5, 3e-8, NaN, Infinity, 0) }],
  ["bias", { shape: [], data: Float32Array.of(7) }],
  ["steps", { shape: [2], data: BigInt64Array.of(-1n, 2n ** 62n) }],
]);

Deno.test("what is written is read back, and equal tensors give equal bytes", async () => {
  const path = join(await Deno.makeTempDir(), "state.pt");
  await writeTorchFile(path, CONTENT);
  assert.deepEqual(await readTorchFile(path), CONTENT);
  assert.deepEqual(encodeTorchFile(CONTENT), await Deno.readFile(path));
  const { tensor, file } = stored.accepted[0];
  const again = encodeTorchFile(decode(file));
  assertTensor(decodeTorchFile(again, "F.pt") as TorchTensor, tensor, "written again");
});

const python = await findPython("import torch");
if (python === undefined) {
  console.log("ignored: PyTorch reading the files written here, as no Python has torch");
}
Deno.test({
  name: "PyTorch reads what is written",
  ignore: python === undefined,
  async fn() {
    const folder = await Deno.makeTempDir();
    await writeTorchFile(join(folder, "state.pt"), CONTENT);
    await writeTorchFile(join(folder, "vector.pt"), { shape: [2, 1], data: Float32Array.of(1, 2) });
    const code = `import torch, json
state, vector = torch.load("state.pt"), torch.load("vector.pt")
print(json.dumps([list(state), str(state["weight"].dtype), list(state["weight"].shape), state["weight"][0].tolist(),
    state["bias"].item(), state["steps"].tolist(), vector.tolist()]))`;
    const { stdout, stderr, success } = await new Deno.Command(python!, { args: ["-c", code], cwd: folder })
      .output();
    assert.ok(success, new TextDecoder().decode(stderr));
    assert.deepEqual(JSON.parse(new TextDecoder().decode(stdout).replace("4611686018427387904", '"2^62"')), [
      ["weight", "bias", "steps"],
      "torch.float32",
      [2, 3],
      [1, -2.5, Math.fround(3e-8)],
      7,
      [-1, "2^62"],
      [[1], [2]],
    ]);
  },
});
