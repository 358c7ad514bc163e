/** The metrics that all models share: plain numbers in, plain numbers out. */
export { accuracy } from "./accuracy.ts";
export { memorizedBits, type ReferenceCode, referenceCode, uniformBits } from "./capacity.ts";
export { confusion } from "./confusion.ts";
export { isAuthentic, isNearCopy, occurrences, psnrOfSquare } from "./copying.ts";
export { crossEntropy, entropy, logSoftmax } from "./cross_entropy.ts";
export { type DiagonalGaussian, diagonalGaussianKl, type Gaussian, gaussianKl } from "./gaussian.ts";
export { bootstrapRatio, type Interval, wilson } from "./interval.ts";
export { type CopyingTest, copyingTest, mannWhitney, type RankTest, type Score } from "./mann_whitney.ts";
export {
  type DistinctRows,
  distinctRows,
  expectedCoverage,
  type Memorization,
  memorization,
  memorizationOf,
  memorizedMass,
  type RowFinder,
  rowFinder,
} from "./memorization.ts";
export { type Membership, membership, operatingCurve, type OperatingPoint } from "./membership.ts";
export { psnr, psnrs } from "./psnr.ts";
export { constantColumns, type ReconstructionErrors, reconstructionErrors } from "./reconstruction.ts";
export { correlation, type LabelMemorization, labelMemorization, type Trial } from "./label_memorization.ts";
export { type Attack, attack, type Bounded, liraScores, pooled, type Shadow } from "./lira.ts";
export { type Estimate, meanAndDeviation } from "./mean_and_deviation.ts";
export { type Span, SpanFinder } from "./spans.ts";
export { exactCopies, type RowGroups, RowIndex, type Table } from "./table.ts";
export { coveredTokens, type NearMiss, type Verbatim, VerbatimIndex } from "./verbatim.ts";
export { cellsOf, kMeans } from "./kmeans.ts";
