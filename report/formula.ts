/**
 * Formulas: a small part of TeX's notation as MathML Core, which browsers show without a library.
 *
 * Understood: letters, numbers, operators, `_`, `^`, `{...}`, `\left( ... \right)`, `\frac{a}{b}`, `\sqrt{a}`,
 * `\hat`, `\bar`, `\tilde`, `\text{...}`, `\mathbb{E}`, and the names below. Signs such as γ, ∏, ≤ may also stand for
 * themselves.
 */
import { escape } from "./escape.ts";

const SYMBOLS: Readonly<Record<string, string>> = {
  alpha: "α",
  beta: "β",
  gamma: "γ",
  delta: "δ",
  epsilon: "ϵ",
  eta: "η",
  theta: "θ",
  lambda: "λ",
  mu: "μ",
  pi: "π",
  rho: "ρ",
  sigma: "σ",
  tau: "τ",
  phi: "ϕ",
  psi: "ψ",
  omega: "ω",
  Delta: "Δ",
  Theta: "Θ",
  Sigma: "Σ",
  ell: "ℓ",
  infty: "∞",
  partial: "∂",
  nabla: "∇",
};
const OPERATORS: Readonly<Record<string, string>> = {
  sum: "∑",
  prod: "∏",
  mid: "|",
  le: "≤",
  ge: "≥",
  ne: "≠",
  times: "×",
  cdot: "·",
  in: "∈",
  to: "→",
  sim: "∼",
  approx: "≈",
  pm: "±",
  ldots: "…",
  "{": "{",
  "}": "}",
};
const FUNCTIONS: ReadonlySet<string> = new Set([
  "log",
  "ln",
  "exp",
  "max",
  "min",
  "arg",
  "KL",
  "MSE",
  "PSNR",
]);
const ACCENTS: Readonly<Record<string, string>> = { hat: "^", bar: "¯", tilde: "~" };
const DOUBLE_STRUCK: Readonly<Record<string, string>> = { E: "𝔼", N: "ℕ", R: "ℝ", Z: "ℤ", P: "ℙ" };
/** What carries its limits above and below instead of beside. */
const LIMITS = /^<mo>[∑∏]<\/mo>$|^<mi>(max|min|arg)<\/mi>$/;
const TOKEN = /\\[A-Za-z]+|\\[{},; ]|\d+(?:\.\d+)?|\s+|[^]/gu;

class Parser {
  #at = 0;
  readonly #tokens: readonly string[];

  constructor(readonly source: string) {
    this.#tokens = source.match(TOKEN) ?? [];
  }

  formula(): string {
    const content = this.#row();
    if (this.#at < this.#tokens.length) throw this.#error(`${this.#tokens[this.#at]} closes nothing`);
    return content;
  }

  #error(reason: string): SyntaxError {
    return new SyntaxError(`Cannot typeset a formula as ${reason}: current formula is ${this.source}`);
  }

  #skipSpace(): void {
    while (/^\s/.test(this.#tokens[this.#at] ?? "")) this.#at++;
  }

  /** Everything up to a token that closes, which stays. */
  #row(): string {
    let row = "";
    for (;;) {
      this.#skipSpace();
      const token = this.#tokens[this.#at];
      if (token === undefined || token === "}" || token === "\\right") return row;
      // A sign at the start of a group (-1, <i) takes one operand: no room around it.
      const element = this.#scripted();
      row += row === ""
        ? element.replace(/^<mo(?=[ >])(?! lspace)/, '<mo lspace="0em" rspace="0em"')
        : element;
    }
  }

