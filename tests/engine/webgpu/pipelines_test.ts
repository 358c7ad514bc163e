import assert from "node:assert/strict";
import { Pipelines } from "../../../engine/webgpu/pipelines.ts";

/** A device that makes nothing, and counts the pipelines that it is asked for. */
function countingDevice() {
  const made: string[] = [];
  const device = {
    limits: { minUniformBufferOffsetAlignment: 256 },
    queue: { writeBuffer() {} },
    createBuffer: () => ({}),
    createBindGroup: () => ({}),
    createBindGroupLayout: () => ({}),
    createPipelineLayout: () => ({}),
    createShaderModule: ({ code }: { code: string }) => ({ code }),
    createComputePipeline: ({ compute: { module } }: { compute: { module: { code: string } } }) => {
      made.push(module.code);
      return {};
    },
  };
  // The part of a device that pipelines use.
  return { device: device as unknown as GPUDevice, made };
}

Deno.test("pipelines that no program uses are forgotten beyond 1024, the longest unused first", () => {
  const { device, made } = countingDevice(), pipelines = new Pipelines(device);
  const assemble = (...codes: string[]) =>
    pipelines.assemble([{
      label: "test",
      dispatches: codes.map((code) => ({ code, table: [], groups: 1 })),
    }], []);
  const used = assemble("used", "shared"), other = assemble("shared");
  pipelines.release(other);
  for (let i = 0; i < 1500; i++) pipelines.release(assemble(`shader ${i}`));
  // What is still used, if only by one of two programs, does not count and stays.
  assert.equal(pipelines.kept, 1024 + 2);
  assert.equal(made.length, 1500 + 2);
  const again = assemble("used", "shared", "shader 476", "shader 1499");
  assert.equal(made.length, 1500 + 2);
  // One that was forgotten is compiled again, and forgotten no sooner than others.
  pipelines.release(assemble("shader 475"));
  assert.deepEqual(made.slice(1502), ["shader 475"]);
  pipelines.release(used);
  pipelines.release(again);
  for (let i = 1500; i < 3000; i++) pipelines.release(assemble(`shader ${i}`));
  assert.equal(pipelines.kept, 1024);
  assemble("used");
  assert.deepEqual(made.slice(-1), ["used"]);
});
