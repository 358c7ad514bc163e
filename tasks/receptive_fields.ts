/** `deno task receptive-fields`: what a unit of every layer sees of the input, calculated and measured. */
import { agrees, measureFields, parseStack, receptiveFields, STACKS } from "../analysis/receptive_fields.ts";
import { configureExercise, exerciseFlags, openCpu } from "../run/exercise.ts";
import { runTask, text, UsageError } from "../run/task.ts";
import { writePage } from "../run/write_report.ts";

if (import.meta.main) {
  await runTask({
    name: "receptive-fields",
    summary:
      "Calculate the receptive field of every layer of ten stacks, and measure each on a real network.",
    flags: {
      stack: text({
        placeholder: "LAYERS",
        help: "a stack of one's own, such as \"conv2d(3,1) maxpool2d(2,2)\" (default: the assignment's ten)",
      }),
      ...exerciseFlags,
    },
    run: async ({ stack: own }, run) => {
      await openCpu();
      const texts = own === undefined ? STACKS : [own];
      const stacks = texts.map((text) => {
        try {
          return parseStack(text);
        } catch (error) {
          throw new UsageError(`--stack: ${(error as Error).message}`);
        }
      });
      await configureExercise(run, { name: "stacks", count: stacks.length, content: texts.join("\n") });
      const depth = Math.max(...stacks.map((stack) => stack.length));
      const rows: (string | number)[][] = [], metrics: Record<string, number> = {};
      let entries = 0, changes = 0;
      for (const [index, stack] of stacks.entries()) {
        const fields = receptiveFields(stack), measured = await measureFields(stack, () => run.pause());
        const wrong = fields.findIndex((field, layer) => !agrees(measured[layer], field));
        if (wrong >= 0) {
          throw new Error(
            `Cannot confirm layer ${wrong + 1} of stack ${index + 1} as ${
              fields[wrong].side
            } rows must change it: ` +
              `${measured[wrong].rows.length} rows and ${measured[wrong].columns.length} columns do`,
          );
        }
        const sides = fields.map(({ side }) => side), last = fields[fields.length - 1];
        entries += sides.length;
        changes += 2 * measured[0].size + 4 * sides.length;
        const cells = stack.map(({ type, kernel, stride }, layer) =>
          `${type}(${kernel},${stride}): ${sides[layer]}`
        );
        rows.push([index + 1, ...cells, ...Array<string>(depth - cells.length).fill(""), last.side]);
        metrics[`stack_${index + 1}`] = last.side;
        run.note(
          `stack ${index + 1}: ${texts[index]}: measured ${sides.join(", ")}; final field: ${last.side}`,
        );
      }
      const largest = Math.max(...Object.values(metrics));
      await writePage(run, {
        title: "Receptive fields",
        abstract:
          "How large the part of an image is that one unit of a network can see, layer by layer: calculated from " +
          "kernels and strides, and confirmed by changing the inputs of a real network.",
        figures: [
          {
            label: "fields measured",
            value: String(entries),
            note: `with ${changes.toLocaleString("en")} changed inputs`,
          },
          { label: "largest", value: `${largest} x ${largest}` },
        ],
        sections: [{
          title: "Every layer of every stack",
          blocks: [
            {
              kind: "formula",
              formula: String.raw`r_l = r_{l-1} + (k_l - 1) j_{l-1}, j_l = s_l j_{l-1}, r_0 = j_0 = 1`,
              text:
                "A unit of layer $l$ sees $k_l$ units of the layer below, whose fields begin $j_{l-1}$ inputs " +
                "apart. $r_l$ is the side of the square that it sees, $s_l$ the stride.",
            },
            {
              kind: "table",
              table: {
                columns: [
                  "Stack",
                  ...Array.from({ length: depth }, (_, layer) => `Layer ${layer + 1}`),
                  "Final",
                ],
                rows,
                caption:
                  "Side of the field after each layer, in pixels; layers are type(kernel, stride), without padding.",
              },
            },
            {
              kind: "paragraph",
              text:
                `Each of the ${entries} numbers was measured. The stack was built with positive random kernels on an ` +
                "input with room around the field; every row of the input, then every column, was raised to a large " +
                "number, and it was noted which of them change a unit in the middle of each layer. They are exactly " +
                "the calculated ones, first to last, on both axes, and each of the four corner pixels alone changes " +
                "the unit, too. Positive numbers and a rise make the measurement sure: a pool hides a change that is " +
                "not the largest, and sums of both signs could cancel one.",
            },
            ...(own === undefined
              ? [{
                kind: "paragraph" as const,
                text:
                  `A kernel of 1 adds nothing (stack 1, layer 3), a stride adds nothing in its own layer and ` +
                  "multiplies what every later kernel adds: that is why stack 7, with strides of 54 in all before its " +
                  `last layer, sees ${metrics.stack_7} pixels a side, and stack 4 with the same number of layers ` +
                  `${metrics.stack_4}. Rows 8 and 9 of the assignment are the same stack, and so are their fields ` +
                  `(${metrics.stack_8} and ${metrics.stack_9}).`,
              }]
              : []),
          ],
        }],
      });
      await run.finish({ metrics, parameters: 0 });
      run.note(`see ${run.path("report.html")}`);
    },
  });
}
