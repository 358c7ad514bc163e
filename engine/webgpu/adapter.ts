/** The graphics adapter, asked for without the words of graphics libraries that look for a desktop where there is none. */

/** Names the folder of a desktop's socket. Where it names none, libwayland says so on standard error, once a library that asks. */
const DESKTOP = "XDG_RUNTIME_DIR";

/** The fastest graphics adapter, which may be software; null where there is none. */
export async function requestAdapter(): Promise<GPUAdapter | null> {
  using _named = nameDesktop();
  return await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" }) ?? null;
}

/** Names a folder without a desktop until the result is disposed, where none is named and permissions allow it. */
function nameDesktop(): Disposable | undefined {
  if (Deno.permissions.querySync({ name: "env", variable: DESKTOP }).state !== "granted") return undefined;
  const before = Deno.env.get(DESKTOP);
  if (before?.startsWith("/")) return undefined;
  Deno.env.set(DESKTOP, "/");
  return {
    [Symbol.dispose]: () => before === undefined ? Deno.env.delete(DESKTOP) : Deno.env.set(DESKTOP, before),
  };
}
