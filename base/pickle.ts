/**
 * The part of Python's pickle format, protocol 2, that files of tensors need: numbers, texts, tuples, lists,
 * dictionaries, and what a caller allows by name. Nothing is ever run that the caller did not name.
 * https://docs.python.org/3/library/pickletools.html
 */

/** What a reader of pickles knows. */
export interface PickleContext {
  /**
   * What stands for Python's `module.name`. A function is called with its arguments where the pickle calls it.
   * A name that is absent is an error.
   */
  readonly globals: ReadonlyMap<string, unknown>;
  /** The object that is stored outside the pickle under `id`. */
  readonly load: (id: unknown) => unknown;
  /** Throws; it is given what is wrong, as a clause. */
  readonly fail: (reason: string) => never;
}

/** One object, and where in the bytes it ended. */
export interface Unpickled {
  /** Tuples and lists as arrays, dictionaries as maps, None as null, integers beyond 2^53 as bigint. */
  readonly value: unknown;
  readonly end: number;
}

/** Python's function, as `globals` may hold it. */
export type PickleCall = (args: readonly unknown[]) => unknown;

/** Where on the stack a tuple or a list of items begins. */
const MARK = Symbol("mark");

/** Reads the pickled object that begins at `from`. */
export function unpickle(bytes: Uint8Array, from: number, context: PickleContext): Unpickled {
  const reader = new PickleReader(bytes, from, context);
  return { value: reader.read(), end: reader.at };
}

/** A machine with a stack and a memory, as the format is defined. */
class PickleReader {
  at: number;
  readonly #bytes: Uint8Array;
  readonly #data: DataView;
  readonly #context: PickleContext;
  readonly #stack: unknown[] = [];
  readonly #memory = new Map<number, unknown>();

  constructor(bytes: Uint8Array, from: number, context: PickleContext) {
    this.#bytes = bytes;
    this.#data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#context = context;
    this.at = from;
  }

