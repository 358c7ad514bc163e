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
