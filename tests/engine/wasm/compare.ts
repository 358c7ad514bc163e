/** Runs graphs on the wasm device and compares them with the reference. */
import { stream } from "../../../base/random.ts";
import type { DType, Shape, TypedArray, Value } from "../../../engine/graph.ts";
import { sizeOf } from "../../../engine/graph.ts";
import { planMemory } from "../../../engine/plan.ts";
import { interpret } from "../../../engine/reference.ts";
import type { Executor } from "../../../engine/executor.ts";
import { openWasm } from "../../../engine/wasm/executor.ts";
import { assertClose, EXACT, type Tolerance } from "../accuracy.ts";
import { Builder } from "../builder.ts";

const random = stream(7);
/** Numbers between -2 and 2, or small whole numbers. */
export function numbers(shape: Shape, dtype: DType = "float32"): TypedArray {
  const size = sizeOf(shape);
  return dtype === "int32"
    ? Int32Array.from({ length: size }, () => random.integer(19) - 9)
    : Float32Array.from({ length: size }, () => 4 * random.uniform() - 2);
}

/** Devices of 1, 2 and 4 threads. Close them. */
export class Devices implements AsyncDisposable {
  private constructor(readonly all: readonly Executor[]) {}
  static async open(options: { readonly relaxed?: boolean } = {}): Promise<Devices> {
    return new Devices(await Promise.all([1, 2, 4].map((threads) => openWasm({ threads, ...options }))));
  }
  async [Symbol.asyncDispose](): Promise<void> {
    for (const device of this.all) await device[Symbol.asyncDispose]();
  }

  /** Builds a graph, runs it everywhere: every device must give the same bits, and the reference within `tolerance`. */
  async check(
    what: string,
    tolerance: Tolerance,
    build: (builder: Builder, input: (data: TypedArray, shape: Shape) => Value) => readonly Value[],
  ): Promise<void> {
    const builder = new Builder(), data: TypedArray[] = [];
    const values = build(builder, (elements, shape) => {
      data.push(elements);
      return builder.input(`x${data.length}`, shape, elements instanceof Int32Array ? "int32" : "float32");
    });
    values.forEach((value, i) => builder.output(`y${i}`, value));
    const graph = builder.graph(), expected = interpret(graph, data).outputs;
    let first: TypedArray[] | undefined;
    for (const device of this.all) {
      const residents = graph.residents.map(({ value, data }) => {
        const storage = device.allocate(sizeOf(value.shape));
        if (data) device.write(storage, data);
        return storage;
      });
      const executable = await device.prepare(planMemory(graph), residents);
      await executable.run(data);
      const actual = await executable.read();
      executable.dispose();
      residents.forEach((storage) => device.free(storage));
      actual.forEach((array, i) => {
        const [must, within, against] = first === undefined
          ? [expected[i], tolerance, "the reference"]
          : [first[i], EXACT, "1 thread"];
        assertClose(array, must, {
          tolerance: within,
          what: `${what}, output ${i}, ${device.description} against ${against}`,
        });
      });
      first ??= actual;
    }
  }
}
