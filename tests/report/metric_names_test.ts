import assert from "node:assert/strict";
import { metricLabel, metricText, metricUnit, metricWords } from "../../report/metric_names.ts";

Deno.test("metricWords: an interval stands with its figure, unknown figures keep their names", () => {
  const words = metricWords({
    memorized_fraction: 0.5,
    memorized_fraction_low: 0.4,
    memorized_fraction_high: 0.6,
    psnr_db: 31.234,
    samples: 10000,
    some_share: 0.25,
    some_low: 3,
    gone: null,
  });
  assert.deepEqual(words.map(({ label, value }) => [label, value]), [
    ["memorized fraction", "50.00 % (40.00 % to 60.00 %)"],
    ["PSNR", "31.23 dB"],
    ["samples", "10,000"],
    ["some share", "25.00 %"],
    ["some low", "3"],
    ["gone", "not a number"],
  ]);
  assert.match(words[0].meaning, /95 % confidence/);
  assert.equal(words[3].meaning, "");
});

Deno.test("labels and units follow the name where nobody has written more", () => {
  assert.equal(metricLabel("constructor"), "constructor");
  assert.equal(metricUnit("other_nats"), "nats");
  assert.equal(metricUnit("other_db"), "dB");
  assert.equal(metricText("other_nats", 1.23456), "1.235 nats");
});