  #scripted(): string {
    const base = this.#atom();
    let below: string | undefined, above: string | undefined;
    for (;;) {
      this.#skipSpace();
      const token = this.#tokens[this.#at];
      if (token === "_" && below === undefined) {
        this.#at++;
        below = this.#argument();
      } else if (token === "^" && above === undefined) {
        this.#at++;
        above = this.#argument();
      } else break;
    }
    const [sub, sup, both] = LIMITS.test(base)
      ? ["munder", "mover", "munderover"]
      : ["msub", "msup", "msubsup"];
    const space = base.startsWith("<mi>") && FUNCTIONS.has(base.slice(4, -5))
      ? `<mspace width="0.17em"></mspace>`
      : "";
    if (below !== undefined && above !== undefined) {
      return `<${both}>${base}${below}${above}</${both}>${space}`;
    }
    if (below !== undefined) return `<${sub}>${base}${below}</${sub}>${space}`;
    if (above !== undefined) return `<${sup}>${base}${above}</${sup}>${space}`;
    return base + space;
  }

  /** One element: what follows a script sign or a command. */
  #argument(): string {
    this.#skipSpace();
    return this.#atom();
  }

  #group(): string {
    this.#at++;
    const row = this.#row();
    if (this.#tokens[this.#at] !== "}") throw this.#error("a { is not closed");
    this.#at++;
    return `<mrow>${row}</mrow>`;
  }

  #atom(): string {
    const token = this.#tokens[this.#at];
    if (token === undefined) throw this.#error("something is missing at its end");
    if (token === "{") return this.#group();
    if (token === "}" || token === "_" || token === "^") throw this.#error(`${token} stands alone`);
    this.#at++;
    if (token.startsWith("\\")) return this.#command(token.slice(1));
    if (/^\d/.test(token)) return `<mn>${token}</mn>`;
    if (/^\p{L}/u.test(token)) return `<mi>${token}</mi>`;
    return operator(token === "-" ? "−" : token);
  }

  #command(name: string): string {
    if (Object.hasOwn(SYMBOLS, name)) return `<mi>${SYMBOLS[name]}</mi>`;
    if (name === "mid") return `<mo lspace="0.22em" rspace="0.22em" stretchy="false">|</mo>`;
    if (Object.hasOwn(OPERATORS, name)) return operator(OPERATORS[name]);
    if (FUNCTIONS.has(name)) return `<mi>${name}</mi>`;
    if (Object.hasOwn(ACCENTS, name)) {
      return `<mover accent="true">${this.#argument()}<mo>${ACCENTS[name]}</mo></mover>`;
    }
    switch (name) {
      case "frac":
        return `<mfrac>${this.#argument()}${this.#argument()}</mfrac>`;
      case "sqrt":
        return `<msqrt>${this.#argument()}</msqrt>`;
      case "text":
        return `<mtext>${escape(this.#words())}</mtext>`;
      case "mathbb": {
        const letter = this.#words();
        if (!Object.hasOwn(DOUBLE_STRUCK, letter)) throw this.#error(`\\mathbb knows no ${letter}`);
        return `<mi>${DOUBLE_STRUCK[letter]}</mi>`;
      }
      case "left":
        return this.#fenced();
      case ",":
      case ";":
      case " ":
        return `<mspace width="${name === "," ? 0.17 : 0.28}em"></mspace>`;
    }
    throw this.#error(`\\${name} is not known`);
  }

  #fenced(): string {
    const open = this.#tokens[this.#at++];
    const row = this.#row();
    if (this.#tokens[this.#at] !== "\\right") throw this.#error("a \\left has no \\right");
    const close = this.#tokens[this.#at + 1] ?? "";
    this.#at += 2;
    const fence = (sign: string, form: string) =>
      sign === "." ? "" : `<mo form="${form}" stretchy="true">${escape(sign.replace("\\", ""))}</mo>`;
    return `<mrow>${fence(open, "prefix")}${row}${fence(close, "postfix")}</mrow>`;
  }

  /** The plain text of a group. */
  #words(): string {
    const from = this.#at + 1;
    const end = this.#tokens.indexOf("}", from);
    if (this.#tokens[this.#at] !== "{" || end < 0) throw this.#error("\\text and \\mathbb need {...}");
    this.#at = end + 1;
    return this.#tokens.slice(from, end).join("");
  }
}

function operator(sign: string): string {
  // Only \left and \right stretch: plain brackets would grow with the tallest thing in their row.
  const fixed = "()[]{}|/".includes(sign) ? ` stretchy="false"` : "";
  return `<mo${fixed}>${escape(sign)}</mo>`;
}

/**
 * A formula in a line of text, or (`"block"`) on a line of its own.
 *
 * @throws {SyntaxError} naming what is not understood.
 */
export function formula(source: string, display: "inline" | "block"): string {
  return `<math display="${display}"><mrow>${new Parser(source).formula()}</mrow></math>`;
}
