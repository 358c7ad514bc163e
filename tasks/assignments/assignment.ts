/** An assignment as a list: its questions in their own order, each with the runs that answer it and what they say. */
import { join } from "node:path";
import { exists } from "../../base/files.ts";
import type { Block, KeyFigure } from "../../report/html.ts";
import type { ManifestLine } from "../../run/manifest.ts";
import type { StoredRun } from "../../run/run.ts";

/** What an assignment is run on, and how far. */
export interface Scope {
  /** Flags that every run on images takes: where these come from. */
  readonly images: { readonly dataset: string; readonly dataDir?: string };
  /** Sizes that end in minutes and show that everything works, instead of those that answer. */
  readonly quick: boolean;
  readonly seed: number;
}

/** One question of an assignment. */
export interface Question {
  /** As the document numbers and names it. */
  readonly title: string;
  /** What it asks, in our words. */
  readonly asks: string;
  /** A run that answers several questions is listed by each, and made once: lines of one folder must be equal. */
  readonly runs: readonly ManifestLine[];
  /** The answer by the finished runs, in the order of `runs`. */
  readonly answer: (runs: readonly StoredRun[]) => Promise<Answer>;
}

/** What is said in answer to a question. */
export interface Answer {
  /** For the head of the page. */
  readonly figures: readonly KeyFigure[];
  readonly blocks: readonly Block[];
}

/** A whole assignment. */
export interface Assignment {
  /** As `deno task assignment NAME` calls it. */
  readonly name: string;
  readonly title: string;
  /** One paragraph: what it is about. */
  readonly abstract: string;
  readonly questions: (scope: Scope) => readonly Question[];
  /** How points are read that the document leaves open. */
  readonly readings: readonly string[];
}

/** A goal that a metric of one run must pass. */
export interface Goal {
  /** What was run, for the table. */
  readonly label: string;
  readonly run: StoredRun;
  readonly metric: string;
  /** Smaller counts as missed. */
  readonly above: number;
  readonly show: (value: number) => string;
}

/** A table of goals: asked, reached, and by how much it was missed where it was. */
export function goalTable(goals: readonly Goal[]): Block {
  return {
    kind: "table",
    table: {
      columns: ["Run", "Figure", "Asked: above", "Reached", "Answer"],
      rows: goals.map(({ label, run, metric, above, show }) => {
        const value = run.summary?.metrics[metric] ?? NaN;
        return [
          label,
          metric.replaceAll("_", " "),
          show(above),
          Number.isNaN(value) ? "not measured" : show(value),
          value > above ? "reached" : `missed by ${show(above - value)}`,
        ];
      }),
    },
  };
}

/** The picture `name` of a run, where it has one. */
export async function picture(
  { folder }: Pick<StoredRun, "folder">,
  name: string,
  caption: string,
): Promise<readonly Block[]> {
  const path = join(folder, name);
  if (!(await exists(path))) return [];
  return [{ kind: "picture", png: await Deno.readFile(path), alt: caption, caption }];
}

/** Decibels. */
export function decibels(value: number): string {
  return `${value.toFixed(2)} dB`;
}
