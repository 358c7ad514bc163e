/**
 * The peer `jax-js-wasm`: jax-js on its WebAssembly device, each step one `jit`.
 * Its arrays are reference-counted: an argument is consumed by the call that takes it, `.ref` keeps it.
 */
import type { Array as JaxArray } from "@jax-js/jax";
import { serve } from "../protocol.ts";
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
} from "../workloads.ts";

type Jax = typeof import("@jax-js/jax");

/** Runs one step and returns its loss, which is the caller's. */
type Step = () => JaxArray;

/** NHWC images to the NCHW that jax-js convolves. */
function channelsFirst(data: Float32Array, shape: readonly number[]): Float32Array<ArrayBuffer> {
  const [, height, width, channels] = shape;
  const out = new Float32Array(data.length);
  for (let from = 0; from < data.length; from++) {
    const channel = from % channels, site = Math.floor(from / channels);
    const image = Math.floor(site / (height * width));
    out[(image * channels + channel) * height * width + site % (height * width)] = data[from];
  }
  return out;
}

/** Filters [kh, kw, first, second] to [second, first, kh, kw], or to [first, second, kh, kw] with the window turned. */
function filterOf(formula: Formula, transposed: boolean): Float32Array<ArrayBuffer> {
  const data = elements(formula), out = new Float32Array(data.length);
  const [rows, columns, first, second] = formula.shape;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      for (let a = 0; a < first; a++) {
        for (let b = 0; b < second; b++) {
          const value = data[((row * columns + column) * first + a) * second + b];
          const to = transposed
            ? ((a * second + b) * rows + rows - 1 - row) * columns + columns - 1 - column
            : ((b * first + a) * rows + row) * columns + column;
          out[to] = value;
        }
      }
    }
  }
  return out;
}

/** A training step with Adam 1e-3, as `tf.train.adam` computes it, over `parameters`. */
function training(
  jax: Jax,
  parameters: readonly JaxArray[],
  loss: (parameters: readonly JaxArray[], data: readonly JaxArray[]) => JaxArray,
  data: readonly JaxArray[],
): Step {
  const { numpy: np } = jax;
  // One call to Adam's arithmetic a parameter; the bias corrections are scalars that change from step to step.
  const step = jax.jit(
    (
      weights: JaxArray[],
      first: JaxArray[],
      second: JaxArray[],
      corrections: JaxArray,
      batch: JaxArray[],
    ): [JaxArray[], JaxArray[], JaxArray[], JaxArray] => {
      const [value, gradients] = jax.valueAndGrad((w: JaxArray[], d: JaxArray[]) => loss(w, d))(
        weights.map((weight) => weight.ref),
        batch,
      ) as [JaxArray, JaxArray[]];
      const [one, two] = np.split(corrections, 2);
      const oneCorrection = one.reshape([]), twoCorrection = two.reshape([]);
      const nextWeights: JaxArray[] = [], nextFirst: JaxArray[] = [], nextSecond: JaxArray[] = [];
      for (const [index, weight] of weights.entries()) {
        const m = first[index].mul(0.9).add(gradients[index].ref.mul(0.1));
        const v = second[index].mul(0.999).add(np.square(gradients[index]).mul(0.001));
        const change = m.ref.div(oneCorrection.ref).div(np.sqrt(v.ref.div(twoCorrection.ref)).add(1e-7));
        nextWeights.push(weight.sub(change.mul(1e-3)));
        nextFirst.push(m);
        nextSecond.push(v);
      }
      oneCorrection.dispose();
      twoCorrection.dispose();
      return [nextWeights, nextFirst, nextSecond, value];
    },
  );
  let weights = [...parameters];
  let first = weights.map((weight) => np.zeros(weight.shape));
  let second = weights.map((weight) => np.zeros(weight.shape));
  let count = 0;
  return () => {
    count++;
    const corrections = np.array(Float32Array.of(1 - 0.9 ** count, 1 - 0.999 ** count));
    let value: JaxArray;
    [weights, first, second, value] = step(
      weights,
      first,
      second,
      corrections,
      data.map((array) => array.ref),
    );
    return value;
  };
}

