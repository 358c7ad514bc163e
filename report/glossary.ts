/** The words of Engram's reports, for those who meet them first. */

/** A word, and what it means. */
export interface Term {
  readonly term: string;
  readonly text: string;
}

/** In the order in which they build on each other. */
export const GLOSSARY: readonly Term[] = [
  {
    term: "code",
    text:
      "What is left of an image in the middle of the autoencoder: a small grid of signs, -1 or +1, from which the image is drawn again.",
  },
  {
    term: "token",
    text:
      "One symbol of a sequence: the signs of one place of a code read as a number, a character, a word, a note, a cell of a table.",
  },
  { term: "sequence", text: "Tokens in a row: the code of one image, a stretch of a text, a melody, a row." },
  { term: "vocabulary", text: "All distinct tokens." },
  { term: "prefix", text: "The tokens before a place of a sequence." },
  {
    term: "histogram",
    text:
      "How often each token comes next after a prefix, counted over all training sequences that begin with it.",
  },
  {
    term: "memorized",
    text:
      "A generated sequence is memorized where it equals a training sequence token by token, and new where it does not.",
  },
  {
    term: "memorized mass",
    text:
      "The exact probability that a generated sequence is memorized: the sum of the model's probabilities of all distinct training sequences.",
  },
  {
    term: "memorized fraction",
    text: "The share of the sequences that were drawn that are memorized: an estimate of the memorized mass.",
  },
  {
    term: "coverage",
    text:
      "The share of distinct items, such as the training data's, that were generated at least once or have a sample near them.",
  },
  {
    term: "cross-entropy",
    text:
      "How surprising the data are to a model: minus the logarithm of the probability that it gave them, on average. Models are trained to make it small.",
  },
  {
    term: "entropy",
    text: "The cross-entropy of one who knows the training set by heart: no model can have less on it.",
  },
  { term: "nats", text: "The unit of entropy where logarithms are natural; 1 nat is 1.44 bits." },
  {
    term: "PSNR",
    text:
      "Peak signal-to-noise ratio, how near a drawn image is to the original, in decibels: ten more mean a tenth of the squared error.",
  },
  { term: "step", text: "One update of the weights, from one batch of examples." },
  { term: "held-out", text: "Of the same kind as the training data, and never learned." },
  {
    term: "seed",
    text: "The number that all random choices of a run follow from: the same seed makes the same run.",
  },
];
