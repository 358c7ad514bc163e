/**
 * What networks are written in: a layer is made for the shape that goes into it, and knows from then on what comes out,
 * which weights it has and how they start, what it computes, and its rows of the layer table.
 *
 * ```ts
 * const network = sequential([28, 28, 1], [
 *   conv2d("conv1", { filters: 16, kernel: 5, stride: 2 }), relu,
 *   flatten,
 *   linear("output", 10),
 * ]);
 * const weights = network.init(stream(seed).fork("init"));
 * const logits = network.apply<tf.Tensor2D>(weights, images); // and network.rows, network.parameters
 * ```
 *
 * For users of PyTorch and Keras: a layer holds no weights. It is a description, and its weights stand in one flat
 * table by name ("conv1/kernel"), which `init` allocates and `apply` is given. Images are [batch, height, width,
 * channels], as in Keras; layer tables print channels first, as the assignments do.
 */
import * as tf from "@tensorflow/tfjs";
import type { Random } from "../base/random.ts";
import { inGigabytes, MOST_BYTES, TooLarge } from "../base/too_large.ts";
import type { Weights } from "../engine/optimizers.ts";
import type { Draw } from "../engine/random.ts";
import { namedVariable } from "../engine/variable.ts";

/** Extents without the batch: [units], [height, width, channels], [time, units]. */
export type Shape = readonly number[];

/** A row of a network's layer table, as in the first assignment's Table 1. */
export interface LayerRow {
  readonly type: string;
  /** Shape of the weight, inputs first. */
  readonly weight?: string;
  readonly stride?: number;
  /** Where both sides differ, a text such as "1, 2". */
  readonly padding?: number | string;
  /** Shape of the output, N being the batch. */
  readonly output: string;
}

/** One of a layer's weights. */
export interface WeightSpec {
  readonly shape: Shape;
  /**
   * Its first values. `random` is the generator of the weights whose names differ in the last part only
   * ("conv1/kernel", "conv1/bias"), which draw from it in the order in which they are listed.
   */
  readonly start: (random: Random) => Float32Array;
  /**
   * Trained weights get gradients; frozen ones count as parameters too; buffers (running statistics) do not, but are
   * saved. Absent: trained.
   */
  readonly role?: "trained" | "frozen" | "buffer";
}

/** Weights or what stands for them, such as their averages, by name. */
export type Values = Readonly<Record<string, tf.Tensor>>;

/**
 * What a layer is given while it learns; absent, it is being evaluated. Layers that draw fork `random` by their name;
 * `counter`, an int32 scalar that is an input of the compiled step, numbers the steps.
 */
export type Training = Draw;

/** A layer that knows what goes in. */
export interface Layer {
  readonly rows: readonly LayerRow[];
  readonly output: Shape;
  /** By name, "conv1/kernel", in the order in which they are stored. Absent: none. */
  readonly weights?: Readonly<Record<string, WeightSpec>>;
  /** [B, ...input] -> [B, ...output]. */
  readonly apply: (weights: Values, x: tf.Tensor, training?: Training) => tf.Tensor;
}

/**
 * A layer for any input that fits.
 *
 * @throws {RangeError} naming the layer, where the input does not fit.
 */
export type LayerMaker = (input: Shape) => Layer;

/** A whole network. */
export interface Network {
  readonly input: Shape;
  readonly output: Shape;
  /** The layer table, its first row the input. */
  readonly rows: readonly LayerRow[];
  /** How many numbers are weights, buffers not among them. */
  readonly parameters: number;
  /**
   * Allocates the weights. Each layer draws from a generator that is forked by its name, so that adding one moves no
   * other. Those that are not trained are variables with `trainable` false. The caller disposes them.
   *
   * @throws {TooLarge} where they do not fit into memory.
   */
  init(random: Random): Weights;
  /**
   * [B, ...input] -> [B, ...output]. As with tfjs's own operations the caller names the rank of the result, which
   * `output` decides.
   *
   * @throws {RangeError} where `x` is not of the shape that the network was made for.
   */
  apply<T extends tf.Tensor>(weights: Values, x: tf.Tensor, training?: Training): T;
}

/** The network that passes [B, ...input] from layer to layer. As Keras's Sequential, PyTorch's nn.Sequential. */
export function sequential(input: Shape, makers: readonly LayerMaker[]): Network {
  const chained = chain(...makers)(input), specs = Object.entries(chained.weights ?? {});
  const parameters = specs.reduce(
    (sum, [, spec]) => spec.role === "buffer" ? sum : sum + sizeOf(spec.shape),
    0,
  );
  return {
    input,
    output: chained.output,
    rows: [{ type: "Input", output: extents(input) }, ...chained.rows],
    parameters,
    init: (random) => {
      mustFit(parameters);
      return allocate(specs, random);
    },
    apply: <T extends tf.Tensor>(weights: Values, x: tf.Tensor, training?: Training): T => {
      mustBe(x, input, "the network's input");
      const missing = specs.find(([name]) => weights[name] === undefined)?.[0];
      if (missing !== undefined) {
        throw new RangeError(
          `Cannot apply the network as its weights must hold ${missing}: give those of init`,
        );
      }
      // The one cast of the ranks that tfjs's types know and shapes here do not.
      return tf.tidy(() => chained.apply(weights, x, training) as T);
    },
  };
}

