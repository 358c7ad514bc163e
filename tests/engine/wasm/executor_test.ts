import { stream } from "../../../base/random.ts";
import { type Shape, sizeOf, type Value } from "../../../engine/graph.ts";
import { ELEMENTWISE, type Elementwise } from "../../../engine/program.ts";
import { EXACT } from "../accuracy.ts";
import { biased, identity, matmul, plain } from "../builder.ts";
import { Devices, numbers } from "./compare.ts";

const CLOSE = { relative: 2e-6, absolute: 1e-6 };

/** What float32 operations are tried on. */
const EDGES = [
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  2,
  -2,
  1.5,
  -2.5,
  3,
  7,
  -7,
  1e-3,
  20,
  -20,
  100,
  -100,
  1e-40,
  3e38,
  -3e38,
];
const SPECIAL = [...EDGES, NaN, Infinity, -Infinity];

Deno.test("maps equal the reference on 1, 2 and 4 threads", async (t) => {
  await using devices = await Devices.open();
  await t.step("every operation on float32", async () => {
    for (const [op, { arity }] of Object.entries(ELEMENTWISE)) {
      // Trigonometric functions of huge numbers, and powers, are tested in math_test.ts.
      const values = /^(sin|cos|tan)$/.test(op) ? EDGES.filter((x) => Math.abs(x) < 1e6) : SPECIAL;
      const pairs = values.flatMap((x) => values.map((y) => [x, y]));
      const x = Float32Array.from(pairs, (pair) => pair[0]), y = Float32Array.from(pairs, (pair) => pair[1]);
      await devices.check(op, CLOSE, (builder, input) => {
        const operands = [input(x, [x.length]), input(y, [x.length]), input(x, [x.length])].slice(0, arity);
        return [builder.map(op as Elementwise, ...operands)];
      });
    }
  });
  await t.step("every operation on int32 that has a whole result", async () => {
    const values = [0, 1, -1, 2, 3, -3, 7, -8, 100, 2 ** 31 - 1, -(2 ** 31)];
    const pairs = values.flatMap((x) => values.map((y) => [x, y]));
    const x = Int32Array.from(pairs, (pair) => pair[0]), y = Int32Array.from(pairs, (pair) => pair[1]);
    const whole: Elementwise[] = [
      "neg",
      "abs",
      "sign",
      "step",
      "square",
      "relu",
      "relu6",
      "add",
      "sub",
      "mul",
      "floor_div",
      "mod",
    ];
    whole.push(
      "min",
      "max",
      "equal",
      "not_equal",
      "greater",
      "greater_equal",
      "less",
      "less_equal",
      "and",
      "or",
      "xor",
    );
    whole.push("not", "select", "to_float32", "to_bool", "floor", "div", "prelu");
    for (const op of whole) {
      await devices.check(`int32 ${op}`, EXACT, (builder, input) => {
        const operands = [input(x, [x.length]), input(y, [x.length]), input(x, [x.length])];
        return [builder.map(op, ...operands.slice(0, ELEMENTWISE[op].arity))];
      });
    }
  });
  await t.step("broadcasts", async () => {
    const shapes: [Shape, Shape][] = [
      [[], []],
      [[1], [5]],
      [[3, 1], [1, 7]],
      [[65, 33], [33]],
      [[65, 33], [65, 1]],
      [[2, 3, 4, 5], [3, 1, 5]],
      [[1, 3, 1, 5], [2, 1, 4, 1]],
      [[129, 517], []],
      [[3, 5000], [3, 1]],
    ];
    for (const [a, b] of shapes) {
      await devices.check(`add [${a}] [${b}]`, EXACT, (builder, input) => [
        builder.map("add", input(numbers(a), a), input(numbers(b), b)),
      ]);
    }
  });
  await t.step("several instances of one program", async () => {
    await devices.check("maps", EXACT, (builder, input) => {
      const shapes: Shape[] = [[3, 5], [], [4097], [64, 65]];
      const program = {
        operands: 2,
        instructions: [{ op: "add", args: [0, 1], dtype: "float32" }, {
          op: "mul",
          args: [0, 2],
          dtype: "float32",
        }],
        results: [2, 3],
      } as const;
      const scalar = input(numbers([]), []);
      const inputs = shapes.flatMap((shape) => [input(numbers(shape), shape), scalar]);
      return builder.node({ kind: "maps", program, count: shapes.length }, inputs);
    });
  });
});

