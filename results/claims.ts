/**
 * What README and the pages in results/ claim, once: the tables there are written from this list, and
 * `deno task reproduce NAME` runs a row of it again and compares every figure.
 */

/** The tables that are made of rows of this list, by the name that stands in their marks. */
export type TableName = "readme" | "main-job" | "memorization" | "autoencoder" | "classifier";

/** What a run measured: a metric of its `summary.json`. */
export interface Figure {
  readonly metric: string;
  /** As measured; of several seeds their mean. */
  readonly value: number;
  /** Standard deviation over the seeds, where there are several. */
  readonly deviation?: number;
  /** How far off another run that confirms it may be; absent: what the metric has in `WITHIN`. */
  readonly within?: number;
  /** Which of several models it is of. */
  readonly of?: string;
}

/** A row: a command and what came out. */
export interface Claim {
  /** What `reproduce` calls it. */
  readonly name: string;
  readonly tables: readonly TableName[];
  /** As in deno.json's tasks. */
  readonly task: string;
  /** By their names in code; `autoencoder` is the name of the claim whose run is meant. */
  readonly flags: Readonly<Record<string, string | number | boolean>>;
  /** Of how many seeds, from 0 on, the figures are a mean; absent: one run with seed 0. */
  readonly seeds?: number;
  /** What was learned. */
  readonly data: string;
  readonly figures: readonly Figure[];
  /** Of the whole process, one seed; absent: nobody looked at the clock. */
  readonly seconds?: number;
  /** What else is to be said of the time. */
  readonly note?: string;
  readonly machine: keyof typeof MACHINES;
}

/** What the figures were measured on. */
export const MACHINES = {
  idle: "2 cores AMD EPYC (AVX-512), 24 GiB, Deno 2.9.6, wasm, 2 threads, relaxed SIMD",
  busy: "2 cores AMD EPYC (AVX-512), 24 GiB, Deno 2.9.6, beside other programs, wasm, 1 thread, relaxed SIMD",
} as const;

/**
 * How far from its figure another run may be. One machine gives the same bits again; processors whose relaxed SIMD
 * rounds otherwise give another run of the same experiment, which is about as far off as another seed.
 */
export const WITHIN = {
  memorized_mass: 0.002,
  memorized_fraction: 0.004,
  coverage: 0.004,
  psnr_db: 0.75,
  psnr_encoder_db: 0.75,
  test_psnr_db: 0.75,
  test_psnr_encoder_db: 0.75,
  distinct_codes: 0,
  test_accuracy: 0.005,
} as const;

/** Mass, fraction and coverage of a sequence model. */
function memory(mass: number, fraction: number, coverage: number): readonly Figure[] {
  return [
    { metric: "memorized_mass", value: mass },
    { metric: "memorized_fraction", value: fraction },
    { metric: "coverage", value: coverage },
  ];
}

/** PSNR of training images, their distinct codes, and PSNR of test images. */
function drawn(psnr: number, codes: number, heldOut?: number): readonly Figure[] {
  return [
    { metric: "psnr_db", value: psnr },
    { metric: "distinct_codes", value: codes },
    ...heldOut === undefined ? [] : [{ metric: "test_psnr_db", value: heldOut }],
  ];
}

const MNIST = { dataset: "mnist" };