/** Several layers as one, each fed by the one before. */
export function chain(...makers: readonly LayerMaker[]): LayerMaker {
  return (input) => {
    const layers: Layer[] = [], weights: Record<string, WeightSpec> = {};
    let shape = input;
    for (const maker of makers) {
      const layer = maker(shape);
      for (const [name, spec] of Object.entries(layer.weights ?? {})) {
        if (Object.hasOwn(weights, name)) {
          throw new RangeError(`Cannot build a network as names must differ: two layers have a ${name}`);
        }
        weights[name] = spec;
      }
      layers.push(layer);
      shape = layer.output;
    }
    return {
      rows: layers.flatMap(({ rows }) => rows),
      output: shape,
      weights,
      apply: (weights, x, training) =>
        layers.reduce((x, layer) => {
          const y = layer.apply(weights, x, training);
          mustBe(y, layer.output, `the output of ${layer.rows.at(-1)?.type ?? "a layer"}`);
          return y;
        }, x),
    };
  };
}

/** x + f(x), f being `makers` in a row: a residual block (He et al. 2016). Its last row says that it is added. */
export function residual(...makers: readonly LayerMaker[]): LayerMaker {
  return (input) => {
    const { rows, output, apply, ...rest } = chain(...makers)(input);
    if (String(output) !== String(input)) {
      throw new RangeError(
        `Cannot build a residual block as its output must have the input's shape [${input}]: it is [${output}]`,
      );
    }
    return {
      ...rest,
      output,
      rows: rows.map((row, at) => at === rows.length - 1 ? { ...row, type: `${row.type}, added` } : row),
      apply: (weights, x, training) => tf.add(x, apply(weights, x, training)),
    };
  };
}

/**
 * Several chains of layers beside each other, each fed the same image, [B, H, W, C] -> [B, H', W', C1 + C2 + ...]: their
 * outputs joined by channels, as in the blocks of Inception (Szegedy et al. 2015).
 */
export function parallel(...branches: readonly (readonly LayerMaker[])[]): LayerMaker {
  return (input) => {
    mustHaveAxes(input, ["height", "width", "channels"], "parallel branches");
    const layers = branches.map((makers) => chain(...makers)(input));
    const [[height, width]] = layers.map(({ output }) => output);
    for (const { output } of layers) {
      mustHaveAxes(output, ["height", "width", "channels"], "parallel branches");
      if (output[0] !== height || output[1] !== width) {
        throw new RangeError(
          `Cannot join parallel branches as all must give ${height}x${width}: one gives ${output[0]}x${
            output[1]
          }`,
        );
      }
    }
    const output = [height, width, layers.reduce((sum, layer) => sum + layer.output[2], 0)];
    return {
      rows: [
        ...layers.flatMap(({ rows }) => rows),
        { type: `${layers.length} branches joined`, output: extents(output) },
      ],
      output,
      weights: Object.assign({}, ...layers.map(({ weights }) => weights)),
      apply: (weights, x, training) => {
        const images = layers.map((layer) => layer.apply(weights, x, training));
        return tf.concat(images, 3);
      },
    };
  };
}

/** The same layer, its first row's type changed: `retitled((type) => "Encoder: " + type, conv2d(…))`. */
export function retitled(title: (type: string) => string, maker: LayerMaker): LayerMaker {
  return (input) => {
    const layer = maker(input);
    return {
      ...layer,
      rows: layer.rows.map((row, at) => at === 0 ? { ...row, type: title(row.type) } : row),
    };
  };
}

/** Those weights of a network that get gradients: what an optimizer is given. */
export function trained(weights: Weights): Weights {
  return Object.fromEntries(Object.entries(weights).filter(([, weight]) => weight.trainable));
}

/** A shape as layer tables print it, channels of images first: [14, 14, 16] as "N x 16 x 14 x 14". */
export function extents(shape: Shape): string {
  const ordered = shape.length === 3 ? [shape[2], shape[0], shape[1]] : shape;
  return ["N", ...ordered].join(" x ");
}

/** How many numbers a shape holds. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/** How often a weight is held while Adam trains it: itself and two moments, on the device and in tfjs, and a gradient. */
export const COPIES = 7;

/**
 * Makes sure that so many weights can be trained: to be called with those of all networks of a model, before the first
 * is allocated.
 *
 * @throws {TooLarge} where they do not fit into memory.
 */
export function mustFit(parameters: number): void {
  const bytes = 4 * COPIES * parameters;
  if (bytes <= MOST_BYTES) return;
  throw new TooLarge(
    `Cannot allocate ${parameters.toLocaleString("en-US")} weights as they and their training take ` +
      `${inGigabytes(bytes)}, and ${inGigabytes(MOST_BYTES)} is the most`,
  );
}

/** @throws {RangeError} where `layer` cannot be built, as its input has other axes than `axes` names. */
export function mustHaveAxes(input: Shape, axes: readonly string[], layer: string): void {
  if (input.length === axes.length) return;
  throw new RangeError(
    `Cannot build ${layer} as its input must be [${axes.join(", ")}]: current value is [${input.join(", ")}]`,
  );
}

function mustBe(x: tf.Tensor, shape: Shape, what: string): void {
  if (String(x.shape.slice(1)) === String(shape) && x.rank === shape.length + 1) return;
  throw new RangeError(
    `Cannot apply the network as ${what} must be [${["batch", ...shape].join(", ")}]: current value is [${
      x.shape.join(", ")
    }]`,
  );
}

function allocate(specs: readonly (readonly [string, WeightSpec])[], random: Random): Weights {
  const streams = new Map<string, Random>();
  return Object.fromEntries(specs.map(([name, { shape, start, role = "trained" }]) => {
    const layer = name.slice(0, Math.max(0, name.lastIndexOf("/")));
    const stream = streams.get(layer) ?? random.fork(layer);
    streams.set(layer, stream);
    const trainable = role === "trained";
    return [name, tf.tidy(() => namedVariable(name, tf.tensor(start(stream), [...shape]), { trainable }))];
  }));
}