Deno.test("reductions equal the reference on 1, 2 and 4 threads", async (t) => {
  await using devices = await Devices.open();
  const cases: [Shape, number[]][] = [
    [[], []],
    [[7], [0]],
    [[100_003], [0]],
    [[5, 9], [0]],
    [[5, 9], [1]],
    [[5, 9], [0, 1]],
    [[128, 512], [0]],
    [[128, 512], [1]],
    [[3, 40_001], [1]],
    [[5003, 3], [0]],
    [[700, 700], [0]],
    [[4, 5, 6], [1]],
    [[4, 5, 6], [0, 2]],
    [[4, 5, 6, 7], [1, 3]],
    [[4, 5, 6, 7], [0, 2]],
    [[1, 8, 1], [0, 2]],
    [[2, 3, 1500], [1]],
  ];
  for (const reducer of ["sum", "max", "min", "prod"] as const) {
    await t.step(reducer, async () => {
      for (const [domain, axes] of cases) {
        const x = numbers(domain);
        if (reducer === "prod") { for (let i = 0; i < x.length; i++) x[i] = 1 + x[i] / 1000; }
        await devices.check(
          `${reducer} [${domain}] over [${axes}]`,
          { relative: 1e-5, absolute: 1e-4 },
          (builder, input) => {
            return [
              builder.one({ kind: "reduce", reducer, domain, axes, program: identity }, [input(x, domain)]),
            ];
          },
        );
      }
    });
  }
  await t.step("a program of broadcast operands", async () => {
    const program = {
      operands: 2,
      instructions: [{ op: "mul", args: [0, 1], dtype: "float32" }],
      results: [2],
    } as const;
    for (const [domain, axes] of cases) {
      const other = domain.map((extent, axis) => axis % 2 ? extent : 1);
      await devices.check(
        `[${domain}] * [${other}] over [${axes}]`,
        { relative: 1e-5, absolute: 1e-4 },
        (builder, input) => [
          builder.one({ kind: "reduce", reducer: "sum", domain, axes, program }, [
            input(numbers(domain), domain),
            input(numbers(other), other),
          ]),
        ],
      );
    }
  });
  await t.step("int32, and NaN", async () => {
    await devices.check(
      "int32 sum",
      EXACT,
      (builder, input) => [builder.sum(input(numbers([9, 70], "int32"), [9, 70]), [1])],
    );
    await devices.check("max of NaN", EXACT, (builder, input) => {
      const x = numbers([3, 9]);
      x[4] = NaN;
      return [
        builder.one({ kind: "reduce", reducer: "max", domain: [3, 9], axes: [1], program: identity }, [
          input(x, [3, 9]),
        ]),
      ];
    });
  });
  await t.step("the index of the largest and the smallest", async () => {
    for (const reducer of ["max", "min"] as const) {
      for (const axis of [0, 1, 2]) {
        await devices.check(`arg${reducer}`, EXACT, (builder, input) => [
          builder.one({ kind: "argreduce", reducer, axis }, [input(numbers([4, 5, 6], "int32"), [4, 5, 6])]),
          builder.one({ kind: "argreduce", reducer, axis }, [input(numbers([4, 5, 6]), [4, 5, 6])]),
        ]);
      }
    }
  });
});

