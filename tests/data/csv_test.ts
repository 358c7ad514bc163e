import assert from "node:assert/strict";
import { EXAMPLE_CSV, formatCsv, parseCsv } from "../../data/csv.ts";

const read = (text: string) => parseCsv(text, { path: "a.csv" });

Deno.test("rows of whole numbers, and back", () => {
  assert.deepEqual(read("\uFEFF1, 2,-3\r\n\n40,0,-0\n"), [[1, 2, -3], [40, 0, 0]]);
  assert.equal(formatCsv([[1, -2], [3, 4]]), "1,-2\n3,4\n");
  assert.equal(formatCsv(read(EXAMPLE_CSV)), EXAMPLE_CSV);
});

Deno.test("what is wrong is named with its line", () => {
  assert.throws(() => read("1,2\n\n3,x\n"), {
    name: "SyntaxError",
    message: 'Cannot read a.csv as cell 2 of line 3 must be a whole number: current value is "x"',
  });
  assert.throws(() => read("1,2\n3,\n"), /cell 2 of line 2 must be a whole number: current value is ""/);
  assert.throws(() => read("1.5,2\n"), /cell 1 of line 1/);
  assert.throws(() => read("\n1,2\n3\n"), /line 2 has 2 cells, line 3 has 1$/);
});
