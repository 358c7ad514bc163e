import type { Random } from "../../base/random.ts";
import { type Graph, type Shape, sizeOf, type Value } from "../../engine/graph.ts";
import type { Elementwise } from "../../engine/program.ts";
import { Builder } from "./builder.ts";

const SHAPES: readonly Shape[] = [[4, 4], [4, 1], [4], [16], [2, 8], [], [1, 4], [2, 2, 4]];
const UNARY: readonly Elementwise[] = ["neg", "relu", "square", "tanh", "abs", "sign"];
const BINARY: readonly Elementwise[] = ["add", "mul", "sub", "div", "max", "prelu"];

/** A graph of random nodes over tensors of a few shapes, with random updates and outputs. */
export function randomGraph(random: Random): Graph {
  const g = new Builder();
  const pick = <T>(of: readonly T[]): T => of[random.integer(of.length)];
  const variables = [...SHAPES, ...SHAPES].map((shape) => g.variable(shape));
  const values: Value[] = [...variables, g.captured([4, 4]), g.constant(Float32Array.of(1, -2, 0.5, 3))];
  for (const number of [0, 1, -1, 0.25, -0, 2, 3]) values.push(g.constant(number));
  for (const shape of SHAPES) values.push(g.input(`x${shape}`, shape));
  const recent = (): readonly Value[] => (random.integer(2) > 0 ? values.slice(-6) : values);
  const where = (holds: (value: Value) => boolean): Value => {
    const found = recent().filter(holds);
    return pick(found.length > 0 ? found : values.filter(holds));
  };
  const sized = (size: number): Value => where(({ shape }) => sizeOf(shape) === size);
  const square = (): Value => where(({ shape }) => shape.length === 2 && shape[0] === 4 && shape[1] === 4);
  const fours = (): Value => where(({ shape }) => ["4,4", "4,1", "4", "", "1,4"].includes(String(shape)));
  for (let i = 3 + random.integer(30); i > 0; i--) {
    switch (random.integer(14)) {
      case 0:
        values.push(g.matmul(square(), square(), { a: random.integer(2) > 0, b: random.integer(2) > 0 }));
        break;
      case 1:
        values.push(g.transpose(square()));
        break;
      case 2:
        values.push(g.reshape(sized(16), pick([[4, 4], [16], [2, 8], [2, 2, 4]])));
        break;
      case 3:
        values.push(g.sum(square(), pick([[0], [1], [0, 1]])));
        break;
      case 4: {
        const program = {
          operands: 3,
          instructions: [{ op: "sub", args: [0, 1], dtype: "float32" }, {
            op: "max",
            args: [3, 2],
            dtype: "float32",
          }],
          results: [4, 3],
        } as const;
        values.push(...g.node({ kind: "map", program }, [square(), fours(), square()]));
        break;
      }
      case 5: {
        const program = {
          operands: 2,
          instructions: [{ op: "add", args: [0, 1], dtype: "float32" }],
          results: [2],
        } as const;
        values.push(...g.node({ kind: "maps", program, count: 2 }, [square(), square(), square(), square()]));
        break;
      }
      case 6:
        values.push(g.copy(sized(1), [4, 4], [0, 0]));
        break;
      case 7:
        values.push(g.copy(sized(4), [4, 4], pick([[0, 1], [1, 0]])));
        break;
      case 8:
        values.push(g.copy(square(), [2, 4], pick([[8, 1], [4, 1]]), 4));
        break;
      case 9: {
        const [x, y] = [square(), square()];
        values.push(g.map("select", g.map("greater", x, sized(1)), x, y));
        break;
      }
      case 10:
        values.push(g.map(pick(UNARY), pick(recent())));
        break;
      case 11: {
        const x = where(({ shape }) => shape.length === 3);
        values.push(g.map(pick(BINARY), x, sized(1)), g.sum(x, pick([[0], [0, 1], [2], [0, 1, 2]])));
        break;
      }
      default:
        values.push(g.map(pick(BINARY), pick([square(), fours()]), square()));
    }
  }
  for (const variable of variables) {
    const alike = values.filter(({ shape }) => String(shape) === String(variable.shape));
    if (random.integer(3) > 0) g.update(variable, pick(alike.slice(-6)));
  }
  for (let i = 0; i < 3; i++) g.output(`y${i}`, pick(values.slice(-12)));
  return g.graph();
}
