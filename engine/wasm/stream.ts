/** The command stream: what `assembly/index.ts` interprets, as it is written. */

/** The operations of the kernels. */
export const COMMANDS = {
  map: 1,
  reduce: 2,
  gemm: 3,
  copy: 4,
  fill: 5,
  gather: 6,
  scatter: 7,
  softmax: 8,
  softmaxCrossEntropy: 9,
  argreduce: 10,
  pool: 11,
  poolGrad: 12,
  depthwise: 13,
  depthwiseInputGrad: 14,
  depthwiseFilterGrad: 15,
  random: 16,
  categorical: 17,
  cumulate: 18,
  topk: 19,
  fold: 20,
  winogradFilter: 21,
  winograd: 22,
  winogradInputGrad: 23,
  winogradFilterGrad: 24,
  winogradFilterSum: 25,
  recurrent: 26,
  recurrentGrad: 27,
  recurrentSum: 28,
  winograd3Filter: 29,
  winograd3: 30,
  winograd3FilterGrad: 31,
  winograd3FilterSum: 32,
  embeddingBag: 33,
  embeddingBagGrad: 34,
  winograd4Filter: 35,
  winograd4: 36,
  winograd4FilterGrad: 37,
  winograd4FilterSum: 38,
} as const;

/** A table that a command points to: its address is known when the stream has a place. */
export class Table {
  constructor(readonly offset: number) {}
}

/** Writes commands; `finish` makes them what goes into memory. */
export class Stream {
  readonly #words: number[] = [];
  readonly #tables: number[] = [];
  readonly #pointers: { readonly at: number; readonly table: Table }[] = [];
  #node = 0;
  #wait = false;
  #waits = 0;

  /** The commands from here on are of node `node`; the first waits for what came before where `wait`. */
  begin(node: number, wait: boolean): void {
    this.#node = node;
    this.#wait ||= wait;
  }

  /** The next command waits for all before it. */
  wait(): void {
    this.#wait = true;
  }

  /** Barriers that a run has, but for the last. */
  get waits(): number {
    return this.#waits;
  }

  table(words: readonly number[]): Table {
    const table = new Table(this.#tables.length);
    for (const word of words) this.#tables.push(word);
    return table;
  }

  command(operation: keyof typeof COMMANDS, words: readonly (number | Table)[]): void {
    if (this.#wait) this.#waits++;
    this.#words.push(COMMANDS[operation], words.length + 4, this.#wait ? 1 : 0, this.#node);
    this.#wait = false;
    for (const word of words) {
      if (word instanceof Table) this.#pointers.push({ at: this.#words.length, table: word });
      this.#words.push(word instanceof Table ? 0 : word);
    }
  }

  /** Words that the finished stream takes. */
  get size(): number {
    return this.#words.length + 4 + this.#tables.length;
  }

  /** The stream for the address (in bytes) `address`. */
  finish(address: number): Int32Array {
    const words = new Int32Array(this.size);
    words.set(this.#words);
    const tables = this.#words.length + 4;
    words.set(this.#tables, tables);
    for (const { at, table } of this.#pointers) words[at] = address + 4 * (tables + table.offset);
    return words;
  }
}
