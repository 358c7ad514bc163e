/** `deno task optimizers-on-a-line`: gradient descent and Adam on functions of one number, every quantity drawn. */
import * as tf from "@tensorflow/tfjs";
import { engineAdam } from "../analysis/engine_adam.ts";
import {
  ABSOLUTE,
  type AdamStep,
  adamSteps,
  BUMP_START,
  descend,
  landscape,
  largestBumpEscaped,
  type LineFunction,
  RELU,
  SIGMOID,
} from "../analysis/optimizers_on_a_line.ts";
import type { Block, Reference } from "../report/html.ts";
import { configureExercise, exerciseFlags, openCpu } from "../run/exercise.ts";
import { runTask } from "../run/task.ts";
import { writePage } from "../run/write_report.ts";

const RATE = 0.3;
const STEPS = 30;
/** The bump of the first question; Adam's own limit lies below it. */
const HEIGHT = 0.5;
/** The heights on both sides of Adam's limit that are drawn. */
const LOW = 0.41;
const HIGH = 0.42;
/** Where the three functions are started. */
const START = 2;
/** So many steps are enough to see whether a bump holds: what has not crossed it by then swings below it for good. */
const PATIENCE = 1000;
/** The time that shows where a walk ends. */
const LONG = 3000;

const ADAM: Reference = {
  key: "adam",
  authors: "D. P. Kingma, J. Ba",
  year: 2015,
  title: "Adam: A Method for Stochastic Optimization",
  venue: "ICLR",
  url: "https://arxiv.org/abs/1412.6980",
};

/** Adam's walk, and the same by the engine. */
interface Walk {
  readonly name: string;
  readonly steps: readonly AdamStep[];
  /** Largest difference of x from the engine's, over all steps. */
  readonly difference: number;
}

function walk(
  name: string,
  f: LineFunction,
  { start, slope }: { readonly start: number; readonly slope: (x: tf.Scalar) => tf.Tensor },
): Walk {
  const options = { start, rate: RATE, steps: STEPS };
  const steps = adamSteps(f, options), engine = engineAdam(slope, options);
  const difference = Math.max(...steps.map(({ x }, index) => Math.abs(x - engine[index])));
  return { name, steps, difference };
}

/** Everything that Adam computes, against t, in one plot. */
function plotOf({ name, steps }: Walk, caption: string): Block {
  const t = steps.map((step) => step.t);
  const series =
    ([["g", "g"], ["m", "m"], ["v", "v"], ["m-hat", "mHat"], ["v-hat", "vHat"], ["x", "x"]] as const)
      .map(([label, key]) => ({ name: label, x: t, y: steps.map((step) => step[key]) }));
  return {
    kind: "plot",
    plot: { title: name, x: { label: "t", unit: "steps" }, y: { label: "value" }, series },
    caption,
  };
}

function paragraph(text: string): Block {
  return { kind: "paragraph", text };
}

function xs(walk: readonly { readonly x: number }[]): number[] {
  return walk.map(({ x }) => x);
}

/** The slope of a function that tfjs differentiates. */
function derivative(f: (x: tf.Tensor) => tf.Tensor): (x: tf.Scalar) => tf.Tensor {
  return (x) => tf.grad(f)(x);
}

/** The slope of the landscape, which is no tfjs function. */
function given(f: LineFunction): (x: tf.Scalar) => tf.Tensor {
  return (x) => tf.scalar(f.slope(x.dataSync()[0]));
}

function list(values: readonly number[], digits = 2): string {
  return values.map((value) => value.toFixed(digits)).join(", ");
}

