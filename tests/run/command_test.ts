import assert from "node:assert/strict";
import { resumeCommand, shellWord, stoppedLine } from "../../run/command.ts";

Deno.test("words are quoted where a shell would read them otherwise, and only there", () => {
  assert.deepEqual(["runs/a-1", "a b", "it's", "$HOME", "", "~/x", "a;b"].map(shellWord), [
    "runs/a-1",
    "'a b'",
    `'it'\\''s'`,
    "'$HOME'",
    "''",
    "'~/x'",
    "'a;b'",
  ]);
});

Deno.test("a run that was stopped says what is saved and how to go on", () => {
  const command = resumeCommand("train-seq2hist", "my run");
  assert.equal(command, "deno task train-seq2hist --resume --out 'my run'");
  assert.equal(stoppedLine(command), `stopped; go on with ${command}`);
  const saved = { step: 1061, folder: "my run", part: "train-autoencoder" };
  assert.equal(
    stoppedLine(command, saved),
    `stopped: step 1,061 of train-autoencoder is saved in my run; go on with ${command}`,
  );
});
