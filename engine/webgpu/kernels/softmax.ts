/** Ops over the rows of a matrix: a team of lanes shares a row, as in `reduce.ts`. */
import { sizeOf, type Value } from "../../graph.ts";
import { around } from "../../kernels/argreduce.ts";
import { aliases, need } from "../functions.ts";
import { type Dispatch, Shader } from "../shader.ts";
import { orderOf, rowsOf } from "./move.ts";
import { joinTeam, powerOfTwo } from "./reduce.ts";
import type { KernelContext } from "./context.ts";

interface Teams {
  readonly lanes: number;
  readonly size: number;
  readonly teams: number;
}

function teamsFor(width: number): Teams {
  const lanes = Math.min(256, powerOfTwo(Math.ceil(width / 4))), size = Math.max(64, lanes);
  return { lanes, size, teams: size / lanes };
}

/** The lines that every row-wise shader begins with: `row`, `member`, and whether the row exists. */
function rowStart({ lanes, teams }: Teams, rows: number): string[] {
  return [
    `let member = lane % ${lanes}u;`,
    `let team = lane / ${lanes}u;`,
    `let row = group * ${teams}u + team;`,
    `let exists = row < ${rows}u;`,
  ];
}

/** A loop of a team over its row: `i` is the element, `at` its index in the matrix. */
function eachElement({ lanes }: Teams, width: number, lines: readonly string[]): string[] {
  return [
    "if (exists) {",
    `for (var i = member; i < ${width}u; i += ${lanes}u) {`,
    `let at = row * ${width}u + i;`,
    ...lines,
    "}",
    "}",
  ];
}

/** Joins a float of every lane of a team. */
function joined(
  shader: Shader,
  { lanes, size }: Teams,
  name: string,
  combine: (x: string, y: string) => string,
) {
  return joinTeam(shader, {
    name,
    lanes,
    size,
    dtype: "float32",
    combine,
    stride: 1,
    offset: `team * ${lanes}u`,
    member: "member",
  });
}

const sumOf = (x: string, y: string) => `${x} + ${y}`;
const largerOf = (x: string, y: string) => `maximum(${x}, ${y})`;

/** Lines that leave the largest element of the row in `largest` and the sum of exp(x - largest) in `total`. */
function largestAndTotal(
  shader: Shader,
  teams: Teams,
  { read, width }: { read: string; width: number },
): string[] {
  shader.declare(aliases(1));
  for (const name of ["maximum", "exponential", "logarithm"]) need(shader, name);
  return [
    `var largest = ${shader.float(-Infinity)};`,
    ...eachElement(teams, width, [`largest = maximum(largest, ${read});`]),
    ...joined(shader, teams, "largest", largerOf),
    "var total = 0.0;",
    ...eachElement(teams, width, [`total += exponential(${read} - largest);`]),
    ...joined(shader, teams, "total", sumOf),
  ];
}

/** softmax or log softmax over the last axis. */
export function writeSoftmax(
  context: KernelContext,
  { input, output, log }: { readonly input: Value; readonly output: Value; readonly log: boolean },
): Dispatch[] {
  const { rows, width } = rowsOf(input.shape);
  if (rows * width === 0) return [];
  const teams = teamsFor(width), shader = new Shader(context);
  const read = shader.operand(input).at("at"), target = shader.operand(output);
  const body = [
    ...rowStart(teams, rows),
    ...largestAndTotal(shader, teams, { read, width }),
    ...(log ? ["let shift = logarithm(total);"] : ["let scale = 1.0 / total;"]),
    ...eachElement(teams, width, [
      target.store("at", log ? `${read} - largest - shift` : `exponential(${read} - largest) * scale`),
    ]),
  ].join("\n");
  return [shader.finish(body, { size: teams.size, groups: Math.ceil(rows / teams.teams) })];
}