/** Every row, in the order of the tables. */
export const CLAIMS: readonly Claim[] = [
  {
    name: "main-digits",
    tables: ["readme", "main-job"],
    task: "train-seq2hist",
    flags: {},
    seeds: 3,
    data: "1,024 built-in digits, all of it: autoencoder, sequences, samples, report",
    figures: [
      { metric: "memorized_mass", value: 0.99699, deviation: 0.00014 },
      { metric: "memorized_fraction", value: 0.9969, deviation: 0.0005 },
      { metric: "psnr_db", value: 37.22, deviation: 0.25 },
      { metric: "distinct_codes", value: 1024 },
    ],
    seconds: 29,
    note: "361 MiB",
    machine: "idle",
  },
  {
    name: "main-mnist",
    tables: ["readme", "main-job"],
    task: "train-seq2hist",
    flags: MNIST,
    seeds: 3,
    data: "1,024 MNIST images, all of it: autoencoder, sequences, samples, report",
    figures: [
      { metric: "memorized_mass", value: 0.99711, deviation: 0.00016 },
      { metric: "memorized_fraction", value: 0.9973, deviation: 0.0008 },
      { metric: "psnr_db", value: 37.08, deviation: 0.05 },
      { metric: "distinct_codes", value: 1024 },
    ],
    seconds: 29,
    note: "359 MiB",
    machine: "idle",
  },
  {
    name: "token-100-digits",
    tables: ["memorization"],
    task: "train-seq2token",
    flags: { count: 100 },
    data: "100 digits",
    figures: memory(0.99866, 0.9984, 1),
    seconds: 36,
    machine: "idle",
  },
  {
    name: "token-100-mnist",
    tables: ["readme", "memorization"],
    task: "train-seq2token",
    flags: { ...MNIST, count: 100 },
    data: "100 MNIST images",
    figures: memory(0.999, 0.9991, 1),
    seconds: 32,
    machine: "idle",
  },
  {
    name: "seq-100-digits",
    tables: ["memorization"],
    task: "train-seq2seq",
    flags: { count: 100 },
    data: "100 digits",
    figures: memory(0.99976, 0.9999, 1),
    seconds: 14,
    machine: "idle",
  },
  {
    name: "seq-100-mnist",
    tables: ["readme", "memorization"],
    task: "train-seq2seq",
    flags: { ...MNIST, count: 100 },
    data: "100 MNIST images",
    figures: memory(0.99979, 1, 1),
    seconds: 14,
    machine: "idle",
  },
  {
    name: "hist-256-digits",
    tables: ["memorization"],
    task: "train-seq2hist",
    flags: { count: 256 },
    data: "256 digits",
    figures: memory(0.99997, 0.9999, 1),
    seconds: 25,
    machine: "idle",
  },
  {
    name: "hist-256-mnist",
    tables: ["memorization"],
    task: "train-seq2hist",
    flags: { ...MNIST, count: 256 },
    data: "256 MNIST images",
    figures: memory(0.99995, 1, 1),
    seconds: 25,
    machine: "idle",
  },
  {
    name: "hist-512-mnist",
    tables: ["memorization"],
    task: "train-seq2hist",
    flags: { ...MNIST, count: 512, steps: 12_000 },
    data: "512 MNIST images",
    figures: memory(0.99999, 1, 1),
    seconds: 66,
    machine: "idle",
  },
  {
    name: "hist-1024-mnist-long",
    tables: ["memorization"],
    task: "train-seq2hist",
    flags: { ...MNIST, steps: 12_000, autoencoder: "autoencoder-1024-mnist" },
    data: "1,024 MNIST images, three times the steps",
    figures: memory(0.99975, 0.9999, 1),
    seconds: 76,
    machine: "idle",
  },
  {
    name: "token-1024-mnist",
    tables: ["memorization"],
    task: "train-seq2token",
    flags: { ...MNIST, autoencoder: "autoencoder-1024-mnist" },
    data: "1,024 MNIST images",
    figures: memory(0.99615, 0.9968, 1),
    seconds: 93,
    machine: "idle",
  },
  {
    name: "seq-1024-mnist",
    tables: ["memorization"],
    task: "train-seq2seq",
    flags: { ...MNIST, autoencoder: "autoencoder-1024-mnist" },
    data: "1,024 MNIST images",
    figures: memory(0.99207, 0.9916, 1),
    seconds: 80,
    machine: "idle",
  },
  {
    name: "range",
    tables: [],
    task: "sweep-range",
    flags: { ...MNIST, counts: "64,256,1024", seeds: 3, threads: 1 },
    data: "64, 256 and 1,024 MNIST images seen through 1 to 15 tokens, three seeds",
    figures: [
      { metric: "images_64_range_4_memorized_mass", value: 0.5408, within: 0.01 },
      { metric: "images_256_range_5_memorized_mass", value: 0.668, within: 0.01 },
      { metric: "images_1024_range_6_memorized_mass", value: 0.7139, within: 0.01 },
      { metric: "images_1024_range_15_memorized_mass", value: 0.9972, within: 0.002 },
    ],
    seconds: 6448,
    note: "on one of two cores, a training on the other",
    machine: "busy",
  },
  {
    name: "capacity-tiny",
    tables: ["memorization"],
    task: "sweep-capacity",
    flags: { hidden: "16,32", loads: "1,2,4", others: 2000, autoencoderSteps: 300, threads: 1 },
    data: "random sequences and codes of built-in digits, networks of 2,584 and 5,672 parameters",
    figures: [
      { metric: "random_2584_215_bits", of: "215 random sequences", value: 3042, within: 300 },
      { metric: "random_5672_473_bits", of: "473 random sequences", value: 10_393, within: 1000 },
      { metric: "codes_2584_215_bits", of: "215 codes", value: 2620, within: 300 },
      { metric: "codes_5672_473_bits", of: "473 codes", value: 10_959, within: 1000 },
    ],
    seconds: 212,
    note: "beside many other programs",
    machine: "busy",
  },
  {
    name: "capacity",
    tables: [],
    task: "sweep-capacity",
    flags: { ...MNIST, seeds: 3, threads: 1 },
    data:
      "random sequences and codes of MNIST images, networks of 10,004, 29,908 and 100,052 parameters, three seeds",
    figures: [
      { metric: "random_10004_1667_bits", of: "1,667 random sequences", value: 20_435, within: 1000 },
      { metric: "random_29908_4985_bits", of: "4,985 random sequences", value: 65_649, within: 4000 },
      { metric: "random_100052_16675_bits", of: "16,675 random sequences", value: 186_866, within: 12_000 },
      { metric: "codes_10004_1667_bits", of: "1,667 codes", value: 24_656, within: 1000 },
      { metric: "codes_29908_4985_bits", of: "4,985 codes", value: 90_075, within: 4000 },
      { metric: "codes_100052_8338_bits", of: "8,338 codes", value: 245_692, within: 12_000 },
    ],
    seconds: 5760,
    note: "without its last three networks",
    machine: "busy",
  },
  {
    name: "lira-tiny",
    tables: ["memorization"],
    task: "lira",
    flags: {
      count: 128,
      shadows: 16,
      leftOut: 16,
      steps: 100,
      hidden: 64,
      autoencoderSteps: 300,
      threads: 1,
    },
    data: "128 built-in digits, 16 models of 64 of them, stopped after 100 steps",
    figures: [
      { metric: "lira_auc", value: 1, within: 0.001 },
      { metric: "plain_auc", value: 0.9969, within: 0.004 },
      { metric: "plain_true_positives_01", value: 0.833, within: 0.06 },
    ],
    seconds: 243,
    note: "beside many other programs",
    machine: "busy",
  },
  {
    name: "lira",
    tables: ["memorization"],
    task: "lira",
    flags: { ...MNIST, threads: 1 },
    data: "512 MNIST images, 64 models of 256 of them, 77 of all or of all but one",
    figures: [
      { metric: "lira_auc", value: 1, within: 0.0001 },
      { metric: "plain_auc", value: 1, within: 0.0001 },
      { metric: "plain_true_positives_01", value: 1, within: 0.001 },
      { metric: "mean_gain_nats", value: 210.5, within: 10 },
      { metric: "mean_leave_one_out_nats", value: 142.2, within: 15 },
    ],
    seconds: 4080,
    note: "39 of them on both cores, interrupted once",
    machine: "busy",
  },
  {
    name: "autoencoder-256-digits",
    tables: ["autoencoder"],
    task: "train-autoencoder",
    flags: { count: 256 },
    data: "256 digits",
    figures: drawn(51.33, 256, 15.44),
    seconds: 21,
    machine: "idle",
  },
  {
    name: "autoencoder-256-mnist",
    tables: ["autoencoder"],
    task: "train-autoencoder",
    flags: { ...MNIST, count: 256 },
    data: "256 MNIST images",
    figures: drawn(51.04, 256, 14.49),
    seconds: 22,
    machine: "idle",
  },
  {
    name: "autoencoder-1024-mnist",
    tables: ["readme", "autoencoder"],
    task: "train-autoencoder",
    flags: MNIST,
    data: "1,024 MNIST images",
    figures: drawn(37.08, 1024, 15.82),
    seconds: 13,
    machine: "idle",
  },
  {
    name: "autoencoder-10000-mnist",
    tables: ["autoencoder"],
    task: "train-autoencoder",
    flags: { ...MNIST, count: 10_000 },
    data: "10,000 MNIST images",
    figures: drawn(26.45, 10_000, 17.25),
    seconds: 180,
    machine: "idle",
  },
  {
    name: "hist-10000-mnist",
    tables: ["readme", "memorization"],
    task: "train-seq2hist",
    flags: { ...MNIST, count: 10_000, autoencoder: "autoencoder-10000-mnist" },
    data: "10,000 MNIST images",
    figures: memory(0.99065, 0.9908, 0.6319),
    seconds: 546,
    machine: "idle",
  },
  {
    name: "hist-60000-mnist",
    tables: ["readme", "memorization"],
    task: "train-seq2hist",
    flags: {
      ...MNIST,
      count: 60_000,
      autoencoder: "autoencoder-60000-mnist-codes",
      steps: 20_000,
      threads: 1,
    },
    data: "60,000 MNIST images, 59,919 distinct codes",
    figures: [
      { metric: "memorized_mass", value: 0.3391, within: 0.02 },
      { metric: "memorized_fraction", value: 0.3458, within: 0.02 },
      { metric: "coverage", value: 0.0548, within: 0.005 },
    ],
    seconds: 6240,
    note: "on one thread of a busy machine",
    machine: "busy",
  },
  {
    name: "autoencoder-60000-mnist-codes",
    tables: [],
    task: "train-autoencoder",
    flags: { ...MNIST, count: 60_000, settle: 1, batch: 512, steps: 2000 },
    data: "60,000 MNIST images, codes never fixed",
    figures: [
      { metric: "psnr_db", value: 19.75 },
      { metric: "distinct_codes", value: 59_919, within: 60 },
    ],
    machine: "busy",
  },
  {
    name: "compare-autoregressive-mnist",
    tables: ["readme"],
    task: "compare-autoregressive",
    flags: { ...MNIST, models: "seq2token,seq2seq-masked,seq2seq-transformer,seq2hist", threads: 1 },
    seeds: 3,
    data: "1,024 MNIST images, four models on the same codes",
    figures: [
      { metric: "seq2token_memorized_mass", of: "token", value: 0.9961, deviation: 0.00005 },
      { metric: "seq2seq_masked_memorized_mass", of: "masked", value: 0.99197, deviation: 0.00015 },
      { metric: "seq2seq_transformer_memorized_mass", of: "transformer", value: 0.99539, deviation: 0.00021 },
      { metric: "seq2hist_memorized_mass", of: "histogram", value: 0.9972, deviation: 0.0001 },
    ],
    seconds: 1740,
    note: "on one thread of a busy machine",
    machine: "busy",
  },
  {
    name: "autoencoder-60000-mnist",
    tables: ["autoencoder"],
    task: "train-autoencoder",
    flags: { ...MNIST, count: 60_000, settle: 1, hidden: 1024, batch: 512, steps: 4000 },
    data: "60,000 MNIST images, codes never fixed",
    figures: [
      { metric: "psnr_db", value: 20.65 },
      { metric: "distinct_codes", value: 59_976, within: 30 },
      { metric: "test_psnr_db", value: 19.61 },
    ],
    seconds: 714,
    machine: "idle",
  },
  {
    name: "autoencoder-60000-mnist-search",
    tables: ["readme", "autoencoder"],
    task: "train-autoencoder",
    flags: { ...MNIST, count: 60_000, settle: 1, hidden: 1024, batch: 256, steps: 8000, search: 10 },
    data: "60,000 MNIST images, codes never fixed, then searched for",
    figures: [
      { metric: "psnr_db", value: 22.08 },
      { metric: "psnr_encoder_db", value: 20.92 },
      { metric: "distinct_codes", value: 59_996, within: 10 },
      { metric: "test_psnr_db", value: 21.49 },
      { metric: "test_psnr_encoder_db", value: 19.69 },
    ],
    seconds: 2568,
    note: "on one thread of a busy machine",
    machine: "busy",
  },
  {
    name: "table1-256-mnist",
    tables: ["readme", "autoencoder"],
    task: "train-autoencoder",
    flags: { architecture: "table1", ...MNIST, count: 256, steps: 500, threads: 1 },
    data: "256 MNIST images, Table 1 at full width",
    figures: drawn(25.11, 256, 15.31),
    seconds: 8340,
    note: "beside many other programs, 62 min of processor time (34 min on a quieter day)",
    machine: "busy",
  },
  {
    name: "table1-256-cifar10",
    tables: ["autoencoder"],
    task: "train-autoencoder",
    flags: { architecture: "table1", dataset: "cifar10", count: 256, steps: 250, threads: 1 },
    data: "256 CIFAR-10 images, Table 1 at full width",
    figures: drawn(19.4, 256, 15.74),
    seconds: 1020,
    note: "on one thread of a busy machine",
    machine: "busy",
  },
  {
    name: "classifier-256-mnist",
    tables: ["classifier"],
    task: "train-classifier",
    flags: { ...MNIST, count: 256 },
    data: "256 MNIST images, tested on 10,000",
    figures: [{ metric: "test_accuracy", value: 0.9564 }],
    seconds: 21,
    machine: "idle",
  },
  {
    name: "classifier-1024-mnist",
    tables: ["readme", "classifier"],
    task: "train-classifier",
    flags: { ...MNIST, count: 1024 },
    data: "1,024 MNIST images, tested on 10,000",
    figures: [{ metric: "test_accuracy", value: 0.9778 }],
    seconds: 32,
    machine: "idle",
  },
  {
    name: "classifier-60000-mnist",
    tables: ["readme", "classifier"],
    task: "train-classifier",
    flags: { ...MNIST, count: 60_000 },
    data: "60,000 MNIST images, tested on 10,000",
    figures: [{ metric: "test_accuracy", value: 0.9935, within: 0.002 }],
    seconds: 53,
    machine: "idle",
  },
  {
    name: "pixels-gru-64-mnist",
    tables: ["readme"],
    task: "train-pixel-classifier",
    flags: { ...MNIST, units: 64, epochs: 6, learningRate: 0.01, threads: 1 },
    data: "55,000 MNIST images, pixel by pixel (784 steps), a GRU of 64 units, tested on 10,000",
    figures: [{ metric: "test_accuracy", value: 0.982, within: 0.01 }],
    seconds: 1161,
    note: "beside other programs",
    machine: "busy",
  },
  {
    name: "pixel-predictor-gru-64-mnist",
    tables: ["readme"],
    task: "train-pixel-predictor",
    flags: { ...MNIST, units: 64, epochs: 7, threads: 1 },
    data:
      "55,000 MNIST images, each pixel predicted from those before it by a GRU of 64 units, tested on 10,000",
    figures: [{ metric: "test_nats_per_pixel", value: 0.087, within: 0.003 }],
    seconds: 1502,
    note: "beside other programs",
    machine: "busy",
  },
  {
    name: "dense-autoencoder-mnist",
    tables: ["readme"],
    task: "train-dense-autoencoder",
    flags: { ...MNIST, threads: 1 },
    data: "60,000 MNIST images, 784-100-30-100-784",
    figures: [
      { metric: "held_out_mse", value: 0.0055, within: 0.0002 },
      { metric: "held_out_bce", value: 0.0777, within: 0.001 },
    ],
    seconds: 600,
    note: "beside other programs",
    machine: "busy",
  },
  {
    name: "sentiment-tanh-imdb",
    tables: ["readme"],
    task: "train-sentiment-rnn",
    flags: { dataset: "imdb", threads: 1 },
    data: "25,000 IMDB reviews, a tanh network of 256 units, tested on 25,000",
    figures: [{ metric: "test_accuracy", value: 0.8828, within: 0.01 }],
    seconds: 478,
    note: "beside other programs",
    machine: "busy",
  },
  {
    name: "cifar10",
    tables: ["readme"],
    task: "train-cifar-classifier",
    flags: { dataset: "cifar10" },
    data: "50,000 CIFAR-10 images, eight epochs, 569,016 parameters, tested on 10,000",
    figures: [{ metric: "test_accuracy", value: 0.9187, within: 0.01 }],
    seconds: 1105,
    machine: "idle",
  },
  {
    name: "cifar10-hour",
    tables: [],
    task: "train-cifar-classifier",
    flags: { dataset: "cifar10", budget: 3600 },
    data: "50,000 CIFAR-10 images, as many epochs as an hour has",
    figures: [
      { metric: "test_accuracy", value: 0.9256, within: 0.01 },
      { metric: "test_accuracy_averaged", of: "averaging flips and shifts", value: 0.9346, within: 0.01 },
    ],
    seconds: 3389,
    machine: "idle",
  },
  {
    name: "cifar10-subsets",
    tables: [],
    task: "compare-cifar-subsets",
    flags: { dataset: "cifar10", threads: 1 },
    data: "CIFAR-10 from few images and from all, three draws",
    figures: [
      { metric: "test_accuracy_1", of: "1 of each class", value: 0.1623, within: 0.02 },
      { metric: "test_accuracy_10", of: "10", value: 0.3085, within: 0.02 },
      { metric: "test_accuracy_100", of: "100", value: 0.6018, within: 0.015 },
      { metric: "test_accuracy_1000", of: "1,000", value: 0.8421, within: 0.01 },
      { metric: "test_accuracy_all", of: "all", value: 0.917, within: 0.01 },
    ],
    seconds: 13_850,
    note: "on one core, interrupted once",
    machine: "busy",
  },
  {
    name: "cifar10-memorized",
    tables: [],
    task: "memorized-images",
    flags: { dataset: "cifar10", threads: 1 },
    data: "1,000 CIFAR-10 images, 64 networks of 590 of them each",
    figures: [
      { metric: "memorized_images", value: 728, within: 30 },
      { metric: "learned_accuracy", value: 0.9801, within: 0.01 },
      { metric: "unlearned_accuracy", value: 0.4794, within: 0.015 },
      { metric: "halves_correlation", value: 0.873, within: 0.03 },
    ],
    seconds: 7054,
    note: "on one of two cores, a training on the other",
    machine: "busy",
  },
  {
    name: "addnist-1000-steps",
    tables: ["readme"],
    task: "train-addnist",
    flags: { ...MNIST, steps: 1000, threads: 1 },
    data: "sums of three MNIST digits, 97,058 parameters",
    figures: [{ metric: "test_accuracy", value: 0.9888, within: 0.003 }],
    seconds: 540,
    note: "beside a training on the other core",
    machine: "busy",
  },
  {
    name: "addnist",
    tables: ["readme"],
    task: "train-addnist",
    flags: { ...MNIST, threads: 1 },
    data: "sums of three MNIST digits, 97,058 parameters, 10,000 steps",
    figures: [{ metric: "test_accuracy", value: 0.9913, within: 0.003 }],
    seconds: 2280,
    note: "beside a training on the other core",
    machine: "busy",
  },
];
