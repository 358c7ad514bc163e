import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { packTar } from "modern-tar";
import { extractTarGzip, readTarGzip } from "../../data/tar.ts";

const A = Uint8Array.from({ length: 700 }, (_, index) => index % 256);
const B = Uint8Array.from({ length: 512 }, (_, index) => (index * 3) % 256);
const TAR = await packTar([
  { header: { name: "set/", type: "directory", size: 0 } },
  { header: { name: "set/a.bin", size: A.length }, body: A },
  { header: { name: "set/c.txt", size: A.length }, body: A },
  { header: { name: "set/link", type: "symlink", linkname: "/etc/passwd", size: 0 } },
  { header: { name: "set/b.bin", size: B.length }, body: B },
]);

async function inFolder(
  archive: Uint8Array,
  test: (archive: string, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeFile(`${folder}/x.tar.gz`, archive);
    await test(`${folder}/x.tar.gz`, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("extractTarGzip takes out the named files and no other", () =>
  inFolder(gzipSync(TAR), async (archive, folder) => {
    await extractTarGzip(archive, { folder, members: ["b.bin", "a.bin"] });
    assert.deepEqual(Deno.readFileSync(`${folder}/a.bin`), A);
    assert.deepEqual(Deno.readFileSync(`${folder}/b.bin`), B);
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), [
      "a.bin",
      "b.bin",
      "x.tar.gz",
    ]);
  }));

Deno.test("an archive packed in two gzip members is read, its files with their folders", async () => {
  const packed = Uint8Array.of(...gzipSync(TAR.subarray(0, 1000)), ...gzipSync(TAR.subarray(1000)));
  await inFolder(packed, async (archive) => {
    const found: [string, number][] = [];
    for await (const { path, content } of readTarGzip(archive, { wanted: () => true })) {
      found.push([path, content.length]);
    }
    assert.deepEqual(found, [["set/a.bin", 700], ["set/c.txt", 700], ["set/b.bin", 512]]);
  });
});

Deno.test("extractTarGzip names what an archive lacks; a link is not a file", () =>
  inFolder(gzipSync(TAR), async (archive, folder) => {
    await assert.rejects(
      extractTarGzip(archive, { folder, members: ["a.bin", "d.bin", "link"] }),
      /lacks d\.bin, link: fetch it again$/,
    );
  }));

Deno.test("extractTarGzip refuses an archive that is cut off or none", async () => {
  const packed = gzipSync(TAR);
  for (const cut of [gzipSync(TAR.subarray(0, 1000)), packed.subarray(0, packed.length - 20)]) {
    await inFolder(cut, async (archive, folder) => {
      await assert.rejects(extractTarGzip(archive, { folder, members: ["d.bin"] }), /cut off: fetch/);
    });
  }
  const words = new TextEncoder().encode("<html>not found</html>".repeat(100));
  for (const none of [gzipSync(words), words]) {
    await inFolder(none, async (archive, folder) => {
      await assert.rejects(
        extractTarGzip(archive, { folder, members: ["a.bin"] }),
        /not a gzipped tar archive/,
      );
    });
  }
});