Deno.test("matrix products equal the reference on 1, 2 and 4 threads", async (t) => {
  await using devices = await Devices.open();
  const sizes = [[1, 1, 1], [1, 64, 40], [2, 3, 5], [3, 300, 37], [12, 4, 4], [13, 7, 9], [48, 64, 64], [
    100,
    257,
    33,
  ]];
  sizes.push([5, 600, 530], [8, 40, 130], [128, 30, 8], [65, 520, 66], [5, 0, 9]);
  for (const transposeA of [false, true]) {
    for (const transposeB of [false, true]) {
      await t.step(
        `${transposeA ? "transposed" : "plain"} times ${transposeB ? "transposed" : "plain"}`,
        async () => {
          for (const [m, k, n] of sizes) {
            const a = transposeA ? [k, m] : [m, k], b = transposeB ? [n, k] : [k, n];
            await devices.check(`[${a}] x [${b}]`, { relative: 1e-5, absolute: 1e-4 }, (builder, input) => [
              builder.one(matmul(transposeA, transposeB), [
                input(numbers(a), a),
                input(numbers(b), b),
              ]),
            ]);
          }
        },
      );
    }
  }
  await t.step("batches", async () => {
    const cases: [Shape, Shape][] = [
      [[5, 7, 9], [5, 9, 4]],
      [[5, 7, 9], [9, 4]],
      [[7, 9], [3, 9, 40]],
      [[2, 1, 7, 9], [3, 9, 4]],
      [[1, 3, 7, 9], [2, 1, 9, 4]],
    ];
    for (const [a, b] of cases) {
      await devices.check(`[${a}] x [${b}]`, { relative: 1e-5, absolute: 1e-4 }, (builder, input) => [
        builder.one(matmul(false, false), [
          input(numbers(a), a),
          input(numbers(b), b),
        ]),
      ]);
    }
  });
  await t.step("epilogues", async () => {
    const epilogue = {
      operands: 4,
      instructions: [
        { op: "add", args: [0, 1], dtype: "float32" },
        { op: "relu", args: [4], dtype: "float32" },
        { op: "mul", args: [5, 2], dtype: "float32" },
        { op: "sub", args: [6, 3], dtype: "float32" },
      ],
      results: [7],
    } as const;
    const cases: [Shape, Shape, Shape[]][] = [
      [[50, 30], [30, 70], [[70], [50, 70], []]],
      [[2, 30], [30, 70], [[70], [2, 1], [1, 1]]],
      [[3, 20, 30], [30, 9], [[9], [3, 20, 9], [3, 1, 9]]],
      [[3, 20, 30], [3, 30, 9], [[9], [3, 20, 1], [3, 1, 9]]],
      [[300, 30], [30, 1], [[1], [300, 1], []]],
      [[50, 0], [0, 70], [[70], [50, 1], []]],
    ];
    for (const [a, b, others] of cases) {
      await devices.check(
        `[${a}] x [${b}] with [${others.join("] [")}]`,
        { relative: 1e-5, absolute: 1e-4 },
        (builder, input) => [
          builder.one(matmul(false, false, epilogue), [
            input(numbers(a), a),
            input(numbers(b), b),
            ...others.map((shape) => input(numbers(shape), shape)),
          ]),
        ],
      );
    }
  });
});

Deno.test("bags of rows equal the reference on 1, 2 and 4 threads, and products with one-hot rows to the bit", async () => {
  await using devices = await Devices.open();
  const sizes = [[1, 1, 1, 1], [5, 3, 2, 7], [13, 2, 5, 33], [300, 4, 9, 64], [40, 70, 3, 100], [
    9,
    1,
    300,
    300,
  ]];
  for (const [batch, places, symbols, columns] of [...sizes, [0, 2, 3, 4], [3, 0, 0, 5]]) {
    const tokens = numbers([batch, places], "int32").map((token) =>
      Math.abs(token) % (symbols + 1) - token % 2
    );
    const bits = new Float32Array(batch * places * symbols);
    tokens.forEach((token, at) => {
      if (token >= 0 && token < symbols) bits[at * symbols + token] = 1;
    });
    const kernel = numbers([places * symbols, columns]),
      dy = numbers([batch, columns]),
      bias = numbers([columns]);
    const hot: Shape = [batch, places * symbols];
    // Two sums, their difference from products that must give the same bits, and an epilogue.
    await devices.check(
      `[${batch}, ${places}] of ${symbols}`,
      { relative: 1e-5, absolute: 1e-4 },
      (builder, input) => {
        const given = [
          input(tokens, [batch, places]),
          input(kernel, [places * symbols, columns]),
          input(dy, [batch, columns]),
          input(bits, hot),
          input(bias, [columns]),
        ];
        const bag = builder.one({ kind: "embedding_bag" }, [given[0], given[1]]);
        const gradient = builder.one({ kind: "embedding_bag_grad" }, [given[0], given[2]], given[1].shape);
        return [
          bag,
          gradient,
          builder.one({ kind: "embedding_bag", epilogue: biased }, [given[0], given[1], given[4]]),
          builder.map("not_equal", bag, builder.matmul(given[3], given[1])),
          builder.map("not_equal", gradient, builder.matmul(given[3], given[2], { a: true })),
        ];
      },
    );
  }
});

