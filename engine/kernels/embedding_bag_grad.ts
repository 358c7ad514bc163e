import { sizeOf } from "../graph.ts";
import { areTokens, bagOf, rowOf } from "./embedding_bag.ts";
import { bytesOf, type Kernel, must, mustAsk } from "./kernel.ts";

/** What each row of a bag's kernel is given by those that looked it up. */
export const embeddingBagGrad: Kernel<"embedding_bag_grad"> = {
  infer(_, inputs, asked) {
    const shape = mustAsk("embedding_bag_grad", asked);
    const [tokens, dy] = inputs;
    must(
      inputs.length === 2 && shape.length === 2 && areTokens(tokens, shape[0]) && dy.dtype === "float32" &&
        dy.shape.length === 2 && dy.shape[0] === tokens.shape[0] && dy.shape[1] === shape[1],
      "embedding_bag_grad",
      `int32 tokens [B,T] and dy [B,N] must give [${shape}], [T*V,N]`,
      inputs,
    );
    return [{ shape, dtype: "float32" }];
  },
  cost: (_, inputs, outputs) => ({
    flops: inputs[0].shape[1] * sizeOf(inputs[1].shape),
    bytes: bytesOf(inputs) + bytesOf(outputs),
  }),
  run(_, [tokens, dy], [output]) {
    const [rows, columns] = output.shape, { batch, places, symbols } = bagOf(tokens, rows);
    const sums = new Float64Array(rows * columns);
    for (let own = 0; own < batch; own++) {
      for (let place = 0; place < places; place++) {
        const row = rowOf(tokens.data[own * places + place], place, symbols);
        if (row === undefined) continue;
        for (let j = 0; j < columns; j++) sums[row * columns + j] += dy.data[own * columns + j];
      }
    }
    output.data.set(sums);
  },
};
