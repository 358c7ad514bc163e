/** Philox 4x32-10 (see `base/random.ts`, whose bits these are), and draws from softmax distributions. */
import { sizeOf, type Value } from "../../graph.ts";
import type { Key } from "../../../base/random.ts";
import { aliases, need } from "../functions.ts";
import { type Dispatch, Shader } from "../shader.ts";
import { eachItem } from "./move.ts";
import type { KernelContext } from "./context.ts";

const PHILOX = `fn philox(block: u32, step: u32, key: vec2<u32>) -> vec4<u32> {
  var c = vec4<u32>(block, step, 0u, 0u);
  var k = key;
  for (var round = 0u; round < 10u; round++) {
    let high0 = high_word(0xd2511f53u, c.x);
    let high1 = high_word(0xcd9e8d57u, c.z);
    c = vec4<u32>(high1 ^ c.y ^ k.x, 0xcd9e8d57u * c.z, high0 ^ c.w ^ k.y, 0xd2511f53u * c.x);
    k += vec2<u32>(0x9e3779b9u, 0xbb67ae85u);
  }
  return c;
}
fn uniform_of(word: u32) -> f32 { return f32(word >> 8u) / 16777216.0; }`;

const NORMALS = `fn normals_of(words: vec2<u32>) -> vec2<f32> {
  let radius = sqrt(-2.0 * logarithm((f32(words.x >> 8u) + 1.0) / 16777216.0));
  let angle = 6.2831855 * uniform_of(words.y);
  return radius * vec2<f32>(cosine(angle), sine(angle));
}`;

function keyWords(shader: Shader, key: Key): string {
  return `vec2<u32>(${shader.word(key[0])}, ${shader.word(key[1])})`;
}

/** One block of four numbers an invocation; places are padded, so the last block may run over the end. */
export function writeRandom(
  context: KernelContext,
  { counter, output, distribution, key }: {
    readonly counter: Value;
    readonly output: Value;
    readonly distribution: "uniform" | "normal" | "word";
    readonly key: Key;
  },
): Dispatch[] {
  const shader = new Shader(context, 4), target = shader.operand(output);
  need(shader, "high_word");
  shader.declare(PHILOX);
  if (distribution === "normal") {
    shader.declare(aliases(1));
    for (const name of ["logarithm", "sine", "cosine"]) need(shader, name);
    shader.declare(NORMALS);
  }
  const values = {
    word: "words",
    uniform: "vec4<f32>(uniform_of(words.x), uniform_of(words.y), uniform_of(words.z), uniform_of(words.w))",
    normal: "vec4<f32>(normals_of(words.xy), normals_of(words.zw))",
  }[distribution];
  return eachItem(shader, Math.ceil(sizeOf(output.shape) / 4), [
    `let words = philox(item, u32(${shader.operand(counter).at("0u")}), ${keyWords(shader, key)});`,
    target.storeVector("item", values),
  ]);
}

/** One draw a row: one invocation a row, as the sum has one order. */
export function writeCategorical(
  context: KernelContext,
  { logits, counter, output, key }: {
    readonly logits: Value;
    readonly counter: Value;
    readonly output: Value;
    readonly key: Key;
  },
): Dispatch[] {
  const [rows, width] = logits.shape, shader = new Shader(context);
  shader.declare(aliases(1));
  for (const name of ["high_word", "maximum", "exponential"]) need(shader, name);
  shader.declare(PHILOX);
  const read = shader.operand(logits).at(`(item * ${width}u + i)`);
  return eachItem(shader, rows, [
    `let words = philox(item / 4u, u32(${shader.operand(counter).at("0u")}), ${keyWords(shader, key)});`,
    `var largest = ${shader.float(-Infinity)};`,
    `for (var i = 0u; i < ${width}u; i++) { largest = maximum(largest, ${read}); }`,
    "var total = 0.0;",
    `for (var i = 0u; i < ${width}u; i++) { total += exponential(${read} - largest); }`,
    "let limit = uniform_of(words[item % 4u]) * total;",
    "var sum = 0.0;",
    `var drawn = ${width - 1}u;`,
    `for (var i = 0u; i < ${width - 1}u; i++) {`,
    `sum += exponential(${read} - largest);`,
    "if (limit < sum) { drawn = i; break; }",
    "}",
    shader.operand(output).store("item", "i32(drawn)"),
  ]);
}
