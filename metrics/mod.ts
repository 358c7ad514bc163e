/** The metrics that all models share: plain numbers in, plain numbers out. */
export { accuracy } from "./accuracy.ts";
export { confusion } from "./confusion.ts";
export { crossEntropy, entropy, logSoftmax } from "./cross_entropy.ts";
export { type Interval, wilson } from "./interval.ts";
export {
  type DistinctRows,
  distinctRows,
  type Memorization,
  memorization,
  memorizationOf,
  memorizedMass,
  type RowFinder,
  rowFinder,
} from "./memorization.ts";
export { psnr, psnrs } from "./psnr.ts";
export { type Span, SpanFinder } from "./spans.ts";
