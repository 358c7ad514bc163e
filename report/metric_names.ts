/** What the figures of runs are called by people, and what they say. */
import { count, number, percent } from "./numbers.ts";

/** One figure in words. */
export interface MetricWords {
  readonly label: string;
  readonly value: string;
  /** One sentence; empty where nobody has written one. */
  readonly meaning: string;
}

type Form = "share" | "decibels" | "nats" | "count" | "number";

/** A label, how it is written, a sentence. */
type Words = readonly [string, Form, string];

/** By name. */
const METRICS: Readonly<Record<string, Words>> = {
  memorized_mass: [
    "memorized mass",
    "share",
    "The probability that the next generated sequence is a training sequence: exact, from the model's own probabilities, without sampling.",
  ],
  memorized_fraction: [
    "memorized fraction",
    "share",
    "The share of generated sequences that are training sequences, with the interval that holds the true share with 95 % confidence.",
  ],
  test_nats_per_pixel: [
    "test cross-entropy per pixel",
    "nats",
    "How surprising a pixel of a test image is, given those before it: the mean over all pixels but the first.",
  ],
  sample_distance: [
    "distance of samples to the nearest training image",
    "number",
    "In how many pixels a sample differs from the training image that is most like it, on average.",
  ],
  test_distance: [
    "distance of test images to the nearest training image",
    "number",
    "The same of test images: samples that are nearer were copied, at least in part.",
  ],
  train_nats_per_pixel: [
    "training cross-entropy per pixel",
    "nats",
    "The same of images that it learned.",
  ],
  test_nats_per_image: [
    "test cross-entropy per image",
    "nats",
    "The same of a whole image: its pixels' sum.",
  ],
  train_nats_per_image: ["training cross-entropy per image", "nats", "The same of images that it learned."],
  validation_nats_per_pixel: [
    "validation cross-entropy per pixel",
    "nats",
    "The same of the images kept back for choosing settings.",
  ],
  validation_nats_per_image: ["validation cross-entropy per image", "nats", "The same of a whole image."],
  validation_images: ["validation images", "count", "How many images are kept back for choosing settings."],
  validation_loss: [
    "validation loss",
    "nats",
    "How surprising the class of an image kept back for choosing settings is to it, on average.",
  ],
  ...Object.fromEntries(
    ([["1", "the next pixel"], ["10", "the next 10 pixels"], ["28", "the next 28 pixels"], [
      "rest",
      "all missing pixels",
    ]] as const)
      .flatMap(([name, what]): [string, Words][] => [
        [`continuation_nats_${name}`, [
          `cross-entropy of ${what}, drawn`,
          "nats",
          "How surprising what it draws itself at the end of an image is to it, on average.",
        ]],
        [`truth_nats_${name}`, [
          `cross-entropy of ${what}, as they are`,
          "nats",
          "How surprising what stands there in truth is to it, on average.",
        ]],
      ]),
  ),
  ...Object.fromEntries(
    ([["1", "one pixel"], ["1_uniform", "one pixel anywhere"], ["4", "2 x 2"], [
      "4_uniform",
      "2 x 2 anywhere",
    ]] as const)
      .flatMap(([name, window]): [string, Words][] => [
        [`inpainting_nats_best_${name}`, [
          `most probable filling of ${window}`,
          "nats",
          "Minus the logarithm of its probability given all pixels around, on average.",
        ]],
        [`inpainting_nats_truth_${name}`, [
          `true filling of ${window}`,
          "nats",
          "The same of what stands there in truth: never less than of the most probable filling.",
        ]],
      ]),
  ),
  held_out_mse: [
    "mean squared error of test images",
    "number",
    "Of what is drawn from the bottleneck, in levels of 0 to 1, squared.",
  ],
  held_out_l1: ["mean absolute error of test images", "number", "The same without the square."],
  held_out_bce: [
    "cross-entropy of test images",
    "nats",
    "Of a level as the probability of ink, on average: the levels' own entropy is the least that is possible.",
  ],
  held_out_psnr_db: ["PSNR of test images", "decibels", "How well test images are drawn, on average."],
  train_mse: [
    "mean squared error of training images",
    "number",
    "As of test images; the gap is what was learned by heart.",
  ],
  train_l1: ["mean absolute error of training images", "number", "The same without the square."],
  train_bce: ["cross-entropy of training images", "nats", "As of test images."],
  dead_units: ["dead units", "count", "Units of the bottleneck that give the same number for every image."],
  latent_units: ["units of the bottleneck", "count", "How many numbers an image is drawn from."],
  inpainting_accuracy_1: [
    "single missing pixels right",
    "share",
    "The share of missing pixels that the most probable filling tells right, where pixels around have both values.",
  ],
  inpainting_accuracy_4: [
    "missing pixels of 2 x 2 right",
    "share",
    "The same of windows of two by two pixels.",
  ],
  inpainting_accuracy_1_uniform: [
    "single missing pixels right, anywhere",
    "share",
    "The same of windows anywhere in the image, most of which are background.",
  ],
  inpainting_accuracy_4_uniform: [
    "missing pixels of 2 x 2 right, anywhere",
    "share",
    "The same of windows of two by two pixels, anywhere.",
  ],
  coverage: [
    "coverage",
    "share",
    "The share of distinct training sequences that were generated at least once.",
  ],
  perfect_coverage: [
    "coverage of a perfect model",
    "share",
    "The coverage to expect of a model that has learned the training set exactly, with as many samples.",
  ],
  samples: ["samples", "count", "How many were drawn for the sampled figures."],
  sequence_nats: [
    "cross-entropy of the training sequences",
    "nats",
    "How surprising a training sequence is to the model, on average; the entropy of the training set is the least that is possible.",
  ],
  held_out_nats: [
    "cross-entropy of held-out sequences",
    "nats",
    "How surprising a sequence that it did not learn is to the model, on average: it grows where memory takes the place of learning.",
  ],
  entropy_nats: [
    "entropy of the training set",
    "nats",
    "How surprising a training sequence is to one who knows the training set by heart: the floor of the cross-entropy.",
  ],
  excess_nats: [
    "excess over the entropy",
    "nats",
    "The cross-entropy less its floor: nothing is left where the training set is known by heart.",
  ],
  held_out_sequences: [
    "held-out sequences",
    "count",
    "How many sequences that it did not learn the cross-entropy of held-out sequences is of.",
  ],
  membership_auc: [
    "area under the membership curve",
    "number",
    "The chance that a learned sequence is more probable than one that was not learned: 0.5 where nobody can be told.",
  ],
  true_positives_01: [
    "members found at 0.1 % false alarms",
    "share",
    "The share of learned sequences that are more probable than all but a thousandth of those that were not learned.",
  ],
  true_positives_1: [
    "members found at 1 % false alarms",
    "share",
    "The same with a hundredth of them.",
  ],
  lira_auc: [
    "area under the curve by likelihood ratio",
    "number",
    "The chance that a learned item scores above one that was not, by the ratio of what is usual of that item: 0.5 where nobody can be told.",
  ],
  lira_true_positives_01: [
    "members found at 0.1 % false alarms by likelihood ratio",
    "share",
    "The share of learned items that score above all but a thousandth of those that were not learned.",
  ],
  lira_true_positives_1: [
    "members found at 1 % false alarms by likelihood ratio",
    "share",
    "The same with a hundredth of them.",
  ],
  plain_auc: [
    "area under the curve by probability alone",
    "number",
    "The same chance by one threshold of the log-probability for all items.",
  ],
  plain_true_positives_01: [
    "members found at 0.1 % false alarms by probability alone",
    "share",
    "The same share by one threshold of the log-probability.",
  ],
  plain_true_positives_1: [
    "members found at 1 % false alarms by probability alone",
    "share",
    "The same with a hundredth of the others.",
  ],
  mean_gain_nats: [
    "what learning an item adds",
    "nats",
    "How much more probable an item is to models that learned it with a random half of the others, on average.",
  ],
  mean_leave_one_out_nats: [
    "what leaving an item out takes",
    "nats",
    "How much more probable an item is to the model of all items than to one that learned all others, on average.",
  ],
  remembered_images: [
    "images remembered",
    "count",
    "Images that have at least half of the probability that a perfect memory gives them.",
  ],
  distinct_sequences: [
    "distinct training sequences",
    "count",
    "Sequences that stand twice are counted once.",
  ],
  vocabulary: ["vocabulary", "count", "How many distinct tokens there are."],
  sequence_length: ["sequence length", "count", "Tokens in a sequence."],
  mean_longest_span: [
    "longest copied stretch",
    "number",
    "The longest stretch of a generated sequence that stands in the learned text, in tokens, on average over the samples.",
  ],
  psnr_db: [
    "PSNR",
    "decibels",
    "How well training images are drawn from their codes, on average: 20 dB is recognizable, 30 dB is hard to tell from the original.",
  ],
  psnr_padded_db: [
    "PSNR with padding",
    "decibels",
    "The same with everything that was added around and beside the images, which is easy to draw.",
  ],
  psnr_encoder_db: [
    "PSNR of the encoder's own codes",
    "decibels",
    "The same before better codes were searched for.",
  ],
  test_psnr_db: ["PSNR of test images", "decibels", "The same for images that it never saw."],
  test_psnr_encoder_db: [
    "PSNR of test images, encoder's own codes",
    "decibels",
    "The same for images that it never saw, before better codes were searched for.",
  ],
  distinct_codes: [
    "distinct codes",
    "count",
    "How many codes the training images have: images with one code cannot be told apart by a sequence.",
  ],
  distinct_images: ["distinct images", "count", "Images that stand twice are counted once."],
  test_accuracy: [
    "test accuracy",
    "share",
    "The share of images or texts that it never saw whose class it names.",
  ],
  test_texts: ["test texts", "count", "Texts that it never saw, each classified once."],
  validation_texts: [
    "validation texts",
    "count",
    "Texts of the training split that are not learned: they say when to stop, and which weights to keep.",
  ],
  best_step: [
    "step of the best weights",
    "count",
    "After this step the most validation texts were told right.",
  ],
  test_accuracy_averaged: [
    "test accuracy, views averaged",
    "share",
    "The same where each test image is also asked about moved by a pixel, and in colour mirrored, and the answers are averaged.",
  ],
  train_accuracy: [
    "training accuracy",
    "share",
    "The share of the images or texts that it learned whose class it names.",
  ],
  validation_accuracy: [
    "validation accuracy",
    "share",
    "The share of the images kept back for choosing settings whose class it names.",
  ],
  test_loss: [
    "test loss",
    "nats",
    "How surprising the class of an image that it never saw is to it, on average.",
  ],
  train_loss: [
    "training loss",
    "nats",
    "How surprising the class of an image that it learned is to it, on average.",
  ],
  learned_accuracy: [
    "right on what was learned",
    "share",
    "How often networks name the class of an image that they learned, on average over the images.",
  ],
  unlearned_accuracy: [
    "right on the rest",
    "share",
    "The same of networks that did not learn the image.",
  ],
  mean_label_memorization: [
    "mean memorization of labels",
    "number",
    "How much more often networks are right on an image when they learned it, on average over the images.",
  ],
  memorized_images: [
    "memorized images",
    "count",
    "How many images networks are right on at least a quarter of the time more often when they learned them.",
  ],
  halves_correlation: [
    "correlation of halves",
    "number",
    "How well the scores of every other network agree with those of the rest: 1 without noise.",
  ],
  subsets: ["subsets", "count", "How many networks learned a random subset of the images each."],
  digit_accuracy: [
    "single digits right",
    "share",
    "The share of single digits in test images that it reads right, though it was shown sums of three alone.",
  ],
  parameters: [
    "parameters",
    "count",
    "How many numbers were learned or given, running statistics not among them.",
  ],
  steps: ["steps", "count", "How many times the gradient of the whole model was taken."],
  penalty: ["penalty", "count", "Points that the assignment takes off for too many parameters or steps."],
  pflop: [
    "PFLOP of training",
    "number",
    "Floating-point operations of convolutions and products in training, forward and backward, in 10^15.",
  ],
  test_images: ["test images", "count", "How many images the test figures are of."],
  reference_images: ["reference images", "count", "How many images the samples are compared with."],
  copies_exact: ["exact copies", "count", "Samples that equal a training image, byte by byte."],
  copies_psnr: [
    "copies by PSNR",
    "count",
    "Samples whose PSNR to the nearest training image is at least 25 dB.",
  ],
  copies_near: [
    "copies by distance",
    "count",
    "Samples that are less than a third as far from the nearest training image as from the second nearest.",
  ],
  memorized_of_10000: [
    "memorized of 10,000",
    "count",
    "How many of 10,000 samples are copies of training images by any of the three rules.",
  ],
  fid: [
    "FID",
    "number",
    "The Fréchet Inception distance, by the published weights: what figures found elsewhere are, too, where the resizing is the same.",
  ],
  fd_inception: [
    "Fréchet distance of Inception features",
    "number",
    "By weights that are not the published ones: no FID, and to be compared with nothing measured by others.",
  ],
  fd_classifier: [
    "distance of samples",
    "number",
    "The Fréchet distance of the features of samples and test images; the classifier is this project's, so it is no FID.",
  ],
  fd_classifier_floor: [
    "distance of training images",
    "number",
    "The same of training images: what is left where samples are as good as those.",
  ],
  fd_classifier_noise: ["distance of noise", "number", "The same of images of random pixels."],
  kernel_distance: [
    "kernel distance",
    "number",
    "The squared distance of the mean features of samples and test images under a cubic kernel: 0 where none can be told.",
  ],
  precision: [
    "precision",
    "share",
    "The share of samples that lie as near to a test image as its neighbours do.",
  ],
  recall: ["recall", "share", "The share of test images that lie as near to a sample as its neighbours do."],
  density: [
    "density",
    "number",
    "In how many test images' neighbourhoods a sample lies: 1 where they are alike.",
  ],
  feature_coverage: [
    "coverage of test images",
    "share",
    "The share of test images that have a sample in their neighbourhood.",
  ],
  class_coverage: ["classes made", "share", "The share of the classes that some sample is taken for."],
  effective_classes: [
    "classes in effect",
    "number",
    "How many classes as frequent as each other would vary as much as those that samples are taken for.",
  ],
  asked_accuracy: [
    "asked classes made",
    "share",
    "The share of samples that are taken for the class that was asked for: chance where the generator is not told it.",
  ],
  diversity: [
    "diversity",
    "number",
    "How far the features of two samples are apart on average, over how far those of two test images are.",
  ],
  sharpness: [
    "sharpness",
    "number",
    "How much neighbouring pixels of samples differ, over how much those of test images do: blurry images have less than 1.",
  ],
  features: ["features", "count", "How many numbers the network makes of an image."],
  loss: ["training loss", "number", "What the training made small, on average over the last steps."],
};