if (import.meta.main) {
  await runTask({
    name: "optimizers-on-a-line",
    summary:
      "Follow gradient descent and Adam on functions of one number, and find the largest bump that Adam escapes.",
    flags: exerciseFlags,
    run: async (_flags, run) => {
      await openCpu();
      const content = JSON.stringify({ RATE, STEPS, HEIGHT, LOW, HIGH, START });
      await configureExercise(run, { name: "functions", count: 4, content });
      const onBump = (height: number, steps: number) =>
        adamSteps(landscape(height), { start: 0, rate: RATE, steps });

      const plain = descend(landscape(HEIGHT), { start: 0, rate: RATE, steps: STEPS });
      const plainLimit = largestBumpEscaped((height) =>
        descend(landscape(height), { start: 0, rate: RATE, steps: PATIENCE }).x
      );
      const limit = largestBumpEscaped((height) => xs(onBump(height, PATIENCE)));
      const bump = (height: number) =>
        walk(`bump of height ${height}`, landscape(height), { start: 0, slope: given(landscape(height)) });
      const low = bump(LOW), high = bump(HIGH);
      const relu = walk("ReLU(x)", RELU, { start: START, slope: derivative(tf.relu) });
      const sigmoid = walk("sigmoid(x)", SIGMOID, { start: START, slope: derivative(tf.sigmoid) });
      const absolute = walk("|x|", ABSOLUTE, { start: START, slope: derivative(tf.abs) });
      const walks = [low, high, relu, sigmoid, absolute];
      const difference = Math.max(...walks.map((walk) => walk.difference));

      run.note(`gradient descent on a bump of ${HEIGHT}: ${list(plain.x.slice(0, 8))}, ...`);
      run.note(`largest bump gradient descent escapes: ${plainLimit.toFixed(2)}`);
      // Rounded down: a bump of the rounded height must still be one that is escaped.
      run.note(`largest bump escaped: ${(Math.floor(limit * 100) / 100).toFixed(2)}`);
      for (const { name, steps } of walks) {
        run.note(`Adam on ${name}: x after ${STEPS} steps is ${steps[STEPS - 1].x.toFixed(4)}`);
      }
      run.note(`largest difference of x from the engine's Adam: ${difference.toExponential(2)}`);

      const summit = Math.max(...xs(high.steps)), turn = xs(high.steps).indexOf(summit) + 1;
      const climbed = low.steps.filter(({ g }) => g === 1), speed = low.steps[STEPS - 1];
      const long = (f: LineFunction) => adamSteps(f, { start: START, rate: RATE, steps: LONG })[LONG - 1].x;
      const crossing = relu.steps.findIndex(({ x }) => x < 0) + 1;
      const plainSigmoid = descend(SIGMOID, { start: START, rate: RATE, steps: STEPS }).x[STEPS];
      const turns = absolute.steps.filter(({ x, t }) => {
        const before = absolute.steps[t - 2]?.x, after = absolute.steps[t]?.x;
        return before !== undefined && after !== undefined && (x - before) * (after - x) < 0;
      });
      await writePage(run, {
        title: "Optimizers on a line",
        abstract:
          "Gradient descent and Adam, written from scratch, on a slope with a bump and on three functions of one " +
          "number: what every quantity of the algorithm does from step to step.",
        figures: [
          {
            label: "largest bump escaped",
            value: (Math.floor(limit * 100) / 100).toFixed(2),
            note: `Adam, ${limit.toFixed(5)} before rounding down`,
          },
          {
            label: "largest bump escaped by gradient descent",
            value: plainLimit.toFixed(2),
            note: "one step crosses it",
          },
          {
            label: "difference from the engine's Adam",
            value: difference.toExponential(1),
            note: "largest, of x",
          },
        ],
        sections: [
          {
            title: "Gradient descent on the bump",
            blocks: [
              {
                kind: "plot",
                plot: {
                  x: { label: "t", unit: "steps" },
                  y: { label: "value" },
                  series: [
                    { name: "x", x: plain.x.map((_, t) => t), y: plain.x },
                    { name: "g", x: plain.slope.map((_, t) => t + 1), y: plain.slope },
                  ],
                },
                caption: `Height ${HEIGHT}, rate ${RATE}, ${STEPS} steps from x = 0.`,
              },
              paragraph(
                `Every slope is 1 or -1, so every step is ${RATE} long. The walk goes ${
                  list(plain.x.slice(0, 5))
                }; ` +
                  `there it stands on the bump, is sent back to ${
                    plain.x[5].toFixed(2)
                  }, and from then on it swings ` +
                  `between ${plain.x[29].toFixed(2)} and ${
                    plain.x[30].toFixed(2)
                  }, on both sides of the local ` +
                  `minimum at ${BUMP_START}, for ever: the rate neither shrinks nor remembers. It gets past a bump ` +
                  `only by stepping over the whole of it, which a height up to ${
                    plainLimit.toFixed(2)
                  } allows.`,
              ),
            ],
          },
          {
            title: "Adam on the bump",
            blocks: [
              paragraph(
                "Adam [@adam] with rate 0.3, beta 0.9 and 0.999, and epsilon 0. " +
                  `The largest bump that it escapes is ${
                    limit.toFixed(5)
                  } high, found by bisection: 0.41 to two ` +
                  "decimals. Of 200 heights from 0.01 to 2.00 all below are escaped from and none above.",
              ),
              plotOf(low, `Height ${LOW}: it escapes. ${STEPS} steps from x = 0.`),
              plotOf(high, `Height ${HIGH}: it is held. ${STEPS} steps from x = 0.`),
              paragraph(
                "As long as |g| is 1, v-hat is exactly 1, so a step is 0.3 times m-hat: Adam here is descent with a " +
                  `momentum. Four steps downhill bring x to ${
                    high.steps[3].x.toFixed(2)
                  }, onto the bump, with m-hat ` +
                  `at ${high.steps[3].mHat.toFixed(0)}. One slope of +1 turns m-hat only to ` +
                  `${high.steps[4].mHat.toFixed(3)}, so x still climbs, to ${
                    high.steps[4].x.toFixed(3)
                  } and ` +
                  `${high.steps[5].x.toFixed(4)}; at t = ${turn} it is at its highest, ${
                    summit.toFixed(5)
                  }, and this ` +
                  `is the top of the largest bump escaped. A bump of ${LOW} ends at ${
                    (BUMP_START + LOW).toFixed(2)
                  }, ` +
                  `below it: after ${climbed.length} steps uphill the slope is -1 again, m falls towards -1 and x runs ` +
                  `away, by ${
                    (speed.x - low.steps[STEPS - 2].x).toFixed(3)
                  } in the last step. A bump of ${HIGH} is ` +
                  `${
                    (BUMP_START + HIGH - summit).toFixed(4)
                  } too high: m-hat changes its sign, and x swings about ` +
                  `${BUMP_START} (from ${Math.min(...xs(high.steps.slice(turn))).toFixed(2)} to ` +
                  `${
                    Math.max(...xs(high.steps.slice(turn + 3))).toFixed(2)
                  } after it). m itself is a tenth of g at ` +
                  "first and v a thousandth: the corrections make full steps of the first ones.",
              ),
            ],
          },
          {
            title: "Adam on three functions",
            blocks: [
              plotOf(relu, `From x = ${START}, rate ${RATE}, ${STEPS} steps.`),
              paragraph(
                `ReLU: the slope is 1, and x falls by ${RATE} a step until step ${crossing} leads below 0, to ` +
                  `${
                    relu.steps[crossing - 1].x.toFixed(2)
                  }. There the slope is 0 and the minimum is reached, but m ` +
                  `only shrinks by a tenth a step, and x coasts on, to ${
                    relu.steps[STEPS - 1].x.toFixed(3)
                  } after ` +
                  `${STEPS} steps and to ${long(RELU).toFixed(3)} in the end. v-hat falls, too ` +
                  `(${
                    relu.steps[STEPS - 1].vHat.toFixed(3)
                  } after ${STEPS} steps), as the mean of g² over more and ` +
                  "more steps of which only the first were not 0; that makes the coasting longer.",
              ),
              plotOf(sigmoid, `From x = ${START}, rate ${RATE}, ${STEPS} steps.`),
              paragraph(
                `Sigmoid: the slope is small everywhere (${
                  sigmoid.steps[0].g.toFixed(3)
                } at the start, at most ` +
                  `${
                    Math.max(...sigmoid.steps.map(({ g }) => g)).toFixed(3)
                  }), and Adam does not care: it divides by ` +
                  `the root of v-hat, so the first step is ${
                    (START - sigmoid.steps[0].x).toFixed(2)
                  } long all the ` +
                  `same. x reaches ${
                    sigmoid.steps[STEPS - 1].x.toFixed(2)
                  } after ${STEPS} steps, where plain gradient ` +
                  `descent at the same rate is at ${
                    plainSigmoid.toFixed(2)
                  }. There is no minimum: the slope dies out ` +
                  `(${
                    sigmoid.steps[STEPS - 1].g.toFixed(4)
                  } at the end), and with it m, so the walk slows, at ` +
                  `${long(SIGMOID).toFixed(2)} after ${LONG} steps.`,
              ),
              plotOf(absolute, `From x = ${START}, rate ${RATE}, ${STEPS} steps.`),
              paragraph(
                `|x|: as on the bump |g| is 1 and v-hat is 1. x falls by ${RATE} a step, past the minimum at 0 to ` +
                  `${
                    Math.min(...xs(absolute.steps)).toFixed(3)
                  }, because m must first forget the way there; then it ` +
                  `swings with turning points ${
                    turns.map(({ x, t }) => `${x.toFixed(3)} (t = ${t})`).join(", ")
                  }. ` +
                  `The swings shrink, as m averages slopes of both signs; after ${LONG} steps x is ` +
                  `${long(ABSOLUTE).toFixed(3)}. It never comes to rest, for v-hat stays 1 and the rate 0.3.`,
              ),
              paragraph(
                "Epsilon is 0 here, so a step could be 0/0: m-hat and v-hat are both 0 as long as every slope was 0. " +
                  "Such a step is taken as 0, which is its value for every epsilon above 0: a coordinate that never " +
                  "had a slope stays (ReLU from x = -1). As soon as one slope was not 0, v stays above 0 and the case " +
                  "cannot arise. The engine's Adam, in float32 with the slopes of TensorFlow.js's differentiation, " +
                  `leads to the same x within ${
                    difference.toExponential(1)
                  } at every step of all five walks; ` +
                  "float32 holds 0.999 to 6e-8, which is 6e-5 of the 0.001 that v is divided by at first.",
              ),
            ],
          },
        ],
        references: [ADAM],
      });
      await run.finish({
        metrics: {
          largest_bump_escaped: limit,
          largest_bump_escaped_by_descent: plainLimit,
          engine_difference: difference,
          relu_x: relu.steps[STEPS - 1].x,
          sigmoid_x: sigmoid.steps[STEPS - 1].x,
          absolute_x: absolute.steps[STEPS - 1].x,
        },
        parameters: 0,
      });
      run.note(`see ${run.path("report.html")}`);
    },
  });
}
