import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { packTar } from "modern-tar";
import { type FetchProgress, fetchSet, type RemoteSet, type Request } from "../../data/source.ts";

const CONTENT = Uint8Array.from({ length: 1000 }, (_, index) => (index * 7) % 251);
const SET: RemoteSet = {
  name: "sample",
  mirrors: ["https://one.example/d/", "https://two.example/d/"],
  files: [{
    name: "a.bin",
    bytes: CONTENT.length,
    sha256: createHash("sha256").update(CONTENT).digest("hex"),
  }],
};

/** A body in pieces of 300 bytes; it fails after `bytes` bytes where that is given. */
function body(
  content: Uint8Array<ArrayBuffer>,
  failAfter = Infinity,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= failAfter) return controller.error(new Error("connection reset"));
      if (at >= content.length) return controller.close();
      const end = Math.min(at + 300, content.length, failAfter);
      controller.enqueue(content.slice(at, end));
      at = end;
    },
  });
}

/** A server that knows ranges, and the requests that it got as "host range". */
function server(content: Uint8Array<ArrayBuffer> = CONTENT): { request: Request; log: string[] } {
  const log: string[] = [];
  const request: Request = (url, { headers }) => {
    log.push(`${new URL(url).host} ${headers.range ?? "all"}`);
    const start = headers.range === undefined ? 0 : Number(headers.range.match(/^bytes=(\d+)-$/)![1]);
    if (start === 0) return Promise.resolve(new Response(body(content)));
    const range = { "content-range": `bytes ${start}-${content.length - 1}/${content.length}` };
    return Promise.resolve(new Response(body(content.slice(start)), { status: 206, headers: range }));
  };
  return { request, log };
}

async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function names(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

Deno.test("fetchSet downloads, verifies, moves into place and then leaves the file alone", () =>
  inFolder(async (folder) => {
    const { request, log } = server();
    const progress: FetchProgress[] = [];
    const first = await fetchSet(SET, {
      folder: `${folder}/new`,
      request,
      onProgress: (p) => progress.push(p),
    });
    assert.deepEqual(first.downloaded, ["a.bin"]);
    assert.deepEqual(Deno.readFileSync(`${folder}/new/a.bin`), CONTENT);
    assert.deepEqual(names(`${folder}/new`), ["a.bin"]);
    assert.deepEqual(progress.map(({ received }) => received), [0, 300, 600, 900, 1000]);
    const second = await fetchSet(SET, { folder: `${folder}/new`, request });
    assert.deepEqual(second.present, ["a.bin"]);
    assert.deepEqual(log, ["one.example all"]);
  }));

Deno.test("fetchSet asks only for what a partial file lacks", () =>
  inFolder(async (folder) => {
    Deno.writeFileSync(`${folder}/a.bin.part`, CONTENT.subarray(0, 400));
    const { request, log } = server();
    await fetchSet(SET, { folder, request });
    assert.deepEqual(log, ["one.example bytes=400-"]);
    assert.deepEqual(Deno.readFileSync(`${folder}/a.bin`), CONTENT);
  }));

Deno.test("fetchSet goes on at the next mirror when a connection breaks", () =>
  inFolder(async (folder) => {
    const { request, log } = server();
    let broken = false;
    const flaky: Request = async (url, init) => {
      const answer = await request(url, init);
      if (broken) return answer;
      broken = true;
      await answer.body?.cancel();
      return new Response(body(CONTENT, 500));
    };
    await fetchSet(SET, { folder, request: flaky });
    assert.deepEqual(log, ["one.example all", "two.example bytes=500-"]);
    assert.deepEqual(Deno.readFileSync(`${folder}/a.bin`), CONTENT);
  }));

Deno.test("fetchSet starts over when a mirror ignores the range", () =>
  inFolder(async (folder) => {
    Deno.writeFileSync(`${folder}/a.bin.part`, new Uint8Array(400));
    const request: Request = () => Promise.resolve(new Response(body(CONTENT)));
    await fetchSet(SET, { folder, request });
    assert.deepEqual(Deno.readFileSync(`${folder}/a.bin`), CONTENT);
  }));

Deno.test("fetchSet drops a partial file that turns out wrong and asks for all of it", () =>
  inFolder(async (folder) => {
    Deno.writeFileSync(`${folder}/a.bin.part`, new Uint8Array(400));
    const { request, log } = server();
    await fetchSet(SET, { folder, request });
    assert.deepEqual(log, ["one.example bytes=400-", "one.example all"]);
    assert.deepEqual(Deno.readFileSync(`${folder}/a.bin`), CONTENT);
  }));

Deno.test("fetchSet finishes from a partial file that is already whole, without a request", () =>
  inFolder(async (folder) => {
    Deno.writeFileSync(`${folder}/a.bin.part`, CONTENT);
    const { request, log } = server();
    await fetchSet(SET, { folder, request });
    assert.deepEqual(log, []);
    assert.deepEqual(names(folder), ["a.bin"]);
  }));

Deno.test("fetchSet replaces a damaged file", () =>
  inFolder(async (folder) => {
    Deno.writeFileSync(`${folder}/a.bin`, new Uint8Array(1000));
    await fetchSet(SET, { folder, request: server().request });
    assert.deepEqual(Deno.readFileSync(`${folder}/a.bin`), CONTENT);
  }));

Deno.test("fetchSet refuses content with another SHA-256 from every mirror and leaves nothing", () =>
  inFolder(async (folder) => {
    const { request, log } = server(new Uint8Array(1000));
    await assert.rejects(fetchSet(SET, { folder, request }), {
      message:
        /^Cannot fetch a\.bin of sample .*one\.example.*SHA-256.*two\.example.*SHA-256.*deno task fetch sample/,
    });
    assert.deepEqual(log, ["one.example all", "two.example all"]);
    assert.deepEqual(names(folder), []);
  }));

Deno.test("fetchSet refuses a response longer than the original", () =>
  inFolder(async (folder) => {
    const { request } = server(new Uint8Array(5000));
    await assert.rejects(fetchSet(SET, { folder, request }), /more than the 1000 bytes/);
    assert.ok(!names(folder).includes("a.bin"));
  }));

Deno.test("fetchSet names the status of each mirror that refuses", () =>
  inFolder(async (folder) => {
    const request: Request = () => Promise.resolve(new Response("no such file", { status: 404 }));
    await assert.rejects(fetchSet(SET, { folder, request }), /one\.example.*404.*two\.example.*404/);
    assert.deepEqual(names(folder), []);
  }));

Deno.test("fetchSet says why a connection could not be made", () =>
  inFolder(async (folder) => {
    const cause = new Error("name not known");
    const request: Request = () => Promise.reject(new TypeError("fetch failed", { cause }));
    await assert.rejects(fetchSet(SET, { folder, request }), /one\.example\/d\/a\.bin: name not known; /);
  }));

Deno.test("fetchSet unpacks an archive, again where a file of it was lost", () =>
  inFolder(async (folder) => {
    const tar = await packTar([{ header: { name: "inside/b.txt", size: 2 }, body: "hi" }]);
    const archive = new Uint8Array(gzipSync(tar));
    const sha256 = createHash("sha256").update(archive).digest("hex");
    const file = { name: "x.tar.gz", bytes: archive.length, sha256, members: ["b.txt"] };
    const { request, log } = server(archive);
    for (const requests of [1, 1]) {
      await fetchSet({ ...SET, files: [file] }, { folder, request });
      assert.equal(Deno.readTextFileSync(`${folder}/b.txt`), "hi");
      assert.equal(log.length, requests);
      await Deno.remove(`${folder}/b.txt`);
    }
  }));