  read(): unknown {
    const { fail } = this.#context, stack = this.#stack;
    for (;;) {
      const code = this.#byte();
      switch (String.fromCharCode(code)) {
        case "\x80": { // PROTO
          const protocol = this.#byte();
          if (protocol !== 2) fail(`its pickle has protocol ${protocol}, not 2`);
          break;
        }
        case ".": { // STOP
          const value = this.#pop();
          if (stack.length > 0) fail("its pickle ends in the middle of an object");
          return value;
        }
        case "(":
          stack.push(MARK);
          break;
        case "N":
          stack.push(null);
          break;
        case "\x88":
          stack.push(true);
          break;
        case "\x89":
          stack.push(false);
          break;
        case "K": // BININT1
          stack.push(this.#byte());
          break;
        case "M": // BININT2
          stack.push(this.#data.getUint16(this.#take(2), true));
          break;
        case "J": // BININT
          stack.push(this.#data.getInt32(this.#take(4), true));
          break;
        case "\x8a": // LONG1
          stack.push(this.#long(this.#byte()));
          break;
        case "G": // BINFLOAT, the one big-endian number
          stack.push(this.#data.getFloat64(this.#take(8), false));
          break;
        case "X": // BINUNICODE
          stack.push(this.#text(this.#data.getUint32(this.#take(4), true)));
          break;
        case "c": // GLOBAL
          this.#global();
          break;
        case ")":
        case "]":
          stack.push([]);
          break;
        case "}":
          stack.push(new Map());
          break;
        case "t": // TUPLE
          stack.push(this.#items());
          break;
        case "\x85":
        case "\x86":
        case "\x87": { // TUPLE1, TUPLE2, TUPLE3
          const items = Array.from({ length: code - 0x84 }, () => this.#pop()).reverse();
          stack.push(items);
          break;
        }
        case "a": // APPEND
          this.#append([this.#pop()]);
          break;
        case "e": // APPENDS
          this.#append(this.#items());
          break;
        case "s": { // SETITEM
          const value = this.#pop(), key = this.#pop();
          this.#set([key, value]);
          break;
        }
        case "u": // SETITEMS
          this.#set(this.#items());
          break;
        case "q": // BINPUT
          this.#memory.set(this.#byte(), this.#top());
          break;
        case "r": // LONG_BINPUT
          this.#memory.set(this.#data.getUint32(this.#take(4), true), this.#top());
          break;
        case "h": // BINGET
          this.#recall(this.#byte());
          break;
        case "j": // LONG_BINGET
          this.#recall(this.#data.getUint32(this.#take(4), true));
          break;
        case "Q": // BINPERSID
          stack.push(this.#context.load(this.#pop()));
          break;
        case "R": // REDUCE
          this.#call();
          break;
        case "b": // BUILD: attributes of a dictionary, such as PyTorch's `_metadata`, which holds no tensor
          this.#pop();
          if (!(this.#top() instanceof Map)) fail("its pickle gives attributes to what is no dictionary");
          break;
        default:
          fail(`its pickle has the instruction 0x${code.toString(16).padStart(2, "0")}, which is not read`);
      }
    }
  }

  /** Where the next `count` bytes begin; they are taken. */
  #take(count: number): number {
    const from = this.at;
    if (from + count > this.#bytes.length) this.#context.fail("its pickle is cut short");
    this.at = from + count;
    return from;
  }

  #byte(): number {
    return this.#bytes[this.#take(1)];
  }

  #pop(): unknown {
    const value = this.#top();
    this.#stack.pop();
    return value;
  }

  #top(): unknown {
    const value = this.#stack.at(-1);
    if (this.#stack.length === 0 || value === MARK) this.#context.fail("its pickle takes what is not there");
    return value;
  }

  /** All that was pushed since the last mark. */
  #items(): unknown[] {
    const mark = this.#stack.lastIndexOf(MARK);
    if (mark < 0) this.#context.fail("its pickle takes what is not there");
    const items = this.#stack.splice(mark);
    return items.slice(1);
  }

  #text(count: number): string {
    const from = this.#take(count);
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(this.#bytes.subarray(from, from + count));
    } catch {
      return this.#context.fail("a text in its pickle is no UTF-8");
    }
  }

  /** A little-endian integer in two's complement. */
  #long(count: number): number | bigint {
    const from = this.#take(count);
    let value = 0n;
    for (let index = count - 1; index >= 0; index--) value = value << 8n | BigInt(this.#bytes[from + index]);
    value = BigInt.asIntN(8 * count, value);
    return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
  }

  #line(): string {
    const end = this.#bytes.indexOf(0x0a, this.at);
    if (end < 0) this.#context.fail("its pickle is cut short");
    const text = this.#text(end - this.at);
    this.at++;
    return text;
  }

  #global(): void {
    const name = `${this.#line()}.${this.#line()}`;
    const { globals, fail } = this.#context;
    if (!globals.has(name)) fail(`it asks for ${JSON.stringify(name)}, which is not read`);
    this.#stack.push(globals.get(name));
  }

  #append(items: readonly unknown[]): void {
    const list = this.#top();
    if (!Array.isArray(list)) this.#context.fail("its pickle appends to what is no list");
    else for (const item of items) list.push(item);
  }

  #set(items: readonly unknown[]): void {
    const dictionary = this.#top(), { fail } = this.#context;
    if (!(dictionary instanceof Map) || items.length % 2 !== 0) {
      fail("its pickle sets items of what is no dictionary");
    } else {for (let index = 0; index < items.length; index += 2) {
        dictionary.set(items[index], items[index + 1]);
      }}
  }

  #recall(name: number): void {
    if (!this.#memory.has(name)) this.#context.fail("its pickle recalls what it did not keep");
    this.#stack.push(this.#memory.get(name));
  }

  #call(): void {
    const args = this.#pop(), callee = this.#pop();
    if (typeof callee !== "function" || !Array.isArray(args)) {
      this.#context.fail("its pickle calls what is no function");
    } else this.#stack.push((callee as PickleCall)(args));
  }
}
