/** The workloads as plain tfjs code: what stock tfjs runs operation by operation, and what the engine compiles. */
import * as tf from "@tensorflow/tfjs";
import {
  CONV,
  convWeights,
  DATA,
  DENSE,
  denseWeights,
  elements,
  type Formula,
  MLP,
  mlpTargets,
} from "./workloads.ts";

/** One step: updates the model and returns its loss, which is the caller's. Called under `tf.tidy` by itself. */
export type Step = () => tf.Scalar;

function tensorOf(formula: Formula): tf.Tensor {
  return tf.tensor(elements(formula), [...formula.shape]);
}

/** Adam 1e-3 on `loss`, with a bias a layer. */
function training(
  weights: readonly Formula[],
  channels: readonly number[],
  loss: (weights: readonly tf.Variable[], biases: readonly tf.Variable[]) => tf.Scalar,
): Step {
  const weightVariables = weights.map((formula) => tf.variable(tensorOf(formula)));
  const biases = channels.map((width) => tf.variable(tf.zeros([width])));
  const optimizer = tf.train.adam(1e-3, 0.9, 0.999, 1e-7);
  const variables = [...weightVariables, ...biases];
  return () => {
    const value = optimizer.minimize(() => loss(weightVariables, biases), true, variables);
    if (value === null) throw new Error("minimize returned no loss");
    return value;
  };
}

function dense(): Step {
  const images = tensorOf(DATA.dense) as tf.Tensor2D;
  return training(denseWeights(DENSE.widths), DENSE.widths.slice(1), (weights, biases) => {
    let x: tf.Tensor = images; // [B, 784]
    for (const [layer, kernel] of weights.entries()) {
      x = tf.add(tf.matMul(x, kernel), biases[layer]);
      if (layer === 1) x = tf.tanh(x); // [B, 48]
      else if (layer < 3) x = tf.leakyRelu(x, 0.2); // [B, 512]
    }
    return tf.mean(tf.squaredDifference(x, images)) as tf.Scalar;
  });
}

/** The exact form, with the error function. */
function gelu(x: tf.Tensor): tf.Tensor {
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));
}

function mlp(): Step {
  const inputs = tensorOf(DATA.mlp) as tf.Tensor2D;
  const targets = tf.tensor(mlpTargets(), [MLP.batch, 8]);
  return training(denseWeights(MLP.widths), MLP.widths.slice(1), (weights, biases) => {
    let x: tf.Tensor = inputs; // [B, 120]
    for (const [layer, kernel] of weights.entries()) {
      x = tf.add(tf.matMul(x, kernel), biases[layer]);
      if (layer < 2) x = gelu(x); // [B, 256]
    }
    return tf.losses.softmaxCrossEntropy(targets, x) as tf.Scalar;
  });
}

function conv(): Step {
  const images = tensorOf(DATA.conv) as tf.Tensor4D;
  return training(convWeights(), CONV.channels.slice(1), (weights, biases) => {
    let x = images; // [B, 32, 32, 3]
    for (const [layer, variable] of weights.entries()) {
      const filter = variable as tf.Tensor as tf.Tensor4D;
      const side = x.shape[1] * 2;
      const product = layer < 3
        ? tf.conv2d(x, filter, 2, 1)
        : tf.conv2dTranspose(x, filter, [CONV.batch, side, side, filter.shape[2]], 2, 1);
      x = tf.add(product, biases[layer]);
      if (layer < 5) x = tf.leakyRelu(x, 0.2);
    }
    return tf.mean(tf.squaredDifference(x, images)) as tf.Scalar;
  });
}

function matmul(): Step {
  const left = tensorOf(DATA.left) as tf.Tensor2D, right = tensorOf(DATA.right) as tf.Tensor2D;
  const product = tf.variable(tf.zeros<tf.Rank.R2>([left.shape[0], right.shape[1]]));
  return () => {
    // Kept in a variable, so that a compiler has to compute all of it and a peer has to read none of it.
    product.assign(tf.matMul(left, right));
    return tf.reshape(tf.slice(product, [0, 0], [1, 1]), []);
  };
}

const STEPS: Readonly<Record<string, () => Step>> = {
  "dense-autoencoder": dense,
  "mlp": mlp,
  "conv-autoencoder": conv,
  "matmul-512": matmul,
};

/** Allocates a workload on the active tfjs backend. */
export function tfjsStep(workload: string): Step {
  const build = STEPS[workload];
  if (build === undefined) throw new Error(`has no definition of ${workload}`);
  return build();
}
