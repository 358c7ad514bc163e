/** Measures the kernels: what the machine can do, and what products and updates reach of it. */
import type { Graph, Op, Program, Shape, Value } from "../graph.ts";
import { sizeOf } from "../graph.ts";
import { openWasm, type WasmExecutor } from "./executor.ts";

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1];
}

/** Median milliseconds of `act`, which is called until `budget` milliseconds have passed (at least 15 times). */
function time(act: () => void, budget = 250): number {
  for (const start = performance.now(); performance.now() - start < budget / 2;) act();
  const times = [];
  for (const start = performance.now(); times.length < 15 || performance.now() - start < budget;) {
    const before = performance.now();
    act();
    times.push(performance.now() - before);
  }
  return median(times);
}

/** Multiply-adds of one thread in registers alone, in GFLOP/s. */
export function fmaPeak(device: WasmExecutor): number {
  const rounds = 2000, calls = 100;
  const milliseconds = time(() => {
    for (let call = 0; call < calls; call++) device.kernels.fma_peak(rounds);
  });
  return rounds * calls * 12 * 8 / milliseconds / 1e6;
}

/** Median milliseconds of a run of a graph of one node. */
export async function timeNode(
  device: WasmExecutor,
  op: Op,
  inputs: readonly Shape[],
  outputs: readonly Shape[],
): Promise<number> {
  const values: Value[] = [...inputs, ...outputs].map((shape, id) => ({ id, shape, dtype: "float32" }));
  const graph: Graph = {
    inputs: [],
    residents: values.map((value) => ({ value, kind: "variable" })),
    nodes: [{ op, inputs: values.slice(0, inputs.length), outputs: values.slice(inputs.length) }],
    updates: [],
    outputs: [],
  };
  const storages = values.map(({ shape }) => {
    const storage = device.allocate(sizeOf(shape));
    device.write(storage, Float32Array.from({ length: storage.size }, (_, i) => 0.001 * (i % 1000) + 0.1));
    return storage;
  });
  const places = new Map(values.map(({ id }) => [id, { space: "resident", index: id } as const]));
  const executable = await device.prepare({ graph, places, arenaSize: 0, waits: [false] }, storages);
  const milliseconds = time(() => void executable.run([]));
  executable.dispose();
  storages.forEach((storage) => device.free(storage));
  return milliseconds;
}

/** Median microseconds of a barrier: what a run of 1000 tiny nodes takes more where each waits for the one before. */
export async function barrierTime(device: WasmExecutor): Promise<number> {
  const program: Program = { operands: 1, instructions: [], results: [0] };
  const x: Value = { id: 0, shape: [], dtype: "float32" }, y: Value = { id: 1, shape: [], dtype: "float32" };
  const nodes = Array.from(
    { length: 1000 },
    () => ({ op: { kind: "map", program } as const, inputs: [x], outputs: [y] }),
  );
  const graph: Graph = { inputs: [], residents: [], nodes, updates: [], outputs: [] };
  const places = new Map([x, y].map(({ id }) => [id, { space: "arena", offset: 16 * id } as const]));
  const run = async (waits: boolean): Promise<number> => {
    const plan = { graph, places, arenaSize: 32, waits: nodes.map(() => waits) };
    const executable = await device.prepare(plan, []);
    const milliseconds = time(() => void executable.run([]));
    executable.dispose();
    return milliseconds;
  };
  return await run(true) - await run(false);
}

/** GFLOP/s of [m, k] x [k, n] (given transposed where asked). */
export async function matmulRate(
  device: WasmExecutor,
  [m, k, n]: readonly [number, number, number],
  transposed: { readonly a?: boolean; readonly b?: boolean } = {},
): Promise<number> {
  const op = {
    kind: "matmul",
    transposeA: transposed.a ?? false,
    transposeB: transposed.b ?? false,
  } as const;
  const a = transposed.a ? [k, m] : [m, k], b = transposed.b ? [n, k] : [k, n];
  return 2 * m * k * n / await timeNode(device, op, [a, b], [[m, n]]) / 1e6;
}

/** Adam's update as one program: weight, gradient, two moments, rate and two corrections in; three results. */
const ADAM: Program = {
  operands: 8,
  // w g m v, 1-b1, 1-b2, rate, epsilon
  instructions: [
    { op: "sub", args: [1, 2], dtype: "float32" },
    { op: "mul", args: [8, 4], dtype: "float32" },
    { op: "add", args: [2, 9], dtype: "float32" },
    { op: "square", args: [1], dtype: "float32" },
    { op: "sub", args: [11, 3], dtype: "float32" },
    { op: "mul", args: [12, 5], dtype: "float32" },
    { op: "add", args: [3, 13], dtype: "float32" },
    { op: "sqrt", args: [14], dtype: "float32" },
    { op: "add", args: [15, 7], dtype: "float32" },
    { op: "div", args: [10, 16], dtype: "float32" },
    { op: "mul", args: [17, 6], dtype: "float32" },
    { op: "sub", args: [0, 18], dtype: "float32" },
  ],
  results: [19, 10, 14],
};

/** Median milliseconds of an Adam update of `size` parameters. */
export function adamTime(device: WasmExecutor, size: number): Promise<number> {
  const tensor = [size], scalar: Shape = [];
  return timeNode(
    device,
    { kind: "map", program: ADAM },
    [tensor, tensor, tensor, tensor, scalar, scalar, scalar, scalar],
    [tensor, tensor, tensor],
  );
}

if (import.meta.main) {
  for (const threads of [1, 2]) {
    await using device = await openWasm({ threads });
    console.log(`${device.description}; multiply-add peak of a thread ${fmaPeak(device).toFixed(1)} GFLOP/s`);
    const shapes: [[number, number, number], { a?: boolean; b?: boolean }?][] = [
      [[512, 512, 512]],
      [[128, 784, 512]],
      [[128, 512, 48]],
      [[784, 128, 512], { a: true }],
      [[128, 512, 784], { b: true }],
      [[512, 120, 256]],
      [[512, 256, 256]],
      [[512, 256, 8]],
      [[256, 512, 8], { a: true }],
      [[16, 256, 256]],
      [[1, 512, 512]],
    ];
    for (const [shape, transposed] of shapes) {
      const rate = await matmulRate(device, shape, transposed);
      console.log(`  [${shape}] ${JSON.stringify(transposed ?? {})}: ${rate.toFixed(1)} GFLOP/s`);
    }
    console.log(`  Adam, 1.3 million parameters: ${(await adamTime(device, 1_300_000)).toFixed(3)} ms`);
    console.log(
      `  exp, 1 million: ${
        (await timeNode(
          device,
          {
            kind: "map",
            program: {
              operands: 1,
              instructions: [{ op: "exp", args: [0], dtype: "float32" }],
              results: [1],
            },
          },
          [[1 << 20]],
          [[1 << 20]],
        )).toFixed(3)
      } ms`,
    );
    console.log(`  a barrier: ${(await barrierTime(device)).toFixed(2)} us`);
    console.log(
      `  an empty run: ${(1000 * await timeNode(device, { kind: "reshape" }, [[1]], [[1]])).toFixed(2)} us`,
    );
  }
}
