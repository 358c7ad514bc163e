import assert from "node:assert/strict";
import { join } from "node:path";
import { writeTorchFile } from "../../base/torch_file.ts";
import { startProgram } from "../program.ts";

Deno.test("what keeps a distance from being measured is said before any image is looked at", async () => {
  const cwd = await Deno.makeTempDir();
  const fail = async (code: number, error: RegExp, ...args: string[]): Promise<void> => {
    const outcome = await startProgram(cwd, "tasks/fid.ts", ...args);
    assert.match(outcome.error, error);
    assert.equal(outcome.code, code);
  };
  const pair = ["--reference", "digits", "--samples"];
  await fail(2, /name digits:train or digits:test/, ...pair, "digits:validation", "--count", "9");
  const few = /a covariance of 2048 features .* 99 give it a rank of at most 98/;
  await fail(1, few, ...pair, "digits:train", "--count", "99");
  const enough = [...pair, "digits:train", "--count", "2049"];
  await fail(
    1,
    /their weights are not here: run `deno task fetch inception`, or give --weights FILE/,
    ...enough,
  );
  const file = join(cwd, "weights.pth"), name = "Conv2d_1a_3x3.conv.weight";
  await writeTorchFile(file, new Map([[name, { shape: [1, 3, 3, 3], data: new Float32Array(27) }]]));
  const other = /its Conv2d_1a_3x3.conv.weight must be float32 \[32, 3, 3, 3\]: it is \[1, 3, 3, 3\]/;
  await fail(1, other, ...enough, "--weights", file);
});
