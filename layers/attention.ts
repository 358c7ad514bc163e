import * as tf from "@tensorflow/tfjs";
import { type LayerMaker, mustHaveAxes } from "./layer.ts";
import { linear } from "./linear.ts";
import { HE_NORMAL, type Start } from "./starts.ts";

/** Added to the score of a place that must not be seen: exp() of it is 0, exactly. */
const HIDDEN = -1e9;

/** What decides a layer of attention. */
export interface AttentionOptions {
  /** Attentions side by side, each on units / heads numbers. */
  readonly heads: number;
  /** How the kernels of query, key and value start; absent: `HE_NORMAL`. */
  readonly start?: Start;
  /** How that of the output starts; absent: like the others. */
  readonly outputStart?: Start;
}

/**
 * Causal attention of several heads (Vaswani et al. 2017), [B, T, units] -> [B, T, units]: each place sees itself and
 * those before it. Scores are divided by sqrt(units / heads). Four linear layers, `name`/query, /key, /value, /output.
 * PyTorch's nn.MultiheadAttention with a causal mask, self-attention only, no dropout.
 */
export function causalAttention(name: string, options: AttentionOptions): LayerMaker {
  const { heads: H, start = HE_NORMAL, outputStart = start } = options;
  return (input) => {
    mustHaveAxes(input, ["time", "units"], name);
    const [T, D] = input;
    if (D % H !== 0) throw new RangeError(`Cannot build ${name} as heads must divide width: ${H} of ${D}`);
    const inside = ["query", "key", "value"].map((part) => linear(`${name}/${part}`, D, { start })(input));
    const outside = linear(`${name}/output`, D, { start: outputStart })(input);
    const seen = `N x ${H} x ${T} x ${D / H}`;
    const byHead = (x: tf.Tensor): tf.Tensor => tf.transpose(tf.reshape(x, [-1, T, H, D / H]), [0, 2, 1, 3]);
    return {
      rows: [
        {
          type: `Query, key, value of ${H} heads`,
          weight: `3 x ${D} x ${D}`,
          output: `N x 3 x ${seen.slice(4)}`,
        },
        { type: "Causal softmax attention", output: seen },
        ...outside.rows,
      ],
      output: input,
      weights: Object.assign({}, ...[...inside, outside].map(({ weights }) => weights)),
      apply: (weights, x) => {
        const [query, key, value] = inside.map((layer) => byHead(layer.apply(weights, x))); // [B, H, T, D/H]
        const scores = tf.mul(tf.matMul(query, key, false, true), Math.sqrt(H / D)); // [B, H, T, T]
        const causal = tf.tensor2d(
          Float32Array.from({ length: T * T }, (_, at) => at % T > Math.floor(at / T) ? HIDDEN : 0),
          [T, T],
        );
        const mixed = tf.matMul(tf.softmax(tf.add(scores, causal)), value); // [B, H, T, D/H]
        return outside.apply(weights, tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [-1, T, D]));
      },
    };
  };
}