/** Whether a figure is the end of the interval of another one. */
const INTERVAL = /^(.*)_(low|high)$/;

/** How a metric is called by people: its own words where it has some, else its name without underscores. */
export function metricLabel(name: string): string {
  return METRICS[name]?.[0] ?? name.replace("held_out", "held-out").replaceAll("_", " ");
}

/** Whether a metric is a share of 0..1. */
export function isShare(name: string): boolean {
  const form = METRICS[name]?.[1];
  return form === undefined ? /(accuracy|share|fraction|mass|coverage)$/.test(name) : form === "share";
}

/** The unit of a metric, where it has one. */
export function metricUnit(name: string): string | undefined {
  const form = METRICS[name]?.[1];
  if (form === "nats" || name.endsWith("_nats")) return "nats";
  return form === "decibels" || name.endsWith("_db") ? "dB" : undefined;
}

/** All figures of a run in words, in their order; the ends of an interval stand with what they are of. */
export function metricWords(metrics: Readonly<Record<string, number | null>>): MetricWords[] {
  return Object.entries(metrics).flatMap(([name, value]) => {
    const [, base] = INTERVAL.exec(name) ?? [];
    if (base !== undefined && base in metrics) return [];
    const low = metrics[`${name}_low`], high = metrics[`${name}_high`];
    const interval = typeof low === "number" && typeof high === "number"
      ? ` (${metricText(name, low)} to ${metricText(name, high)})`
      : "";
    return [{
      label: metricLabel(name),
      value: metricText(name, value ?? NaN) + interval,
      meaning: METRICS[name]?.[2] ?? "",
    }];
  });
}

/** One value of a metric as people write it. */
export function metricText(name: string, value: number): string {
  if (isShare(name)) return percent(value);
  const unit = metricUnit(name);
  if (METRICS[name]?.[1] === "count") return count(value);
  return unit === undefined ? number(value) : `${unit === "dB" ? value.toFixed(2) : number(value)} ${unit}`;
}
