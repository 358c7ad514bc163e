/** What the tests of the text classifiers share: texts whose verdict is one word's. */
import type { LabelledTexts } from "../../run/text_classification.ts";

/** Words of a text. */
export const LENGTH = 6;
/** Numbers of words; 2 is for, 3 against, the others say nothing. */
export const SYMBOLS = 7;

/** Twelve texts, padded in front, with one word that decides at any of their places. */
export function verdicts(): LabelledTexts {
  const count = 12, tokens = new Int32Array(count * LENGTH), labels = new Uint8Array(count);
  const lengths = new Int32Array(count);
  for (let text = 0; text < count; text++) {
    lengths[text] = 3 + text % 4;
    labels[text] = text % 2;
    for (let back = 1; back <= lengths[text]; back++) {
      tokens[(text + 1) * LENGTH - back] = 4 + (text * back) % 3;
    }
    tokens[(text + 1) * LENGTH - 1 - text % 3] = labels[text] === 1 ? 2 : 3;
  }
  return { tokens, lengths, labels, count, width: LENGTH };
}
