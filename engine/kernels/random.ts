import { philoxWords, wordsToNormals, wordToUniform } from "../../base/random.ts";
import { sizeOf } from "../graph.ts";
import { bytesOf, type Kernel, must, mustAsk } from "./kernel.ts";

/** Arithmetic of one Philox block: ten rounds of two products and four exclusive ors. */
const BLOCK_FLOPS = 100;

/**
 * Random numbers of a stream's step. Element i of `word` and `uniform` is made of word i; elements 2j and 2j+1 of
 * `normal` are the two normals of words 2j and 2j+1.
 */
export const random: Kernel<"random"> = {
  infer(op, inputs, asked) {
    const shape = mustAsk("random", asked);
    must(
      inputs.length === 1 && inputs[0].dtype === "int32" && sizeOf(inputs[0].shape) === 1,
      "random",
      "the counter must be one int32",
      inputs,
    );
    return [{ shape, dtype: op.distribution === "word" ? "int32" : "float32" }];
  },
  cost: (_, __, outputs) => ({ flops: BLOCK_FLOPS / 4 * sizeOf(outputs[0].shape), bytes: bytesOf(outputs) }),
  run(op, [counter], [output]) {
    const words = philoxWords(op.key, counter.data[0], 0, Math.ceil(output.data.length / 4));
    for (let i = 0; i < output.data.length; i++) {
      if (op.distribution === "word") output.data[i] = words[i];
      else if (op.distribution === "uniform") output.data[i] = wordToUniform(words[i]);
      else output.data[i] = wordsToNormals(words[i & ~1], words[i | 1])[i & 1];
    }
  },
};
