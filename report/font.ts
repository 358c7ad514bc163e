/** A bitmap font for the captions of sheets: printable ASCII, capitals 5 x 7 pixels, two rows for descenders. */

/** Rows of a line of text, without the space between lines: 7 above the baseline, 2 below. */
export const FONT_HEIGHT = 9;
const SPACE_WIDTH = 3;
const LETTER_GAP = 1;

// A glyph is a word, a row a base-32 digit from the top: five pixels, the leftmost the highest bit. "e" is .###.
// Glyphs without a descender have 7 rows. From "!" on, in ASCII order.
const GLYPHS = (
  "4444404 aaa0000 aavavaa 4fke5u4 op248j3 cik8lid 4480000 2488842 8422248 04lel40 044v440 000000448 " +
  "000e000 00000cc 01248g0 " +
  "ehhhhhe 4c4444e eh1248v v2421he 26aiv22 vgu11he 68guhhe v124888 ehhehhe ehhf12c " +
  "00cc0cc 00cc0c48 248g842 00v0v00 8421248 eh12404 eh1dlle " +
  "ehhvhhh uhhuhhu ehggghe sihhhis vgguggv vgguggg ehgnhhf hhhvhhh e44444e 72222ic hikokih ggggggv hrllhhh " +
  "hhpljhh ehhhhhe uhhuggg ehhhlid uhhukih fgge11u v444444 hhhhhhe hhhhha4 hhhllla hha4ahh hhha444 v1248gv " +
  "e88888e 0g84210 e22222e 4ah0000 0000000v 8420000 " +
  "00e1fhf ggmphhu 00egghe 11djhhf 00ehvge 698s888 00fhhhf1e ggmphhh 40c444e 2062222ic ggikoki c44444e " +
  "00qllll 00mphhh 00ehhhe 00uhhhugg 00fhhhf11 00mpggg 00fge1u 88s8896 00hhhjd 00hhha4 00hhlla 00ha4ah " +
  "00hhhhf1e 00v248v " +
  "2448442 4444444 8442448 008l200"
).split(" ").map((glyph) => Uint8Array.from(glyph, (row) => parseInt(row, 32)));
/** What stands for a character that the font lacks: an empty box. */
const MISSING = Uint8Array.from("vhhhhhv", (row) => parseInt(row, 32));

interface Glyph {
  readonly rows: Uint8Array;
  readonly left: number;
  readonly width: number;
}

function glyphOf(character: string): Glyph {
  const rows = GLYPHS[character.charCodeAt(0) - 33] ?? MISSING;
  // Digits keep the full width, so that numbers in columns line up; other glyphs lose their empty columns.
  if (character >= "0" && character <= "9") return { rows, left: 0, width: 5 };
  const used = rows.reduce((all, row) => all | row, 0);
  const left = Math.clz32(used) - 27;
  const right = 31 - Math.clz32(used & -used);
  return { rows, left, width: 5 - left - right };
}

/** Width of one line of text, in font pixels. */
export function textWidth(text: string): number {
  let width = 0;
  for (const character of text) {
    width += (character === " " ? SPACE_WIDTH : glyphOf(character).width) + LETTER_GAP;
  }
  return Math.max(0, width - LETTER_GAP);
}

/** Calls `dot` for every dark pixel of one line of text, whose upper left corner is (0, 0). */
export function eachDot(text: string, dot: (x: number, y: number) => void): void {
  let at = 0;
  for (const character of text) {
    if (character === " ") {
      at += SPACE_WIDTH + LETTER_GAP;
      continue;
    }
    const { rows, left, width } = glyphOf(character);
    rows.forEach((row, y) => {
      for (let x = 0; x < width; x++) if (row & (16 >> (left + x))) dot(at + x, y);
    });
    at += width + LETTER_GAP;
  }
}

/** `text` broken between words into lines of at most `width` font pixels; a longer word has a line of its own. */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/).filter((word) => word !== "")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line !== "" && textWidth(longer) > width) {
      lines.push(line);
      line = word;
    } else {
      line = longer;
    }
  }
  if (line !== "") lines.push(line);
  return lines;
}