function build(jax: Jax, workload: string): Step {
  const { numpy: np, nn, lax } = jax;
  const arrayOf = (formula: Formula) => np.array(elements(formula)).reshape([...formula.shape]);
  const zerosOf = (widths: readonly number[]) => widths.map((width) => np.zeros([width]));

  if (workload === "dense-autoencoder") {
    const weights = denseWeights(DENSE.widths).map(arrayOf);
    return training(jax, [...weights, ...zerosOf(DENSE.widths.slice(1))], (parameters, [images]) => {
      let x = images.ref;
      for (let layer = 0; layer < 4; layer++) {
        x = np.matmul(x, parameters[layer]).add(parameters[4 + layer]);
        if (layer === 1) x = np.tanh(x);
        else if (layer < 3) x = nn.leakyRelu(x, 0.2);
      }
      return np.mean(np.square(x.sub(images)));
    }, [arrayOf(DATA.dense)]);
  }
  if (workload === "mlp") {
    const weights = denseWeights(MLP.widths).map(arrayOf);
    const data = [arrayOf(DATA.mlp), np.array(mlpTargets()).reshape([MLP.batch, 8])];
    return training(jax, [...weights, ...zerosOf(MLP.widths.slice(1))], (parameters, [inputs, targets]) => {
      let x = inputs;
      for (let layer = 0; layer < 3; layer++) {
        x = np.matmul(x, parameters[layer]).add(parameters[3 + layer]);
        if (layer < 2) x = nn.gelu(x, { approximate: false });
      }
      return np.sum(nn.logSoftmax(x).mul(targets)).mul(-1 / MLP.batch);
    }, data);
  }
  if (workload === "conv-autoencoder") {
    const weights = convWeights().map((formula, layer) => {
      const [rows, columns, one, two] = formula.shape;
      const shape = layer < 3 ? [two, one, rows, columns] : [one, two, rows, columns];
      return np.array(filterOf(formula, layer >= 3)).reshape(shape);
    });
    const biases = CONV.channels.slice(1).map((width) => np.zeros([width, 1, 1]));
    const images = np.array(channelsFirst(elements(DATA.conv), DATA.conv.shape))
      .reshape([CONV.batch, 3, CONV.size, CONV.size]);
    return training(jax, [...weights, ...biases], (parameters, [batch]) => {
      let x = batch.ref;
      for (let layer = 0; layer < 6; layer++) {
        x = layer < 3
          ? lax.convGeneralDilated(x, parameters[layer], [2, 2], [[1, 1], [1, 1]])
          // A transposed convolution with padding 1 is one over the spread-out input with padding 4 - 1 - 1.
          : lax.convGeneralDilated(x, parameters[layer], [1, 1], [[2, 2], [2, 2]], { lhsDilation: [2, 2] });
        x = x.add(parameters[6 + layer]);
        if (layer < 5) x = nn.leakyRelu(x, 0.2);
      }
      return np.mean(np.square(x.sub(batch)));
    }, [images]);
  }
  if (workload === "matmul-512") {
    const left = arrayOf(DATA.left), right = arrayOf(DATA.right);
    const product = jax.jit((a: JaxArray, b: JaxArray) => np.matmul(a, b));
    return () => product(left.ref, right.ref);
  }
  throw new Error(`has no definition of ${workload}`);
}

await serve(async (workload, threads) => {
  // jax-js starts a worker a processor and offers no other way to say how many.
  if (threads !== undefined) Object.defineProperty(navigator, "hardwareConcurrency", { value: threads });
  const jax = await import("@jax-js/jax");
  await jax.init("wasm");
  jax.defaultDevice("wasm");
  const step = build(jax, workload);
  return {
    description: `jax-js 0.1.25, ${navigator.hardwareConcurrency} workers`,
    run: async (steps) => {
      for (let index = 1; index < steps; index++) {
        const loss = step();
        // Without it the queue of pending operations grows.
        await loss.blockUntilReady();
        loss.dispose();
      }
      const [value] = await step().data();
      return value;
    },
  };
});
