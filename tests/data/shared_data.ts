/** A copy of the public data sets beside the checkout: what some tests read, and are skipped without. */
const ROOT = new URL("../../../shared/data/", import.meta.url);

/** The folder of a set, or undefined with a printed line where it is missing. */
export function sharedData(name: string): string | undefined {
  const folder = new URL(name, ROOT).pathname;
  try {
    if (Deno.statSync(folder).isDirectory) return folder;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  console.log(`skipped: the tests on ${name}, as ../shared/data/${name} is missing`);
  return undefined;
}
