import { flagName, type Flags, type FlagValues } from "./flags.ts";

/**
 * The flags that a run recorded, read by the parsers that read them from a command line. One that the run does not know
 * has its default.
 *
 * @param options.path The file that holds them, for the errors.
 * @throws {SyntaxError} naming the flag whose value is none.
 */
export function readStoredFlags<F extends Flags>(
  flags: F,
  stored: Readonly<Record<string, unknown>>,
  { path }: { readonly path: string },
): FlagValues<F> {
  const values: Record<string, unknown> = {};
  for (const [name, flag] of Object.entries(flags)) {
    const value = stored[name] ?? flag.default;
    const fail = (rule: string): never => {
      throw new SyntaxError(
        `Cannot use ${path} as --${flagName(name)} must be ${rule} and is ${
          JSON.stringify(value)
        } there: restore it, or start a new run`,
      );
    };
    if (value === undefined || value === flag.default) values[name] = value;
    else if (flag.kind === "boolean") {
      values[name] = typeof value === "boolean" ? value : fail("true or false");
    } else {
      try {
        values[name] = flag.parse(String(value));
      } catch (error) {
        fail((error as Error).message);
      }
      // A number that became a text, or a list of one, is not what was written.
      if (values[name] !== value) fail(`a ${typeof values[name]}`);
    }
  }
  return values as FlagValues<F>;
}
