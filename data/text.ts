/** Texts as streams of characters or words. */
import example from "./examples/prose.txt" with { type: "text" };

/** The text that is learned where none is given. */
export const EXAMPLE_TEXT: string = example;

/** What one token of a text is. */
export type TextUnit = "character" | "word";

/** A text, cut into its units. */
export interface UnitText {
  readonly unit: TextUnit;
  /** Characters, line breaks among them, or words without the white space between them. */
  readonly units: readonly string[];
  /** The line, from 1, in which each unit stands. */
  readonly lines: Int32Array;
}

/** Cuts a text into characters (Unicode code points) or words (whatever stands between white space). */
export function cutText(text: string, unit: TextUnit): UnitText {
  const plain = text.replace(/^\uFEFF/, "").replace(/\r\n?/g, "\n");
  const units: string[] = [], lines: number[] = [];
  plain.split("\n").forEach((line, index, all) => {
    const found = unit === "word" ? line.split(/\s+/).filter(Boolean) : Array.from(line);
    if (unit === "character" && index < all.length - 1) found.push("\n");
    for (const one of found) {
      units.push(one);
      lines.push(index + 1);
    }
  });
  return { unit, units, lines: Int32Array.from(lines) };
}

/** Units as a text again. */
export function joinUnits(units: readonly string[], unit: TextUnit): string {
  return units.join(unit === "word" ? " " : "");
}
