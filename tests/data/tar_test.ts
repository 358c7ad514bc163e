import assert from "node:assert/strict";
import { extractTarGzip } from "../../data/tar.ts";

/** One file of a tar archive: the header with name and octal size, then the content in blocks of 512 bytes. */
function entry(name: string, content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(512 + Math.ceil(content.length / 512) * 512);
  bytes.set(new TextEncoder().encode(name));
  bytes.set(new TextEncoder().encode(content.length.toString(8).padStart(11, "0")), 124);
  bytes.set(content, 512);
  return bytes;
}

async function inFolder(
  entries: readonly Uint8Array[],
  test: (archive: string, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const packed = new Blob(entries.map((bytes) => new Uint8Array(bytes))).stream().pipeThrough(
      new CompressionStream("gzip"),
    );
    await Deno.writeFile(`${folder}/x.tar.gz`, packed);
    await test(`${folder}/x.tar.gz`, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const A = Uint8Array.from({ length: 700 }, (_, index) => index % 256);
const B = Uint8Array.from({ length: 512 }, (_, index) => (index * 3) % 256);
const END = new Uint8Array(1024);
const ENTRIES = [
  entry("set/", new Uint8Array(0)),
  entry("set/a.bin", A),
  entry("set/c.txt", A),
  entry("set/b.bin", B),
];

Deno.test("extractTarGzip takes out the named files and no other", () =>
  inFolder([...ENTRIES, END], async (archive, folder) => {
    await extractTarGzip(archive, { folder, members: ["b.bin", "a.bin"] });
    assert.deepEqual(Deno.readFileSync(`${folder}/a.bin`), A);
    assert.deepEqual(Deno.readFileSync(`${folder}/b.bin`), B);
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), [
      "a.bin",
      "b.bin",
      "x.tar.gz",
    ]);
  }));

Deno.test("extractTarGzip names what an archive lacks", () =>
  inFolder([...ENTRIES, END], async (archive, folder) => {
    await assert.rejects(extractTarGzip(archive, { folder, members: ["a.bin", "d.bin"] }), /lacks d\.bin/);
  }));

Deno.test("extractTarGzip refuses an archive that is cut off or none", async () => {
  await inFolder([ENTRIES[1].subarray(0, 600)], async (archive, folder) => {
    await assert.rejects(extractTarGzip(archive, { folder, members: ["a.bin"] }), /cut off/);
  });
  await inFolder([new Uint8Array(2000).fill(120)], async (archive, folder) => {
    await assert.rejects(extractTarGzip(archive, { folder, members: ["a.bin"] }), /not a tar archive/);
  });
});
