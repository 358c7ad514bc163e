/**
 * A causal transformer: the second architecture of `seq2seq`. Each position attends to the tokens before it and to
 * nothing else, and all positions share their weights, where the masked network has weights for each.
 *
 * After: Vaswani et al. (2017), "Attention is all you need", arXiv 1706.03762, in the shape of GPT-2 (Radford et al.
 * 2019): a decoder alone, layer normalization before each part, learned positions.
 * Departures: ReLU in place of GELU, no dropout (it shall memorize), no weights shared by input and output, and logits
 * that are the last layer's outputs times 8, its kernel beginning at an eighth of the usual: certainty needs large
 * logits. On 100 sequences and equal steps that halves what is lost on tokens that are certain.
 */
import { relu, times } from "../layers/activations.ts";
import { causalAttention } from "../layers/attention.ts";
import { embedding, positions } from "../layers/embedding.ts";
import { type LayerMaker, type Network, residual, retitled, sequential } from "../layers/layer.ts";
import { layerNorm } from "../layers/layer_norm.ts";
import { linear } from "../layers/linear.ts";
import { normalOfVariance, type Start, uniform, zeros } from "../layers/starts.ts";

/** The size of a transformer. */
export interface TransformerSize {
  /** Number of distinct tokens; tokens are 0 <= t < vocabulary. */
  readonly vocabulary: number;
  /** Tokens in a sequence, at most. */
  readonly length: number;
  /** Blocks of attention and hidden layer. */
  readonly layers: number;
  /** Numbers that stand for one position. */
  readonly width: number;
  /** Attentions side by side, each on width / heads numbers. */
  readonly heads: number;
}

/** What the last layer's outputs are multiplied by to give logits. */
const LOGIT_SCALE = 8;
/** Units of a block's hidden layer for each of its width. */
const EXPANSION = 4;

/**
 * The network for the first `places` of a sequence (absent: all; the weights are the same): the tokens before each
 * position int32 [B, places], the first of them `vocabulary`, -> logits of the token at each position [B, places, V];
 * those at position i depend on the tokens before i only.
 *
 * Kernels are uniform in ±1/sqrt(inputs), embeddings have a variance of 0.02.
 */
export function transformer(size: TransformerSize, places: number = size.length): Network {
  const { vocabulary, length, layers, width, heads } = size;
  const start = normalOfVariance(0.02);
  return sequential([places], [
    embedding("tokens", { symbols: vocabulary + 1, units: width, start }),
    positions("positions", { length, start }),
    ...Array.from({ length: layers }, (_, index) => block(index + 1, { layers, width, heads })).flat(),
    layerNorm("output"),
    linear("output", vocabulary, { start: scaled(1 / LOGIT_SCALE) }),
    times(LOGIT_SCALE),
  ]);
}

/** Block `number` of `layers`: attention, then a hidden layer, each added to what goes in. */
export function block(
  number: number,
  { layers, width, heads }: Pick<TransformerSize, "layers" | "width" | "heads">,
): LayerMaker[] {
  // What the blocks add to one position stays as large as what one block adds.
  const outputStart = scaled(1 / Math.sqrt(2 * layers)), start = scaled(1);
  return [
    residual(
      retitled((type) => `Block ${number}: ${type}`, layerNorm(`attention${number}`)),
      causalAttention(`attention${number}`, { heads, start, outputStart }),
    ),
    residual(
      layerNorm(`hidden${number}`),
      linear(`hidden${number}/in`, EXPANSION * width, { start }),
      relu,
      linear(`hidden${number}/out`, width, { start: outputStart }),
    ),
  ];
}

function scaled(scale: number): Start {
  return { kernel: uniform(scale), bias: zeros };
}
