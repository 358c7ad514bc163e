import assert from "node:assert/strict";
import { formula } from "../../report/formula.ts";

/** The formula without its outermost elements. */
function inner(source: string): string {
  return formula(source, "inline").replace(/^<math display="inline"><mrow>|<\/mrow><\/math>$/g, "");
}

Deno.test("formula: letters, numbers, operators", () => {
  assert.equal(inner("a+12.5=γ"), "<mi>a</mi><mo>+</mo><mn>12.5</mn><mo>=</mo><mi>γ</mi>");
  assert.equal(inner("a - b"), "<mi>a</mi><mo>−</mo><mi>b</mi>");
  assert.equal(inner("a < b"), "<mi>a</mi><mo>&lt;</mo><mi>b</mi>");
});

Deno.test("formula: scripts beside, limits above and below", () => {
  assert.equal(inner("x_i^2"), "<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>");
  assert.equal(inner("x^2_i"), inner("x_i^2"));
  assert.equal(inner("x_{ij}"), "<msub><mi>x</mi><mrow><mi>i</mi><mi>j</mi></mrow></msub>");
  assert.match(inner("a\\prod_{i=1}^{16} z"), /<munderover><mo>∏<\/mo>/);
  assert.match(inner("a ∑_i z"), /<munder><mo>∑<\/mo>/);
  assert.match(inner("\\max_x f"), /<munder><mi>max<\/mi>/);
});

Deno.test("formula: a sign at the start of a group has no room around it", () => {
  const tight = '<mo lspace="0em" rspace="0em">&lt;</mo>';
  assert.equal(inner("z_{<i}"), `<msub><mi>z</mi><mrow>${tight}<mi>i</mi></mrow></msub>`);
  assert.match(inner("\\hat x"), /^<mover accent="true">/);
});

Deno.test("formula: commands", () => {
  assert.equal(inner("\\frac{a}{b}"), "<mfrac><mrow><mi>a</mi></mrow><mrow><mi>b</mi></mrow></mfrac>");
  assert.equal(inner("\\text{a < b}"), "<mtext>a &lt; b</mtext>");
  assert.equal(inner("\\mathbb{E}"), "<mi>𝔼</mi>");
  assert.match(
    inner("\\left( \\frac{a}{b} \\right)"),
    /^<mrow><mo form="prefix" stretchy="true">\(<\/mo>.*\)<\/mo><\/mrow>$/,
  );
});

Deno.test("formula: what is not understood is an error that names it", () => {
  assert.throws(() => formula("\\foo", "inline"), /\\foo is not known/);
  assert.throws(() => formula("{a", "inline"), /not closed/);
  assert.throws(() => formula("a}", "inline"), /closes nothing/);
  assert.throws(() => formula("a_", "inline"), /missing at its end/);
  assert.throws(() => formula("\\left( a", "inline"), /no \\right/);
  assert.throws(() => formula("\\constructor", "inline"), /not known/);
});
