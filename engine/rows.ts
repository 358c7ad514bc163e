/** Running a compiled function over all rows of a table, a fixed number at a time. */
import type { Compiled, InputArrays, InputSpecs } from "./device.ts";
import type { TypedArray } from "./graph.ts";

/**
 * Calls `compiled` for rows 0 ... count-1, `batch` of them a call, and joins its outputs, whose first axis must be the
 * batch. The last call repeats its first row where rows run out; what that gives is cut away.
 *
 * @param options.inputs makes the inputs of one call from its row numbers, [batch].
 */
export async function overRows<I extends InputSpecs, Output extends string>(
  compiled: Compiled<I, Output>,
  options: {
    readonly count: number;
    readonly batch: number;
    readonly inputs: (rows: Int32Array) => InputArrays<I>;
  },
): Promise<Readonly<Record<Output, TypedArray>>> {
  const { count, batch, inputs } = options;
  const calls = Math.ceil(count / batch);
  for (let call = 0; call < calls; call++) {
    const start = call * batch;
    await compiled.run(
      inputs(Int32Array.from({ length: batch }, (_, row) => start + row < count ? start + row : start)),
    );
  }
  const padded = await compiled.read();
  const cut: Record<string, TypedArray> = {};
  for (const [name, all] of Object.entries<TypedArray>(padded)) {
    cut[name] = all.subarray(0, all.length / (calls * batch) * count);
  }
  return cut as Record<Output, TypedArray>;
}

/**
 * The same, but each call's outputs are read and given to `take` before the next, with the number of their first row:
 * for outputs that would not fit into memory together.
 */
export async function eachRows<I extends InputSpecs, Output extends string>(
  compiled: Compiled<I, Output>,
  options: {
    readonly count: number;
    readonly batch: number;
    readonly inputs: (rows: Int32Array) => InputArrays<I>;
    readonly take: (outputs: Readonly<Record<Output, TypedArray>>, first: number) => void;
  },
): Promise<void> {
  const { count, batch, inputs, take } = options;
  for (let first = 0; first < count; first += batch) {
    const rows = Int32Array.from({ length: batch }, (_, row) => first + row < count ? first + row : first);
    await compiled.run(inputs(rows));
    take(await compiled.read(), first);
  }
}