/** The loss of each row and its gradient. */
export function writeSoftmaxCrossEntropy(
  context: KernelContext,
  { logits, targets, losses, gradient }: {
    readonly logits: Value;
    readonly targets: Value;
    readonly losses: Value;
    readonly gradient: Value;
  },
): Dispatch[] {
  const { rows, width } = rowsOf(logits.shape);
  if (rows * width === 0) return [];
  const teams = teamsFor(width), shader = new Shader(context);
  const read = shader.operand(logits).at("at"), wanted = shader.operand(targets).at("at");
  const body = [
    ...rowStart(teams, rows),
    ...largestAndTotal(shader, teams, { read, width }),
    "let shift = logarithm(total);",
    "let scale = 1.0 / total;",
    "var loss = 0.0;",
    "var mass = 0.0;",
    ...eachElement(teams, width, [
      `let wanted = ${wanted};`,
      `loss -= wanted * (${read} - largest - shift);`,
      "mass += wanted;",
    ]),
    ...joined(shader, teams, "loss", sumOf),
    ...joined(shader, teams, "mass", sumOf),
    ...eachElement(teams, width, [
      shader.operand(gradient).store("at", `exponential(${read} - largest) * scale * mass - ${wanted}`),
    ]),
    `if (exists && member == 0u) { ${shader.operand(losses).store("row", "loss")} }`,
  ].join("\n");
  return [shader.finish(body, { size: teams.size, groups: Math.ceil(rows / teams.teams) })];
}

/** The index of the first largest or smallest element along an axis; NaN is passed over unless it comes first. */
export function writeArgreduce(
  context: KernelContext,
  { input, output, axis, reducer }: {
    readonly input: Value;
    readonly output: Value;
    readonly axis: number;
    readonly reducer: "max" | "min";
  },
): Dispatch[] {
  const { after, extent } = around(input.shape, axis), rows = sizeOf(output.shape);
  if (rows === 0) return [];
  const teams = teamsFor(extent), { lanes, size } = teams, shader = new Shader(context);
  const source = shader.operand(input), key = orderOf(input.dtype, reducer === "max" ? "least" : "greatest");
  key.declare(shader);
  // The largest is looked for in either case.
  const read = `${reducer === "max" ? "" : "~"}${key.of(source.at(`(start + i * ${after}u)`))}`;
  shader.declare(`var<workgroup> best_room: array<u32, ${size}>;`);
  shader.declare(`var<workgroup> at_room: array<u32, ${size}>;`);
  const body = [
    ...rowStart(teams, rows),
    `let start = row / ${after}u * ${extent * after}u + row % ${after}u;`,
    "var best = 0u;",
    `var best_at = ${extent}u;`,
    "if (exists) {",
    `for (var i = member; i < ${extent}u; i += ${lanes}u) {`,
    `let x = ${read};`,
    `if (best_at == ${extent}u || x > best) { best = x; best_at = i; }`,
    "}",
    "}",
    "best_room[lane] = best;",
    "at_room[lane] = best_at;",
    "workgroupBarrier();",
  ];
  for (let half = lanes / 2; half >= 1; half /= 2) {
    body.push(
      `if (member < ${half}u) {`,
      `let other = best_room[lane + ${half}u];`,
      `let other_at = at_room[lane + ${half}u];`,
      "let own = best_room[lane];",
      "let own_at = at_room[lane];",
      `if (other_at != ${extent}u && (own_at == ${extent}u || other > own || (other == own && other_at < own_at))) {`,
      "best_room[lane] = other;",
      "at_room[lane] = other_at;",
      "}",
      "}",
      "workgroupBarrier();",
    );
  }
  const first = source.at("start");
  const index = input.dtype === "float32"
    ? `select(i32(at_room[lane]), 0, (bitcast<u32>(${first}) & 0x7fffffffu) > 0x7f800000u)`
    : "i32(at_room[lane])";
  body.push(`if (exists && member == 0u) { ${shader.operand(output).store("row", index)} }`);
  return [shader.finish(body.join("\n"), { size, groups: Math.ceil(rows / teams.teams) })];
}
