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

Deno.test("Inception's weights are taken from one place, and only whole", async () => {
  const folder = await Deno.makeTempDir(), asked: string[] = [];
  const request = (url: string) => {
    asked.push(url);
    return Promise.resolve(new Response("no weights"));
  };
  try {
    const path = `${folder}/pt_inception-2015-12-05-6726825d.pth`;
    // Once with nothing there; once with zeros of the right size, which their SHA-256 tells.
    for (const lies of [undefined, new Uint8Array(95_628_359)]) {
      if (lies !== undefined) await Deno.writeFile(`${path}.part`, lies);
      await assert.rejects(
        fetchDataset("inception", { folder, request }),
        /the connection ended after 10 of 95628359 bytes/,
      );
      await assert.rejects(Deno.stat(path), Deno.errors.NotFound);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  assert.deepEqual(
    new Set(asked),
    new Set([
      "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth",
    ]),
  );
});

Deno.test("progressLine shows share and megabytes", () => {
  assert.equal(
    progressLine({ file: "a.gz", received: 5_000_000, total: 10_000_000 }),
    "a.gz [############............] 50% 5.0 of 10.0 MB",
  );
});
