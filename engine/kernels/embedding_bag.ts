import { sizeOf } from "../graph.ts";
import { epilogueType, store } from "./evaluate.ts";
import { bytesOf, type Kernel, must, type Type } from "./kernel.ts";
import { broadcastsTo } from "./strides.ts";

/** The extents of a bag: V symbols at each of T places, whose rows the kernel [T * V, N] holds. */
export function bagOf(
  { shape: [batch, places] }: Type,
  rows: number,
): { readonly batch: number; readonly places: number; readonly symbols: number } {
  return { batch, places, symbols: places === 0 ? 0 : rows / places };
}

/** The row of the kernel that a token at `place` looks up; undefined where it is no symbol. */
export function rowOf(token: number, place: number, symbols: number): number | undefined {
  return token >= 0 && token < symbols ? place * symbols + token : undefined;
}

/** Whether there are tokens [B, T], and the same number of `rows` for each of the T places. */
export function areTokens(tokens: Type, rows: number): boolean {
  return tokens.dtype === "int32" && tokens.shape.length === 2 &&
    (tokens.shape[1] === 0 ? rows === 0 : rows % tokens.shape[1] === 0);
}

/** Sums of looked-up rows. */
export const embeddingBag: Kernel<"embedding_bag"> = {
  infer(op, inputs) {
    const [tokens, kernel, ...operands] = inputs;
    must(
      inputs.length >= 2 && kernel.shape.length === 2 && kernel.dtype === "float32" &&
        areTokens(tokens, kernel.shape[0]),
      "embedding_bag",
      "it must have int32 tokens [B,T] and a kernel [T*V,N]",
      inputs,
    );
    const shape = [tokens.shape[0], kernel.shape[1]];
    must(
      operands.every((it) => broadcastsTo(it.shape, shape)),
      "embedding_bag",
      "epilogue operands must broadcast",
      inputs,
    );
    return [epilogueType({ shape, dtype: "float32" }, op.epilogue, operands)];
  },
  cost(op, inputs, outputs) {
    const size = sizeOf(outputs[0].shape);
    return {
      flops: (inputs[0].shape[1] + (op.epilogue?.instructions.length ?? 0)) * size,
      bytes: bytesOf(inputs) + bytesOf(outputs),
    };
  },
  run(op, [tokens, kernel, ...operands], [output]) {
    const [rows, columns] = kernel.shape, { places, symbols } = bagOf(tokens, rows);
    const sum = (index: number): number => {
      const own = Math.floor(index / columns), column = index % columns;
      let total = 0;
      for (let place = 0; place < places; place++) {
        const row = rowOf(tokens.data[own * places + place], place, symbols);
        if (row !== undefined) total += kernel.data[row * columns + column];
      }
      return total;
    };
    store(output, sum, { program: op.epilogue, operands });
  },
};