Deno.test("moves of elements equal the reference on 1, 2 and 4 threads", async (t) => {
  await using devices = await Devices.open();
  await t.step("copies", async () => {
    const cases: [Shape, Shape, number[], number][] = [
      [[5, 9], [9, 5], [1, 9], 0],
      [[40, 33], [33, 40], [1, 33], 0],
      [[4, 5, 6], [6, 4, 5], [1, 30, 6], 0],
      [[4, 5, 6], [5, 6, 4], [6, 1, 30], 0],
      [[4, 5, 6], [4, 6, 5], [30, 1, 6], 0],
      [[20, 9], [3, 4], [9, 1], 22],
      [[7], [7], [-1], 6],
      [[3], [2, 3, 2], [0, 1, 0], 0],
      [[], [4], [0], 0],
      [[9000], [9000], [1], 0],
      [[1, 5], [5, 1], [1, 5], 0],
    ];
    for (const [from, to, strides, offset] of cases) {
      await devices.check(`copy [${from}] to [${to}]`, EXACT, (builder, input) => [
        builder.copy(input(numbers(from), from), to, strides, offset),
      ]);
    }
  });
  await t.step("concat and pad", async () => {
    for (const axis of [0, 1, 2]) {
      const shapes = [1, 3, 2].map((extent) => [4, 5, 6].map((size, i) => i === axis ? extent : size));
      await devices.check(`concat along ${axis}`, EXACT, (builder, input) => [
        builder.one({ kind: "concat", axis }, shapes.map((shape) => input(numbers(shape), shape))),
      ]);
    }
    await devices.check("pad", EXACT, (builder, input) => [
      builder.one({ kind: "pad", before: [1, 0, 2], value: -1.5 }, [input(numbers([2, 3, 4]), [2, 3, 4])], [
        3,
        5,
        6,
      ]),
    ]);
  });
  await t.step("gather and scatter", async () => {
    for (const axis of [0, 1, 2]) {
      await devices.check(`gather along ${axis}`, EXACT, (builder, input) => [
        builder.one({ kind: "gather", axis }, [
          input(numbers([4, 5, 6]), [4, 5, 6]),
          input(Int32Array.of(0, 3, 2, 9, -1, 1), [3, 2]),
        ]),
      ]);
    }
    for (const shape of [[6], [6, 3], [6, 2, 5]]) {
      await devices.check("scatter", CLOSE, (builder, input) => [
        builder.one(
          { kind: "scatter", reducer: "sum" },
          [input(Int32Array.of(0, 3, 2, 3, 0, 3), [6]), input(numbers(shape), shape)],
          [5, ...shape.slice(1)],
        ),
      ]);
    }
  });
});

Deno.test("softmax and cross-entropy equal the reference on 1, 2 and 4 threads", async () => {
  await using devices = await Devices.open();
  for (const shape of [[1, 1], [3, 4], [5, 10], [7, 33], [40, 3]]) {
    await devices.check(`softmax [${shape}]`, CLOSE, (builder, input) => {
      const x = input(numbers(shape), shape);
      return [
        builder.one({ kind: "softmax", log: false }, [x]),
        builder.one({ kind: "softmax", log: true }, [x]),
      ];
    });
    await devices.check(`softmax_cross_entropy [${shape}]`, CLOSE, (builder, input) => {
      const targets = numbers(shape).map((x) => Math.abs(x));
      return builder.node({ kind: "softmax_cross_entropy" }, [
        input(numbers(shape), shape),
        input(targets, shape),
      ]);
    });
  }
  const far = Float32Array.of(1e4, -1e4, 3, -1e30, 0, 1), one = Float32Array.of(1, 0, 0, 0, 0, 1);
  await devices.check("softmax of far numbers", CLOSE, (builder, input) => [
    builder.one({ kind: "softmax", log: false }, [input(far, [2, 3])]),
    ...builder.node({ kind: "softmax_cross_entropy" }, [input(far, [2, 3]), input(one, [2, sizeOf([3])])]),
  ]);
});

