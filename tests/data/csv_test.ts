import assert from "node:assert/strict";
import { binOf, EXAMPLE_CSV, formatTable, parseTable, quantileBins } from "../../data/csv.ts";

const read = (text: string) => parseTable(text, { path: "a.csv" });

Deno.test("rows of whole numbers, and back", async () => {
  const { rows, header, columns, lines } = await read("\uFEFF1, 2,-3\r\n\n40,0,-0\n");
  assert.deepEqual(rows, [[1, 2, -3], [40, 0, 0]]);
  assert.deepEqual([header, columns, lines], [undefined, ["number", "number", "number"], [1, 3]]);
  assert.equal(formatTable([[1, -2], [3, 4]]), "1,-2\n3,4\n");
  assert.equal(formatTable((await read(EXAMPLE_CSV)).rows), EXAMPLE_CSV);
});

Deno.test("a table as a spreadsheet exports it: header, semicolons, decimal commas, quotes, CRLF, a missing value", async () => {
  const text = '\uFEFF"Name";Weight;Count\r\n"Ada; ""A""";3,5;1\r\nBo;;20\r\n;-0,25;3\r\n;;\r\n';
  const table = await read(text);
  assert.deepEqual(table.header, ["Name", "Weight", "Count"]);
  assert.deepEqual(table.columns, ["word", "number", "number"]);
  assert.deepEqual(table.rows, [['Ada; "A"', 3.5, 1], ["Bo", null, 20], ["", -0.25, 3]]);
  const copy = await read(formatTable(table.rows, { ...table, separator: "," }));
  assert.deepEqual([copy.header, copy.rows], [table.header, table.rows]);
});

Deno.test("separators are told by what they give: tabs, bars, commas inside words", async () => {
  assert.deepEqual((await read("a\tb\n1\t2\n")).rows, [[1, 2]]);
  assert.deepEqual((await read("1|2\n3|4\n")).rows, [[1, 2], [3, 4]]);
  assert.deepEqual((await read("x, y;1\nz;2\n")).rows, [["x, y", 1], ["z", 2]]);
  assert.deepEqual((await read("1,2\n3,4\n")).separator, ",");
});

Deno.test("words alone have no header; a number in the first row is none either", async () => {
  assert.deepEqual((await read("red,big\nblue,small\n")).rows, [["red", "big"], ["blue", "small"]]);
  const { header, rows } = await read("x,1\ny,2\n");
  assert.deepEqual([header, rows], [undefined, [["x", 1], ["y", 2]]]);
});

Deno.test("what is wrong is named with its line", async () => {
  await assert.rejects(read("1,2\n\n3,x\n"), {
    name: "SyntaxError",
    message:
      'Cannot read a.csv as cell 2 of line 3 must be a number as others of its column are: current value is "x"',
  });
  await assert.rejects(read("a,b\n"), /has a header and no rows: add some$/);
  await assert.rejects(read("\n1,2\n3\n"), /line 2 has 2 cells, line 3 has 1$/);
  await assert.rejects(read('1,2\n3,"4\n5,6\n'), /is no row of a table: close its quotes/);
  await assert.rejects(read("\n\n"), /it has no rows/);
});

Deno.test("bins are quantiles, and equal numbers share one", () => {
  assert.deepEqual(quantileBins([1, 2, 3, 4, 5, 6, 7, 8, 9], { count: 3 }), {
    edges: [3, 6],
    middles: [2, 5, 8],
  });
  assert.deepEqual(quantileBins([5, 1, 5, 2], { count: 8 }), { edges: [1, 2], middles: [1, 2, 5] });
  const skewed = quantileBins([0, 0, 0, 0, 0, 0, 1, 9], { count: 2 });
  assert.deepEqual(skewed, { edges: [0], middles: [0, 1] });
  assert.deepEqual([-1, 0, 0.5, 100].map((value) => binOf(value, skewed)), [0, 0, 1, 1]);
  assert.deepEqual(quantileBins([7, 7], { count: 2 }), { edges: [], middles: [7] });
});
