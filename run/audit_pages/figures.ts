/** The figures of an audit in words: what each means, when it misleads, and how it is written. */
import { count, percent } from "../../report/numbers.ts";
import type { Figure, Figures } from "../audit.ts";

/** One line for each figure: what it means and when it misleads. */
const MEANINGS: readonly (readonly [RegExp, string, string])[] = [
  [
    /^exact_copies$/,
    "exact copies",
    "Items that equal a training item, number by number or letter by letter. There is no doubt about these; but one " +
    "changed pixel hides a copy, and short or empty items can be equal by chance: see the held-out figure.",
  ],
  [
    /^ratio_below/,
    "near copies by d1/dk",
    "Items that are much nearer to one training item than to the others: d1 = 0, or d1/dk below the threshold. An item of " +
    "which the training set holds several unequal versions (a product shot, a burst of photographs) is missed, as they are " +
    "all near; dull images (a blank wall) are near to one another and rarely counted.",
  ],
  [
    /^psnr_/,
    "near copies by PSNR",
    "Images whose nearest training image in pixels is so similar that its error is hardly seen. A shift by one pixel or a " +
    "mirror image hides a copy; a nearly uniform image passes without being one: see the held-out figure.",
  ],
  [
    /^authentic$/,
    "authentic",
    "Items that are farther from their nearest training item than that item is from its own nearest other. Most " +
    "items that were never learned are; a share far below the held-out one says that samples huddle around training items.",
  ],
  [
    /^c_t$/,
    "data-copying test",
    "C_T compares the distances samples -> training with held-out -> training by their ranks: below -3 samples are nearer " +
    "to the training set than new data are, which is copying; above 3 they are farther, which is poor samples, not " +
    "originality. A few copies among many samples do not move it.",
  ],
  [
    /^c_t_cells$/,
    "data-copying test in cells",
    "The same within each cell of a partition and averaged: copying in one region is not hidden by poor samples in another.",
  ],
  [
    /^copied_tokens$/,
    "tokens in copied stretches",
    "Share of all tokens that lie in a stretch which stands in one training item, token by token, and has at least the " +
    "set length. Names, formulas and quotations are copied by everyone: see the held-out figure.",
  ],
  [
    /^longest_span$/,
    "longest copied stretch",
    "The longest stretch of any item that stands in the training set, in tokens.",
  ],
  [
    /^near_misses$/,
    "near misses",
    "Items without a copied stretch of the set length that would have one but for at most one token in ten.",
  ],
];

/** A figure's label, and what it means and when it misleads. */
export function meaningOf(name: string): { readonly label: string; readonly text: string } {
  const [, label, text] = MEANINGS.find(([pattern]) => pattern.test(name))!;
  return { label, text };
}

/** A figure and its interval, as two cells of a table. */
export function figureCells(name: string, figures: Figures | null): string[] {
  const figure = figures?.[name];
  return figure ? [shownFigure(name, figure.value), interval(name, figure)] : ["–", ""];
}

function isShare(name: string): boolean {
  return !name.startsWith("c_t") && name !== "longest_span";
}

/** A figure for people. */
export function shownFigure(name: string, value: number): string {
  return isShare(name) ? percent(value) : name === "longest_span" ? count(value) : value.toFixed(2);
}

/** The interval of a figure, for people; empty where it has none. */
export function interval(name: string, { low, high }: Figure): string {
  return low === null || high === null ? "" : `${shownFigure(name, low)} to ${shownFigure(name, high)}`;
}
