/**
 * The built-in set of reviews: opinions on invented films, made by a small grammar, not downloaded. As in written
 * ones, words do not decide alone: praise is negated ("is not exactly thrilling"), and what stands before a "but"
 * counts less than what follows it. Review `i` depends on nothing but the seed and the reviews before it.
 */
import { type Random, stream } from "../base/random.ts";
import type { Split } from "./image_set.ts";

/** How many reviews each split holds. */
export const REVIEW_COUNTS: Readonly<Record<Split, number>> = { train: 2_000, test: 500 };

/** Fixed for ever: another seed would be another data set. */
const SEED = 20_251_126;

// deno-fmt-ignore
const PARTS = [
  "plot", "story", "script", "dialogue", "acting", "cast", "lead", "villain", "pacing", "camera work", "music",
  "ending", "opening", "middle part", "humour", "romance", "editing", "direction", "setting", "twist",
];
// deno-fmt-ignore
const PRAISE = [
  "gripping", "moving", "witty", "sharp", "graceful", "fresh", "tender", "clever", "thrilling", "honest", "warm",
  "superb", "lively", "touching", "inventive", "charming", "rich", "convincing", "delightful", "memorable",
];
// deno-fmt-ignore
const BLAME = [
  "dull", "clumsy", "flat", "tired", "hollow", "messy", "shallow", "lifeless", "predictable", "stale", "wooden",
  "tedious", "noisy", "pointless", "confused", "cheap", "forced", "bland", "dreary", "forgettable",
];
// deno-fmt-ignore
const STRENGTHS = ["", "", "", "very ", "rather ", "truly ", "simply ", "surprisingly ", "utterly ", "quite "];
// deno-fmt-ignore
const TITLES = [
  "Harbour of Glass", "The Last Orchard", "Nine Lanterns", "A Map of Rain", "Copper Road", "The Quiet Engine",
  "Salt and Paper", "Winter Clerk", "The Borrowed House", "Under a Tin Moon", "Two Left Shoes", "The Bell Maker",
];
// deno-fmt-ignore
const WHOLE = ["film", "picture", "movie", "drama", "comedy", "thriller"];
// deno-fmt-ignore
const GLAD = [
  "I would watch it again tomorrow.", "It stays with you for days.", "Take a friend and go.",
  "I left the theatre smiling.", "Two hours passed like one.", "Do not miss it!", "It earns every minute.",
];
// deno-fmt-ignore
const SORRY = [
  "I looked at my watch four times.", "It is gone from memory by the next morning.", "Save your money.",
  "I left before the lights came on.", "Two hours felt like five.", "Who asked for this?", "Stay at home instead.",
];
// deno-fmt-ignore
const PLAIN = [
  "It runs for two hours.", "We follow a postman through one summer.", "It is set in a small port.",
  "I saw it on a Tuesday.", "There are three songs in it.", "It was filmed in black and white.",
  "The director made two films before.", "A neighbour had told me about it.", "It opens with a train.",
];

/** Whether a sentence is for the film or against it. */
type Tone = 1 | -1;

function pick<T>(draw: Random, from: readonly T[]): T {
  return from[draw.integer(from.length)];
}

/** "the acting is rather dull", or with a negation, "the acting is never witty". */
function opinion(draw: Random, tone: Tone, part = pick(draw, PARTS)): string {
  const negated = draw.integer(4) === 0;
  const words = (tone > 0) === !negated ? PRAISE : BLAME;
  const verb = negated ? pick(draw, ["is not", "is never", "is not exactly", "is hardly"]) : "is";
  return `the ${part} ${verb} ${negated ? "" : pick(draw, STRENGTHS)}${pick(draw, words)}`;
}

function sentence(text: string): string {
  return `${text[0].toUpperCase()}${text.slice(1)}.`;
}

/** A review and its label: 1 for the film, 0 against it. */
function review(draw: Random): { readonly text: string; readonly label: number } {
  const label = draw.integer(2), tone: Tone = label === 1 ? 1 : -1, other: Tone = label === 1 ? -1 : 1;
  const parts: string[] = [];
  if (draw.integer(2) === 0) parts.push(`${pick(draw, TITLES)} is a ${pick(draw, WHOLE)}.`);
  if (draw.integer(2) === 0) parts.push(pick(draw, PLAIN));
  // Two opinions in one sentence are of two parts.
  const [one, two] = draw.permutation(PARTS.length), first = PARTS[one], second = PARTS[two];
  switch (draw.integer(4)) {
    case 0:
      parts.push(sentence(`${opinion(draw, other, first)}, but ${opinion(draw, tone, second)}`));
      break;
    case 1:
      parts.push(sentence(`although ${opinion(draw, other, first)}, ${opinion(draw, tone, second)}`));
      break;
    case 2:
      parts.push(sentence(`${opinion(draw, tone, first)}, and ${opinion(draw, tone, second)}`));
      break;
    default:
      parts.push(sentence(opinion(draw, tone, first)));
  }
  if (draw.integer(3) === 0) parts.push(sentence(opinion(draw, tone)));
  if (draw.integer(4) === 0) parts.push(pick(draw, PLAIN));
  if (draw.integer(3) === 0) parts.push(pick(draw, tone > 0 ? GLAD : SORRY));
  return { text: parts.join(" "), label };
}

/** All reviews of a split, no two of all alike; labels 1 for the film, 0 against it. */
export function writeReviews(
  { split }: { readonly split: Split },
): { readonly texts: readonly string[]; readonly labels: Uint8Array<ArrayBuffer> } {
  const { train, test } = REVIEW_COUNTS, draw = stream(SEED).fork("reviews");
  const labels = new Map<string, number>();
  while (labels.size < train + test) {
    const { text, label } = review(draw);
    if (!labels.has(text)) labels.set(text, label);
  }
  const chosen = [...labels].slice(...(split === "train" ? [0, train] : [train]));
  return { texts: chosen.map(([text]) => text), labels: Uint8Array.from(chosen, ([, label]) => label) };
}
