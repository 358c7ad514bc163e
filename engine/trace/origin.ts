/** Where in the user's program something was done, for error messages. */

/** tfjs's layers and gradients put many frames between a kernel and the line that caused it. */
const FRAMES = 200;
const ENGINE = new URL("../", import.meta.url).href;

/** Runs `action` with stack traces long enough to reach the user's frames. */
export function withLongStacks<T>(action: () => T): T {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = FRAMES;
  try {
    return action();
  } finally {
    Error.stackTraceLimit = limit;
  }
}

/** The innermost frame of a stack that is neither tfjs's nor the engine's: "file:///…/model.ts:12:3". */
export function userLine(stack: string | undefined): string | undefined {
  for (const line of stack?.split("\n") ?? []) {
    const place = /((?:file|https?):\/\/[^\s()]+:\d+:\d+)\)?$/.exec(line)?.[1];
    if (place === undefined || place.startsWith(ENGINE)) continue;
    // Deno keeps packages in .../npm/<registry's host>/.
    if (place.includes("/@tensorflow/") || /\/npm\/[\w-]+(\.[\w-]+)+\//.test(place)) continue;
    return place;
  }
  return undefined;
}

/** " at <line>", or nothing where the stack holds no frame of the user's. */
export function atUserLine(stack: string | undefined): string {
  const line = userLine(stack);
  return line === undefined ? "" : ` at ${line}`;
}
