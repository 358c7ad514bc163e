// The kernels' entry: every thread interprets the same stream of commands.
import { argreduce, reduce } from "./reduce";
import { barrier, beat, thread } from "./thread";
import { copy, fill, gather, scatter } from "./copy";
import { embeddingBag, embeddingBagGrad } from "./embedding_bag";
import { gemm } from "./gemm";
import { cumulate, topk } from "./order";
import { categorical, random } from "./random";
import { depthwise, depthwiseFilterGrad, depthwiseInputGrad, fold, pool, poolGrad } from "./window";
import { map } from "./map";
import { recurrent, recurrentGrad, recurrentSum } from "./recurrent";
import { softmax, softmaxCrossEntropy } from "./softmax";
import { winograd, winogradFilter, winogradFilterGrad, winogradFilterSum, winogradInputGrad } from "./winograd";
import { winograd3, winograd3Filter, winograd3FilterGrad, winograd3FilterSum } from "./winograd3";
import { winograd4, winograd4Filter, winograd4FilterGrad, winograd4FilterSum } from "./winograd4";
import { word } from "./simd";

export { barrier, first, initialize, last, nextJob, postJob, share, take } from "./thread";
export { fma_peak } from "./micro";
export * from "./math";

@external("env", "now")
declare function now(): f64;

// A command: operation, words in all, whether to wait before it, its node, then the operation's own words.
const OPERATION = 0, LENGTH = 1, WAIT = 2, NODE = 3, HEADER: usize = 16;
const END = 0;

function command(operation: i32, p: usize): void {
  switch (operation) {
    case 1: return map(p);
    case 2: return reduce(p);
    case 3: return gemm(p);
    case 4: return copy(p);
    case 5: return fill(p);
    case 6: return gather(p);
    case 7: return scatter(p);
    case 8: return softmax(p);
    case 9: return softmaxCrossEntropy(p);
    case 10: return argreduce(p);
    case 11: return pool(p);
    case 12: return poolGrad(p);
    case 13: return depthwise(p);
    case 14: return depthwiseInputGrad(p);
    case 15: return depthwiseFilterGrad(p);
    case 16: return random(p);
    case 17: return categorical(p);
    case 18: return cumulate(p);
    case 19: return topk(p);
    case 20: return fold(p);
    case 21: return winogradFilter(p);
    case 22: return winograd(p);
    case 23: return winogradInputGrad(p);
    case 24: return winogradFilterGrad(p);
    case 25: return winogradFilterSum(p);
    case 26: return recurrent(p);
    case 27: return recurrentGrad(p);
    case 28: return recurrentSum(p);
    case 29: return winograd3Filter(p);
    case 30: return winograd3(p);
    case 31: return winograd3FilterGrad(p);
    case 32: return winograd3FilterSum(p);
    case 33: return embeddingBag(p);
    case 34: return embeddingBagGrad(p);
    case 35: return winograd4Filter(p);
    case 36: return winograd4(p);
    case 37: return winograd4FilterGrad(p);
    case 38: return winograd4FilterSum(p);
  }
}

/** Runs the stream at `p` together with the other threads. Where `times` is not 0, adds each node's milliseconds there. */
export function execute(p: usize, times: usize): i32 {
  let start = times ? now() : 0;
  for (; word(p, OPERATION) != END; p += <usize>word(p, LENGTH) << 2) {
    if (word(p, WAIT) || times) {
      if (!barrier()) return 0;
    }
    beat();
    command(word(p, OPERATION), p + HEADER);
    if (times) {
      if (!barrier()) return 0;
      if (thread == 0) {
        const end = now(), place = times + (<usize>word(p, NODE) << 3);
        store<f64>(place, load<f64>(place) + end - start);
        start = end;
      }
    }
  }
  return barrier() ? 1 : 0;
}
