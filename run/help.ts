import { type Flag, flagName, type Flags, isWord, SPOKEN } from "./flags.ts";

/** The text of `--help`. */
export function helpText(
  task: { readonly name: string; readonly summary: string; readonly flags: Flags },
): string {
  const entries = Object.entries(task.flags);
  const words = entries.filter(([, flag]) => isWord(flag));
  const rows = entries.filter(([, flag]) => !isWord(flag)).map(([name, flag]) => {
    const shown = flag.default === undefined || flag.default === false ? "" : ` (default: ${flag.default})`;
    return [`--${flagName(name)} ${flag.placeholder}`.trim(), flag.help + shown];
  });
  for (const [name, help] of Object.entries(SPOKEN)) rows.push([`--${name}`, help]);
  const table = (lines: readonly (readonly string[])[]): string => {
    const widest = Math.max(...lines.map(([head]) => head.length).filter((width) => width <= 28));
    return lines.map(([head, help]) =>
      head.length > 28 ? `  ${head}\n  ${" ".repeat(widest)}  ${help}` : `  ${head.padEnd(widest)}  ${help}`
    ).join("\n");
  };
  const usage = ["deno task", task.name, ...words.map(([, flag]) => word(flag)), "[flags]"].join(" ");
  const head = `${task.summary}\n\nUsage: ${usage}\n`;
  const parts = words.length === 0 ? [] : [table(words.map(([, flag]) => [word(flag), flag.help])) + "\n"];
  return [head, ...parts, `Flags:\n${table(rows)}\n`].join("\n");
}

function word({ kind, placeholder }: Flag<unknown>): string {
  return kind === "arguments" ? `[${placeholder} ...]` : placeholder;
}