Deno.test("convolutions and pooling equal the reference on 1, 2 and 4 threads", async (t) => {
  await using devices = await Devices.open();
  const SUMS = { relative: 1e-5, absolute: 2e-4 };
  // x, taps and output channels, strides, padding, dilation, output rows and columns.
  type Case = [
    Shape,
    [number, number, number],
    [number, number],
    [number, number],
    [number, number],
    [number, number],
  ];
  const cases: Case[] = [
    [[2, 5, 6, 3], [3, 3, 4], [1, 1], [1, 1], [1, 1], [5, 6]],
    [[1, 7, 7, 1], [3, 2, 5], [2, 2], [0, 0], [1, 1], [3, 3]],
    [[3, 9, 8, 8], [4, 4, 12], [2, 2], [1, 1], [1, 1], [4, 4]],
    [[2, 9, 9, 2], [3, 3, 3], [1, 1], [2, 2], [2, 2], [9, 9]],
    [[2, 6, 6, 16], [1, 1, 7], [1, 1], [0, 0], [1, 1], [6, 6]],
    [[2, 6, 6, 5], [1, 1, 3], [2, 2], [0, 0], [1, 1], [3, 3]],
    [[2, 28, 28, 1], [5, 5, 6], [3, 2], [2, 2], [1, 1], [10, 14]],
    [[1, 4, 4, 40], [3, 3, 20], [1, 1], [1, 1], [1, 1], [4, 4]],
    // Few channels under deep filters: windows that overlap, leave gaps, reach beyond the image.
    [[3, 8, 10, 3], [4, 4, 16], [2, 2], [1, 1], [1, 1], [4, 5]],
    [[2, 9, 7, 2], [3, 2, 9], [1, 3], [2, 1], [2, 1], [9, 3]],
    [[2, 7, 7, 5], [2, 2, 6], [3, 3], [0, 0], [1, 1], [2, 2]],
    [[1, 2, 2, 1], [5, 5, 8], [1, 1], [3, 3], [1, 1], [4, 4]],
    // Windows side by side: with places left over, across the border, and of more than four.
    [[2, 7, 7, 8], [2, 2, 4], [2, 2], [0, 0], [1, 1], [3, 3]],
    [[2, 6, 5, 4], [2, 2, 3], [2, 2], [1, 1], [1, 1], [4, 3]],
    [[2, 8, 10, 6], [3, 3, 4], [3, 3], [0, 0], [1, 1], [2, 3]],
  ];
  for (const [image, [kh, kw, depth], strides, padding, dilation, plane] of cases) {
    const window = { strides, padding, dilation } as const, channels = image[3];
    const filter = [kh, kw, channels, depth], out = [image[0], ...plane, depth];
    await t.step(`[${image}] with ${kh}x${kw}, stride ${strides}`, async () => {
      const what = `x [${image}], filter [${filter}]`;
      await devices.check(`conv2d ${what}`, SUMS, (builder, input) => [
        builder.one({ kind: "conv2d", window }, [
          input(numbers(image), image),
          input(numbers(filter), filter),
        ], out),
      ]);
      await devices.check(`conv2d_input_grad ${what}`, SUMS, (builder, input) => [
        builder.one({ kind: "conv2d_input_grad", window }, [
          input(numbers(out), out),
          input(numbers(filter), filter),
        ], image),
      ]);
      await devices.check(`conv2d_filter_grad ${what}`, SUMS, (builder, input) => [
        builder.one({ kind: "conv2d_filter_grad", window }, [
          input(numbers(image), image),
          input(numbers(out), out),
        ], filter),
      ]);
      for (const multiplier of [1, 2]) {
        const weights = [kh, kw, channels, multiplier], wide = [image[0], ...plane, channels * multiplier];
        await devices.check(`depthwise_conv2d ${what}`, SUMS, (builder, input) => [
          builder.one({ kind: "depthwise_conv2d", window }, [
            input(numbers(image), image),
            input(numbers(weights), weights),
          ], wide),
          builder.one(
            { kind: "depthwise_conv2d_input_grad", window },
            [input(numbers(wide), wide), input(numbers(weights), weights)],
            image,
          ),
          builder.one(
            { kind: "depthwise_conv2d_filter_grad", window },
            [input(numbers(image), image), input(numbers(wide), wide)],
            weights,
          ),
        ]);
      }
      const small = [image[0], ...plane, channels], size = [kh, kw] as const;
      await devices.check(`pool ${what}`, CLOSE, (builder, input) => {
        // Equal neighbours, so that the first of them matters, and some NaN; sums beyond 32 bits.
        const values = numbers(image).map((value, i) => (i % 7 === 0 ? NaN : Math.round(value)));
        const x = input(values, image), dy = input(numbers(small), small);
        const whole = input(numbers(image, "int32").map((value) => value * 2e8), image);
        return [
          builder.one({ kind: "pool", reducer: "max", size, window }, [whole], small),
          builder.one({ kind: "pool", reducer: "mean", size, window }, [whole], small),
          builder.one({ kind: "pool", reducer: "max", size, window }, [x], small),
          builder.one({ kind: "pool", reducer: "mean", size, window }, [x], small),
          builder.one({ kind: "pool_grad", reducer: "max", size, window }, [dy, x], image),
          builder.one({ kind: "pool_grad", reducer: "mean", size, window }, [dy], image),
        ];
      });
    });
  }
  await t.step("sums over nothing", async () => {
    await devices.check("no channels, no images", EXACT, (builder, input) => {
      const none = (...shape: number[]) => input(numbers(shape), shape);
      return [
        builder.one({ kind: "conv2d", window: plain, epilogue: biased }, [
          none(2, 5, 5, 0),
          none(3, 3, 0, 4),
          input(numbers([4]), [4]),
        ], [2, 3, 3, 4]),
        builder.one({ kind: "conv2d_input_grad", window: plain }, [none(2, 3, 3, 0), none(3, 3, 4, 0)], [
          2,
          5,
          5,
          4,
        ]),
        builder.one({ kind: "conv2d_filter_grad", window: plain }, [none(0, 5, 5, 3), none(0, 3, 3, 4)], [
          3,
          3,
          3,
          4,
        ]),
      ];
    });
  });
  await t.step("a filter's gradient over many places", async () => {
    const window = { strides: [1, 1], padding: [1, 1], dilation: [1, 1] } as const;
    await devices.check("conv2d_filter_grad", SUMS, (builder, input) => [
      builder.one({ kind: "conv2d_filter_grad", window }, [
        input(numbers([9, 16, 15, 2]), [9, 16, 15, 2]),
        input(numbers([9, 16, 15, 3]), [9, 16, 15, 3]),
      ], [3, 3, 2, 3]),
    ]);
  });
  await t.step("epilogues", async () => {
    const window = { strides: [2, 2], padding: [1, 1], dilation: [1, 1] } as const;
    const epilogue = {
      operands: 3,
      instructions: [{ op: "add", args: [0, 1], dtype: "float32" }, {
        op: "mul",
        args: [3, 2],
        dtype: "float32",
      }],
      results: [4],
    } as const;
    for (const other of [[2, 4, 4, 5], [1], [2, 1, 1, 5], [1, 4, 1, 1]]) {
      await devices.check(`conv2d with [${other}]`, SUMS, (builder, input) => [
        builder.one({ kind: "conv2d", window, epilogue }, [
          input(numbers([2, 8, 8, 3]), [2, 8, 8, 3]),
          input(numbers([4, 4, 3, 5]), [4, 4, 3, 5]),
          input(numbers([5]), [5]),
          input(numbers(other), other),
        ], [2, 4, 4, 5]),
        builder.one({ kind: "conv2d_input_grad", window, epilogue }, [
          input(numbers([2, 2, 2, 3]), [2, 2, 2, 3]),
          input(numbers([4, 4, 5, 3]), [4, 4, 5, 3]),
          input(numbers([5]), [5]),
          input(numbers(other), other),
        ], [2, 4, 4, 5]),
        builder.one({ kind: "conv2d_input_grad", window, epilogue }, [
          input(numbers([2, 2, 2, 20]), [2, 2, 2, 20]),
          input(numbers([4, 4, 5, 20]), [4, 4, 5, 20]),
          input(numbers([5]), [5]),
          input(numbers(other), other),
        ], [2, 4, 4, 5]),
      ]);
    }
  });
});

