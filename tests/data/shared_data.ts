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
