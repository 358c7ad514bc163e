import { bytesOf, type Kernel, must, sameShape } from "./kernel.ts";
import {
  forward,
  GATES,
  keptResults,
  mustFit,
  namedInputs,
  resultShape,
  sequenceOf,
  stepsOf,
} from "./recurrent.ts";

/** The gradient of a recurrent sequence by its inputs, its weights and its first state. */
export const recurrentGrad: Kernel<"recurrent_grad"> = {
  infer(op, inputs) {
    const extents = mustFit(op, inputs), of = namedInputs(op, inputs);
    const others = [...op.given, ...(op.kept === undefined ? [] : keptResults(op.cell, op.kept))];
    const shapes = others.map((result) => resultShape(op.cell, result, extents));
    must(
      of.others.length === shapes.length && shapes.every((shape, i) => sameShape(shape, of.others[i].shape)),
      "recurrent_grad",
      `it must have a gradient of its result's shape for each of ${op.given.join(", ")}`,
      inputs,
    );
    return op.results.map((result) => ({ shape: of[result]!.shape, dtype: "float32" }));
  },
  cost(op, inputs, outputs) {
    const { batch, time, features, units } = mustFit(op, inputs), products = op.results.includes("x") ? 2 : 1;
    const perUnit = 2 * (2 * units + products * features) * GATES[op.cell] + 20;
    return { flops: batch * time * units * perUnit, bytes: bytesOf(inputs) + bytesOf(outputs) };
  },
  run(op, inputs, outputs) {
    const sequence = sequenceOf(op, inputs), of = namedInputs(op, inputs);
    const { cell, batch, time, features, units, x, kernel, recurrentKernel } = sequence;
    const given = (name: typeof op.given[number]) => of.others[op.given.indexOf(name)]?.data;
    const columns = GATES[cell] * units, blocks = GATES[cell] + 1;
    const sums = {
      x: new Float64Array(x.length),
      kernel: new Float64Array(kernel.length),
      recurrentKernel: new Float64Array(recurrentKernel.length),
      bias: new Float64Array(sequence.bias.length),
      hidden: new Float64Array(batch * units),
      cellState: new Float64Array(batch * units),
    };
    // By what a gate adds up: of the input, and of the hidden state (which the GRU's reset gate multiplies).
    const outside = new Float64Array(columns), inside = new Float64Array(columns);
    for (let row = 0; row < batch; row++) {
      const course = forward(sequence, row), steps = stepsOf(sequence, row);
      const hidden = new Float64Array(units), cells = new Float64Array(units);
      for (let u = 0; u < units; u++) {
        hidden[u] = given("hidden")?.[row * units + u] ?? 0;
        cells[u] = given("cellState")?.[row * units + u] ?? 0;
      }
      for (let t = time - 1; t >= 0; t--) {
        const before = t * units, after = before + units;
        for (let u = 0; u < units; u++) {
          hidden[u] += given("states")?.[(row * time + t) * units + u] ?? 0;
        }
        if (t >= steps) continue;
        for (let u = 0; u < units; u++) {
          const at = t * blocks * units + u, gate = (index: number) => course.gates[at + index * units];
          if (cell === "simple") {
            outside[u] = inside[u] = hidden[u] * (1 - gate(0) ** 2);
            hidden[u] = 0;
          } else if (cell === "lstm") {
            const tanh = Math.tanh(course.cells[after + u]);
            cells[u] += hidden[u] * gate(3) * (1 - tanh ** 2);
            outside[u] = cells[u] * gate(2) * gate(0) * (1 - gate(0));
            outside[units + u] = cells[u] * course.cells[before + u] * gate(1) * (1 - gate(1));
            outside[2 * units + u] = cells[u] * gate(0) * (1 - gate(2) ** 2);
            outside[3 * units + u] = hidden[u] * tanh * gate(3) * (1 - gate(3));
            for (let g = 0; g < 4; g++) inside[g * units + u] = outside[g * units + u];
            cells[u] *= gate(1);
            hidden[u] = 0;
          } else {
            const candidate = hidden[u] * (1 - gate(1)) * (1 - gate(2) ** 2);
            outside[u] = inside[u] = candidate * gate(3) * gate(0) * (1 - gate(0));
            outside[units + u] = inside[units + u] = hidden[u] * (course.hidden[before + u] - gate(2)) *
              gate(1) * (1 - gate(1));
            outside[2 * units + u] = candidate;
            inside[2 * units + u] = candidate * gate(0);
            sums.bias[3 * units + u] += candidate * gate(0);
            hidden[u] *= gate(1);
          }
        }
        for (let j = 0; j < columns; j++) sums.bias[j] += outside[j];
        for (let i = 0; i < features; i++) {
          const at = (row * time + t) * features + i;
          for (let j = 0; j < columns; j++) {
            sums.kernel[i * columns + j] += x[at] * outside[j];
            sums.x[at] += kernel[i * columns + j] * outside[j];
          }
        }
        for (let u = 0; u < units; u++) {
          for (let j = 0; j < columns; j++) {
            sums.recurrentKernel[u * columns + j] += course.hidden[before + u] * inside[j];
            hidden[u] += recurrentKernel[u * columns + j] * inside[j];
          }
        }
      }
      sums.hidden.set(hidden, row * units);
      sums.cellState.set(cells, row * units);
    }
    op.results.forEach((result, i) => outputs[i].data.set(sums[result]));
  },
};
