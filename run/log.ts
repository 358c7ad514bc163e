/** The log of a run: `log.jsonl`, one object a line. */
import { isRecord } from "../base/files.ts";

/** A line of the log. */
export type LogEntry = Readonly<Record<string, number | string | null>>;

/** Adds a line to the log at `path`. */
export function appendLog(path: string, entry: LogEntry): void {
  try {
    Deno.writeTextFileSync(path, JSON.stringify(entry) + "\n", { append: true });
  } catch (error) {
    throw new Error(`Cannot write ${path} (${(error as Error).message}): make room, or choose another --out`);
  }
}

/**
 * The lines of the log at `path`, or of its first `bytes`.
 *
 * @throws {SyntaxError} naming the file and the line, where one is no object of numbers and texts, or bytes are missing.
 */
export async function readLog(path: string, bytes?: number): Promise<LogEntry[]> {
  const content = await Deno.readFile(path);
  if (bytes !== undefined && content.length < bytes) {
    throw new SyntaxError(
      `Cannot use ${path} as ${bytes} bytes should be there and ${content.length} are: restore it, or start a new run`,
    );
  }
  const lines = new TextDecoder().decode(content.subarray(0, bytes)).split("\n");
  return lines.flatMap((line, index) => {
    if (line === "" && index === lines.length - 1) return [];
    const entry = parse(line);
    if (entry === undefined) {
      throw new SyntaxError(
        `Cannot use ${path} as its line ${index + 1} is damaged: restore it, or start a new run`,
      );
    }
    return [entry];
  });
}

function parse(line: string): LogEntry | undefined {
  try {
    const entry: unknown = JSON.parse(line);
    if (!isRecord(entry)) return undefined;
    const fits = (value: unknown): value is LogEntry[string] =>
      value === null || typeof value === "number" || typeof value === "string";
    return Object.values(entry).every(fits) ? entry as LogEntry : undefined;
  } catch {
    return undefined;
  }
}