Deno.test("convolutions by tiles equal the reference on 1, 2 and 4 threads", async (t) => {
  await using devices = await Devices.open();
  // Sums of up to 4,096 products of numbers below 2.
  const SUMS = { relative: 1e-5, absolute: 1e-3 };
  // image, [kh, kw, depth], strides, padding, plane: even and odd planes, remainders of twelve tiles, deep sums, many runs.
  const cases: [number[], [number, number, number], [number, number], [number, number], [number, number]][] =
    [
      [[13, 16, 16, 20], [4, 4, 24], [2, 2], [1, 1], [8, 8]],
      [[8, 15, 14, 16], [4, 4, 32], [2, 2], [1, 1], [7, 7]],
      [[16, 8, 8, 16], [4, 4, 16], [1, 1], [1, 1], [8, 8]],
      [[3, 16, 13, 32], [2, 2, 16], [1, 1], [0, 0], [15, 12]],
      [[12, 8, 8, 264], [4, 2, 20], [2, 1], [1, 0], [4, 7]],
      [[40, 16, 16, 16], [4, 4, 16], [2, 2], [1, 1], [8, 8]],
      // F(2 x 2, 3 x 3): with and without a border of zeros, planes and borders of all parities, many channels and runs.
      [[3, 16, 16, 32], [3, 3, 16], [1, 1], [1, 1], [16, 16]],
      [[9, 7, 9, 36], [3, 3, 44], [1, 1], [1, 1], [7, 9]],
      [[8, 8, 8, 72], [3, 3, 16], [1, 1], [0, 0], [6, 6]],
      [[5, 10, 7, 64], [3, 3, 40], [1, 1], [2, 0], [12, 5]],
      [[1, 14, 14, 132], [3, 3, 20], [1, 1], [1, 1], [14, 14]],
      [[40, 9, 8, 32], [3, 3, 16], [1, 1], [1, 1], [9, 8]],
      [[6, 9, 8, 8], [3, 3, 12], [1, 1], [1, 1], [9, 8]],
      // F(4 x 4, 3 x 3): planes that tiles fill and those that they do not, without a border, more channels than a strip.
      [[3, 16, 12, 20], [3, 3, 16], [1, 1], [1, 1], [16, 12]],
      [[7, 15, 7, 12], [3, 3, 28], [1, 1], [1, 1], [15, 7]],
      [[40, 3, 3, 40], [3, 3, 16], [1, 1], [1, 1], [3, 3]],
      [[5, 9, 10, 8], [3, 3, 8], [1, 1], [0, 0], [7, 8]],
    ];
  const program = {
    operands: 3,
    instructions: [
      { op: "add", args: [0, 1], dtype: "float32" },
      { op: "mul", args: [3, 2], dtype: "float32" },
    ],
    results: [4],
  } as const;
  for (const [image, [kh, kw, depth], strides, padding, plane] of cases) {
    const window = { strides, padding, dilation: [1, 1] } as const;
    const filter = [kh, kw, image[3], depth], out = [image[0], ...plane, depth];
    await t.step(`[${image}] with ${kh}x${kw}, stride ${strides}`, async () => {
      const what = `x [${image}], filter [${filter}]`;
      for (const other of [undefined, out, [image[0], 1, 1, 1]]) {
        const epilogue = other && { epilogue: program };
        await devices.check(`conv2d ${what} with [${other}]`, SUMS, (builder, input) => [
          builder.one({ kind: "conv2d", window, ...epilogue }, [
            input(numbers(image), image),
            input(numbers(filter), filter),
            ...other ? [input(numbers([depth]), [depth]), input(numbers(other), other)] : [],
          ], out),
        ]);
      }
      for (const other of [undefined, image]) {
        const epilogue = other && { epilogue: program };
        await devices.check(`conv2d_input_grad ${what} with [${other}]`, SUMS, (builder, input) => [
          builder.one({ kind: "conv2d_input_grad", window, ...epilogue }, [
            input(numbers(out), out),
            input(numbers(filter), filter),
            ...other ? [input(numbers([image[3]]), [image[3]]), input(numbers(other), other)] : [],
          ], image),
        ]);
      }
      await devices.check(`conv2d_filter_grad ${what}`, SUMS, (builder, input) => [
        builder.one({ kind: "conv2d_filter_grad", window }, [
          input(numbers(image), image),
          input(numbers(out), out),
        ], filter),
      ]);
    });
  }
});

