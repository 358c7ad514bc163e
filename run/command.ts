/** Command lines for people to copy. */

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
