/** Command lines: those that start tasks, and those for people to copy. */
import { join } from "node:path";
import settings from "../deno.json" with { type: "json" };
import { flagName, UsageError } from "./flags.ts";

/**
 * What Deno is called with for a task: as deno.json says, from wherever this is run.
 *
 * @throws {UsageError} where it is no task of a program.
 */
export function taskWords(task: string): string[] {
  const tasks: Readonly<Record<string, string>> = settings.tasks;
  const found = /^deno run (.* )?(\S+\.ts)$/.exec(tasks[task] ?? "");
  if (found === null) throw new UsageError(`Cannot run ${task} as it is no task of a program in deno.json`);
  const [, permissions = "", program] = found;
  const words = permissions.replaceAll(/\$\(deno eval '.*?'\)/g, Deno.execPath()).trim().split(/\s+/);
  const path = (name: string): string => join(import.meta.dirname!, "..", name);
  return ["run", "--quiet", "--config", path("deno.json"), ...words, path(program)];
}

/** Flags, by their names in code, as on a command line; absent and false ones are left out. */
export function flagWords(
  flags: Readonly<Record<string, string | number | boolean | null | undefined>>,
): string[] {
  return Object.entries(flags).flatMap(([name, value]) =>
    value === undefined || value === null || value === false
      ? []
      : value === true
      ? [`--${flagName(name)}`]
      : [`--${flagName(name)}=${value}`]
  );
}

/** A word as a shell reads it back, without line breaks or other control characters of its own. */
export function shellWord(word: string): string {
  if (/\p{Cc}/u.test(word)) {
    const quoted = word.replace(/[\\']/g, "\\$&").replace(
      /\p{Cc}/gu,
      (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
    );
    return `$'${quoted}'`;
  }
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** The command that goes on with the run of `task` in `folder`. */
export function resumeCommand(task: string, folder: string): string {
  return `deno task ${task} --resume --out ${shellWord(folder)}`;
}

/** What is said when a signal has stopped a run: what of it is saved, and the `command` that goes on. */
export function stoppedLine(
  command: string,
  saved?: { readonly step: number; readonly part?: string; readonly folder: string },
): string {
  if (saved === undefined) return `stopped; go on with ${command}`;
  const { step, part, folder } = saved;
  const of = part === undefined ? "" : ` of ${part}`;
  return `stopped: step ${step.toLocaleString("en-US")}${of} is saved in ${folder}; go on with ${command}`;
}
