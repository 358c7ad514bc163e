/** How a list becomes job arrays. */
import type { RunList } from "../run_list.ts";

/** Some lines of a list that are one job array. */
export interface JobArray {
  /** Lines of the list, in the order of the array. */
  readonly lines: readonly number[];
  /** Processor threads of each run; undefined where its flags do not say. */
  readonly threads: number | undefined;
  /** 0: needs no other array; 1: needs some of those, and so on. */
  readonly level: number;
}

/** Scripts hold every command of theirs, and Slurm takes scripts of up to 4 MiB. */
const LARGEST = 1000;

/**
 * The arrays for some lines of a list: one for each level of what needs what and each number of threads, cut where it
 * would be larger than `most`.
 */
export function jobArrays(
  list: RunList,
  { lines, most }: { readonly lines: readonly number[]; readonly most: number },
): JobArray[] {
  const levels = new Map<number, number>(), wanted = new Set(lines);
  const levelOf = (index: number, above: ReadonlySet<number>): number => {
    const known = levels.get(index);
    if (known !== undefined) return known;
    // Lines that need each other are of one level.
    const needs = list.needs(index).filter((need) => wanted.has(need) && !above.has(need));
    const level = Math.max(-1, ...needs.map((need) => levelOf(need, new Set([...above, index])))) + 1;
    levels.set(index, level);
    return level;
  };
  const groups = new Map<string, { lines: number[]; threads: number | undefined; level: number }>();
  for (const index of lines) {
    const { threads: asked } = list.lines[index].flags;
    const threads = typeof asked === "number" ? asked : undefined, level = levelOf(index, new Set());
    const key = `${level} ${threads}`, group = groups.get(key) ?? { lines: [], threads, level };
    group.lines.push(index);
    groups.set(key, group);
  }
  const size = Math.min(most, LARGEST);
  return [...groups.values()].sort((a, b) => a.level - b.level).flatMap(({ lines, ...rest }) =>
    Array.from({ length: Math.ceil(lines.length / size) }, (_, chunk) => ({
      lines: lines.slice(chunk * size, (chunk + 1) * size),
      ...rest,
    }))
  );
}
