import { dirname, join } from "node:path";

/** A copy of the public data sets may lie beside the checkout: some tests read it, and are skipped without it. */
const ROOT = new URL("../../../shared/data/", import.meta.url);

/** Registers a test that reads the folder of a set; where that is missing, the skipped test's line says so. */
export function testOnSharedData(
  name: string,
  { set, run }: { readonly set: string; readonly run: (folder: string) => Promise<void> },
): void {
  const folder = new URL(set, ROOT).pathname;
  const missing = !isFolder(folder);
  Deno.test({
    name: missing ? `${name} (skipped: ../shared/data/${set} is missing)` : name,
    ignore: missing,
    fn: () => run(folder),
  });
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/**
 * The folder of `train.bin` and `test.bin` of a CIFAR set in the original binary format. The shared copy has a layout
 * of its own, which takes some 20 s to unpack: done once, beside the temporary files of the system.
 */
export async function unpackedCifar(name: "cifar10" | "cifar100"): Promise<string> {
  const fresh = await Deno.makeTempDir();
  const kept = join(dirname(fresh), `engram-${name}`);
  if (!isFolder(kept)) {
    const tool = new URL("../tools/unpack_cifar.mjs", ROOT).pathname;
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--allow-read", "--allow-write", tool, name, join(fresh, name)],
      stdout: "null",
      stderr: "piped",
    }).output();
    if (!success) throw new Error(`Cannot unpack ${name}: ${new TextDecoder().decode(stderr)}`);
    // Another test may have been quicker.
    await Deno.rename(join(fresh, name), kept).catch((error) => {
      if (!isFolder(kept)) throw error;
    });
  }
  await Deno.remove(fresh, { recursive: true });
  return kept;
}
