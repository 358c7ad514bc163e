/** Lines of text with marked stretches. */
import { escape } from "./escape.ts";
import { filterBar, filterData, type Filtered } from "./filter.ts";

/** A stretch of a line. */
export interface MarkedPart {
  /** As it is read. */
  readonly text: string;
  /** What a marked stretch is, shown when it is pointed at; absent: not marked. */
  readonly mark?: string;
}

/** A line, and what is said of it at its end. */
export interface MarkedLine extends Filtered {
  /** From left to right. */
  readonly parts: readonly MarkedPart[];
  /** What is said of the line. */
  readonly note?: string;
  /** Set apart by a strong colour: the line is marked as a whole. */
  readonly strong?: boolean;
}

/** The lines as HTML. Line breaks and other white space inside parts are shown: a break as ↵. */
export function markedText(
  lines: readonly MarkedLine[],
  { wrap = false }: { readonly wrap?: boolean } = {},
): string {
  const rows = lines.map((line) => {
    const { parts, note, strong } = line;
    const text = parts.map((part) => {
      const shown = escape(part.text.replaceAll("\n", "↵").replaceAll("\t", "⇥"));
      return part.mark === undefined ? shown : `<mark title="${escape(part.mark)}">${shown}</mark>`;
    }).join("");
    const aside = note === undefined ? "" : `<span class="where">${escape(note)}</span>`;
    return `<li${strong ? ` class="whole"` : ""}${
      filterData(line)
    }><span class="line">${text}</span>${aside}</li>`;
  });
  return `${filterBar(lines)}<ol class="marked ${wrap ? "wrap" : "scroll"}" tabindex="0">${
    rows.join("\n")
  }</ol>`;
}
