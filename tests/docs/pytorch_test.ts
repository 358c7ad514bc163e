/** The lines of docs/pytorch.md, run as they stand there, by a Python with PyTorch. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { readTensors, writeTensors } from "../../base/safetensors.ts";
import { findPython } from "../../bench/python.ts";
import { openDevice } from "../../engine/open.ts";
import { build as buildClassifier, CLASSIFIER } from "../../models/classifier.ts";
import { build as buildAutoencoder } from "../../models/dense_autoencoder.ts";
import { load } from "../../models/mod.ts";
import { drawnImages, levels } from "../../run/images.ts";
import { storedTensors } from "../../run/weights.ts";
import { startProgram } from "../program.ts";

const python = await findPython("import torch, numpy");
if (python === undefined) console.log("no Python with PyTorch: what docs/pytorch.md says is not tried");

const page = await Deno.readTextFile(new URL("../../docs/pytorch.md", import.meta.url));
const documented = [...page.matchAll(/^```python\n([^]*?)^```$/gm)].map(([, code]) => code).join("\n");

/** Runs the documented lines, then `code`, in the folder `cwd`. */
async function runPython(cwd: string, code: string): Promise<void> {
  const command = new Deno.Command(python!, { args: ["-c", `${documented}\n${code}`], cwd });
  const { success, stderr } = await command.output();
  assert.ok(success, new TextDecoder().decode(stderr));
}

/** The largest difference between two lists of the same length. */
function difference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  assert.equal(a.length, b.length);
  return Array.from(a, (value, at) => Math.abs(value - b[at])).reduce(
    (most, each) => Math.max(most, each),
    0,
  );
}

Deno.test({
  name: "PyTorch computes what two models compute, from their files, and what it writes is read",
  ignore: python === undefined,
  fn: async () => {
    const cwd = await Deno.makeTempDir();
    await using device = await openDevice("tfjs");
    const shape = { height: 28, width: 28, channels: 1, classes: 10, count: 5 }, images = drawnImages(shape);
    const sizes = { size: 28, channels: 1, classes: 10, seed: 3 };
    const image = [28, 28, 1] as const;
    const models = {
      classifier: buildClassifier({ model: "classifier", ...CLASSIFIER, ...sizes }),
      autoencoder: buildAutoencoder({
        ...{
          model: "dense-autoencoder",
          architecture: "selu",
          units: [100, 30],
          ends: "linear",
          image,
          seed: 3,
        },
        ...{ batch: 128, learningRate: 1e-3, beta1: 0.9, beta2: 0.99, epochs: 1 },
      }),
    };
    for (const [name, { config, weights }] of Object.entries(models)) {
      await Deno.mkdir(join(cwd, name));
      await writeTensors(join(cwd, name, "weights.safetensors"), await storedTensors(weights), {
        model: config.model,
        config: JSON.stringify(config),
      });
    }
    await writeTensors(join(cwd, "images"), { images: { shape: [5, 28, 28, 1], data: levels(images) } }, {});
    await runPython(
      cwd,
      `
images = load("images")[0]["images"]
classifier, metadata = load("classifier/weights.safetensors")
autoencoder, _ = load("autoencoder/weights.safetensors")
save("outputs", {"logits": classify(classifier, images), "drawn": reconstruct(autoencoder, images)}, {})
classifier["output/bias"] += torch.arange(10)
save("classifier/weights.safetensors", classifier, metadata)
`,
    );
    const { tensors } = await readTensors(join(cwd, "outputs"));
    const classify = async (): Promise<Float32Array> => {
      const loaded = await load(join(cwd, "classifier"), device);
      assert.ok(loaded.kind === "classifier");
      return await loaded.classify(images);
    };
    const loaded = await load(join(cwd, "autoencoder"), device);
    assert.ok(loaded.kind === "dense-autoencoder");
    const { reconstructions } = await loaded.measure(images);
    assert.ok(difference(tensors.get("drawn")!.data, reconstructions) < 1e-5);
    const logits = tensors.get("logits")!.data;
    const moved = Float32Array.from(logits, (value, at) => value + at % 10);
    // The logits of these weights are about 1.
    assert.ok(difference(moved, await classify()) < 1e-5 * 10);
    await Deno.remove(cwd, { recursive: true });
  },
});

Deno.test({
  name: "a task samples from weights that PyTorch has changed",
  ignore: python === undefined,
  fn: async () => {
    const cwd = await Deno.makeTempDir();
    await Deno.writeTextFile(join(cwd, "table.csv"), "0,0,1\n1,1,0\n");
    const flags = [
      "--dataset",
      "csv",
      "--file",
      "table.csv",
      "--steps",
      "1",
      "--hidden",
      "8",
      "--samples",
      "1",
    ];
    await startProgram(cwd, "models/seq2hist.ts", "--device", "tfjs", ...flags, "--out", "run");
    await runPython(
      cwd,
      `
weights, metadata = load("run/weights.safetensors")
weights["output/bias"] += torch.tensor([0.0, 100.0])
save("run/weights.safetensors", weights, metadata)
`,
    );
    const { code, error } = await startProgram(
      ...[cwd, "tasks/sample.ts", "run", "--device", "tfjs", "--samples", "9", "--out", "drawn"] as const,
    );
    assert.equal(code, 0, error);
    const { tensors } = await readTensors(join(cwd, "drawn/samples.safetensors"));
    assert.deepEqual(new Set(tensors.get("tokens")!.data), new Set([1]));
    await Deno.remove(cwd, { recursive: true });
  },
});
