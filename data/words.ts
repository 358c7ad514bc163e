/** Texts as words, and words as numbers: what text classifiers read. */

/** Stands where a text is too short. */
export const PADDING = 0;
/** Stands for every word that the vocabulary lacks. */
export const UNKNOWN = 1;
/** Numbers of the words begin here. */
const FIRST = 2;

/**
 * A text as words in lower case: letters and digits with the apostrophes between them ("don't"); "!" and "?" are
 * words, other signs and HTML's tags are not.
 */
export function tokenize(text: string): string[] {
  const plain = text.replace(/<[a-z/][^<>]*>/gi, " ").replaceAll("\u2019", "'").toLowerCase().normalize(
    "NFC",
  );
  return plain.match(/[\p{L}\p{M}\p{N}]+(?:'[\p{L}\p{M}\p{N}]+)*|[!?]/gu) ?? [];
}

/** Many texts as numbers, all of one width. */
export interface EncodedTexts {
  /** [count, width]: numbers of words, `PADDING` before the first of a short text. */
  readonly tokens: Int32Array;
  /** [count]: how many of the numbers at a row's end are the text's. */
  readonly lengths: Int32Array;
  readonly count: number;
  readonly width: number;
}

/** The words that have a number, in the order of their numbers. */
export class Vocabulary {
  readonly words: readonly string[];
  readonly #numbers: ReadonlyMap<string, number>;

  constructor(words: readonly string[]) {
    this.words = words;
    this.#numbers = new Map(words.map((word, index) => [word, FIRST + index]));
    if (this.#numbers.size !== words.length) {
      throw new RangeError("Cannot make a vocabulary as a word stands in it twice: leave one out");
    }
  }

  /** The `size` most frequent words of texts, the alphabet deciding between equals; fewer where there are no more. */
  static of(texts: Iterable<string>, { size }: { readonly size: number }): Vocabulary {
    const counts = new Map<string, number>();
    for (const text of texts) {
      for (const word of tokenize(text)) counts.set(word, (counts.get(word) ?? 0) + 1);
    }
    const order = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
    return new Vocabulary(order.slice(0, size).map(([word]) => word));
  }

  /** How many numbers there are: the words, the padding, and the unknown word. */
  get size(): number {
    return FIRST + this.words.length;
  }

  /** A text's words as numbers. */
  encode(text: string): number[] {
    return tokenize(text).map((word) => this.#numbers.get(word) ?? UNKNOWN);
  }

  /** The word of a number; padding is the empty text, the unknown word "<unknown>". */
  word(number: number): string {
    return number === PADDING ? "" : number === UNKNOWN ? "<unknown>" : this.words[number - FIRST];
  }

  /** The last `width` words of each text, padded in front: a text ends where its row does, as its verdict often does. */
  encodeAll(texts: readonly string[], { width }: { readonly width: number }): EncodedTexts {
    const tokens = new Int32Array(texts.length * width), lengths = new Int32Array(texts.length);
    texts.forEach((text, row) => {
      const numbers = this.encode(text).slice(-width);
      lengths[row] = numbers.length;
      tokens.set(numbers, (row + 1) * width - numbers.length);
    });
    return { tokens, lengths, count: texts.length, width };
  }
}
