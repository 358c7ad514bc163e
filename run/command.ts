/** Command lines for people to copy. */

/** A word as a shell reads it back. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** The command that goes on with the run of `task` in `folder`. */
export function resumeCommand(task: string, folder: string): string {
  return `deno task ${task} --resume --out ${shellWord(folder)}`;
}