Deno.test("random numbers, running sums and the largest equal the reference on 1, 2 and 4 threads", async (t) => {
  await using devices = await Devices.open();
  const key = [0x9abcdef0 | 0, 12345] as const;
  await t.step("random", async () => {
    for (const shape of [[], [3], [7, 5], [1001]]) {
      for (const distribution of ["uniform", "word", "normal"] as const) {
        const tolerance = distribution === "normal" ? CLOSE : EXACT;
        await devices.check(`${distribution} [${shape}]`, tolerance, (builder, input) => [
          builder.one({ kind: "random", distribution, key }, [input(Int32Array.of(77), [])], shape),
        ]);
      }
    }
  });
  await t.step("categorical", async () => {
    await devices.check("categorical", EXACT, (builder, input) => [
      builder.one({ kind: "categorical", key }, [
        input(numbers([203, 9]), [203, 9]),
        input(Int32Array.of(5), []),
      ]),
    ]);
  });
  await t.step("cumulate", async () => {
    for (const axis of [0, 1, 2]) {
      for (const [exclusive, reverse] of [[false, false], [true, false], [false, true], [true, true]]) {
        for (const reducer of ["sum", "prod"] as const) {
          await devices.check(`cumulate ${reducer}`, CLOSE, (builder, input) => [
            builder.one({ kind: "cumulate", reducer, axis, exclusive, reverse }, [
              input(numbers([3, 4, 5]), [3, 4, 5]),
            ]),
            builder.one(
              { kind: "cumulate", reducer, axis, exclusive, reverse },
              [input(numbers([3, 4, 5], "int32"), [3, 4, 5])],
            ),
          ]);
        }
      }
    }
  });
  await t.step("topk", async () => {
    for (const k of [1, 3, 9]) {
      await devices.check("topk", EXACT, (builder, input) => [
        ...builder.node({ kind: "topk" }, [input(numbers([5, 9]), [5, 9])], [5, k]),
        ...builder.node({ kind: "topk" }, [input(numbers([5, 9], "int32"), [5, 9])], [5, k]),
      ]);
    }
  });
});

