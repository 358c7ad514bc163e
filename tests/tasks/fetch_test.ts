import assert from "node:assert/strict";
import { fetchDataset, progressLine } from "../../tasks/fetch.ts";

Deno.test("fetchDataset names the known sets when it is asked for another", async () => {
  await assert.rejects(fetchDataset("mnits"), /Cannot fetch mnits .*mnist/);
});

Deno.test("fetchDataset asks both mirrors of MNIST and says how to resume", async () => {
  const folder = await Deno.makeTempDir();
  const asked: string[] = [];
  const request = (url: string) => {
    asked.push(url);
    return Promise.resolve(new Response(null, { status: 503 }));
  };
  try {
    await assert.rejects(
      fetchDataset("mnist", { folder, request }),
      /HTTP status 503.*deno task fetch mnist/,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  assert.deepEqual(asked, [
    "https://ossci-datasets.s3.amazonaws.com/mnist/train-images-idx3-ubyte.gz",
    "https://storage.googleapis.com/cvdf-datasets/mnist/train-images-idx3-ubyte.gz",
  ]);
});

Deno.test("progressLine shows share and megabytes", () => {
  assert.equal(
    progressLine({ file: "a.gz", received: 5_000_000, total: 10_000_000 }),
    "a.gz [############............] 50% 5.0 of 10.0 MB",
  );
});
