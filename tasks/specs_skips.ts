/** The specs of tfjs that may fail, and why. */

/** Specs whose full name the pattern finds. */
export interface Skip {
  readonly pattern: RegExp;
  readonly reason: string;
}

/** By backend. */
export const SKIPS: Readonly<Record<string, readonly Skip[]>> = {
  cpu: [],
  wasm: [],
  reference: [],
};