Deno.test("the build without relaxed SIMD equals the reference too", async () => {
  await using devices = await Devices.open({ relaxed: false });
  await devices.check("matmul, exp, tanh", { relative: 1e-5, absolute: 1e-4 }, (builder, input) => {
    const product = builder.matmul(input(numbers([70, 65]), [70, 65]), input(numbers([65, 33]), [65, 33]));
    // Of an input rather than the product, whose rounding exp would magnify.
    const x = input(numbers([70, 33]), [70, 33]);
    return [product, builder.map("exp", x), builder.map("tanh", x), builder.map("log", x)];
  });
});

Deno.test("graphs whose values share places equal the reference on 1, 2 and 4 threads", async () => {
  await using devices = await Devices.open();
  const random = stream(3);
  for (let trial = 0; trial < 30; trial++) {
    await devices.check(`graph ${trial}`, { relative: 1e-4, absolute: 1e-3 }, (builder, input) => {
      const size = 30 + random.integer(40), square = [size, size];
      const values = [
        input(numbers(square), square),
        input(numbers(square), square),
        input(numbers([size]), [size]),
      ];
      const pick = (): Value => values[random.integer(values.length)];
      for (let node = 0; node < 25; node++) {
        const x = pick(), y = pick();
        const kind = random.integer(5), isSquare = x.shape.length === 2;
        if (kind === 0 && isSquare && y.shape.length === 2) {
          values.push(builder.map("tanh", builder.matmul(x, y)));
        } else if (kind === 1 && isSquare) {
          values.push(builder.map("sigmoid", builder.sum(x, [random.integer(2)])));
        } else if (kind === 2 && isSquare) {
          values.push(builder.transpose(x));
        } else {
          values.push(builder.map(random.integer(2) ? "sub" : "max", x, y));
        }
        if (values.length > 6) values.splice(random.integer(3), 1);
      }
      return values.slice(-3).filter((value, i, all) => value.id > 2 && all.indexOf(value) === i);
    });
  }
});
