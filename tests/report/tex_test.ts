import assert from "node:assert/strict";
import { texPlot, texReferences, texText } from "../../report/tex.ts";

Deno.test("signs that LaTeX reads as commands are printed", () => {
  assert.equal(texText("98.7 % ± 0.1 %, a_b & −3"), "98.7\\,\\% $\\pm$ 0.1\\,\\%, a\\_b \\& $-$3");
  assert.equal(texText("\\{~}"), "\\textbackslash{}\\{\\textasciitilde{}\\}");
});

Deno.test("cited works are listed once, by author, and unknown ones refused", () => {
  const list = texReferences("\\citep{fid,adam} \\citet{logitnormal} \\citep[see][]{adam} \\citep{elman}");
  assert.deepEqual(
    [...list.matchAll(/\\bibitem\[(.*)\]\{(.*)\}/g)].map(([, name, key]) => `${name} ${key}`),
    [
      "Elman(1990) elman",
      "Esser et~al.(2024) logitnormal",
      "Heusel et~al.(2017) fid",
      "Kingma and Ba(2015) adam",
    ],
  );
  assert.match(list, /\nEsser, Kulal, Blattmann et al\.\n/);
  assert.throws(() => texReferences("\\citep{nobody}"), /Cannot cite nobody/);
});

Deno.test("a plot has its line from corner to corner, round ticks and labels", () => {
  const plot = texPlot({
    x: { label: "step" },
    y: { label: "loss", unit: "nats" },
    series: [{ name: "training", x: [0, 1000], y: [1, 2] }],
  }, { width: 140, height: 100 });
  // 34 to the left, 6 to the right, 26 below, 14 above.
  assert.match(plot, / RG 1 w 1 j 1 J 34\.00 26\.00 m 134\.00 86\.00 l S Q/);
  const words = [...plot.matchAll(/\\scriptsize ([^}]*)\}/g)].map(([, word]) => word);
  assert.deepEqual(words, [
    ...["0", "200", "400", "600", "800", "1,000"],
    ...["1", "1.2", "1.4", "1.6", "1.8", "2"],
    ...["step", "loss (nats)"],
  ]);
});
