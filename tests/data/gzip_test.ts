import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { gunzipStream, readMaybeGzip } from "../../data/gzip.ts";

const TWO = Uint8Array.of(...gzipSync("hello "), ...gzipSync("world"));

async function inFile(bytes: Uint8Array, test: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeFile(path, bytes);
    await test(path);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("a gzip file of two members is unpacked whole, and a plain file left as it is", async () => {
  await inFile(TWO, async (path) => {
    assert.equal(new TextDecoder().decode(await readMaybeGzip(path)), "hello world");
  });
  await inFile(new TextEncoder().encode("plain"), async (path) => {
    assert.equal(new TextDecoder().decode(await readMaybeGzip(path)), "plain");
  });
  assert.equal(await new Response(gunzipStream(new Blob([TWO]).stream())).text(), "hello world");
});

Deno.test("a gzip file that is cut off or damaged is refused with its name", async () => {
  const damaged = Uint8Array.from(TWO, (byte, index) => index === TWO.length - 6 ? byte ^ 1 : byte);
  for (const bytes of [TWO.subarray(0, -3), TWO.subarray(0, 12), damaged]) {
    await inFile(bytes, async (path) => {
      await assert.rejects(readMaybeGzip(path), (error: Error) => {
        assert.equal(error.name, "SyntaxError");
        assert.ok(error.message.startsWith(`Cannot unpack ${path} as its gzip data is damaged or cut off`));
        return true;
      });
    });
  }
});
