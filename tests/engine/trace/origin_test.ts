import assert from "node:assert/strict";
import { atUserLine, userLine, withLongStacks } from "../../../engine/trace/origin.ts";

const ENGINE = new URL("../../../engine/trace/backend.ts", import.meta.url).href;

Deno.test("the user's line is the innermost frame outside tfjs and the engine", () => {
  const stack = [
    "Error",
    `    at record (${ENGINE}:1:2)`,
    "    at runKernel (file:///cache/npm/packages.example.org/long/5.2.3/index.js:3:4)",
    "    at Array.map (<anonymous>)",
    "    at async file:///home/me/my%20model.ts:5:6",
    "    at train (file:///home/me/train.ts:7:8)",
  ];
  assert.equal(userLine(stack.join("\n")), "file:///home/me/my%20model.ts:5:6");
  assert.equal(atUserLine(stack.slice(0, 4).join("\n")), "");
  assert.equal(userLine(undefined), undefined);
});

Deno.test("long stacks are for one action only, even if it throws", () => {
  const before = Error.stackTraceLimit;
  assert.ok(withLongStacks(() => Error.stackTraceLimit) > before);
  assert.throws(() =>
    withLongStacks(() => {
      throw new Error("x");
    })
  );
  assert.equal(Error.stackTraceLimit, before);
});
