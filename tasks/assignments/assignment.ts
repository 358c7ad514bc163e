/** An assignment as a list: its questions in their own order, each with the runs that answer it and what they say. */
import { join } from "node:path";
import { exists } from "../../base/files.ts";
import type { Block, KeyFigure } from "../../report/html.ts";
import type { ManifestLine } from "../../run/manifest.ts";
import type { StoredRun } from "../../run/run.ts";

/** What an assignment is run on, where, and how far. */
export interface Scope {
  /** Flags that every run on images takes: where these come from. */
  readonly images: { readonly dataset: string; readonly dataDir?: string };
  /** The same of every run on opinions. */
  readonly opinions: { readonly dataset: string; readonly dataDir?: string };
  /** The same of every run on photographs. */
  readonly photographs: { readonly dataset: string; readonly dataDir?: string };
  /** Flags of every run that trains: where it computes. */
  readonly computing: { readonly device: string; readonly threads?: number };
  /** The folder of the page, which holds those of the runs. */
  readonly folder: string;
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
  readonly runs: readonly ManifestLine[];
  /** The answer by the finished runs, in the order of `runs`; `runOf` gives those of other questions, by their folders. */
  readonly answer: (
    runs: readonly StoredRun[],
    runOf: (folder: string) => StoredRun,
  ) => Promise<Answer>;
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
  /** What it must exceed, or be at most. */
  readonly asked: { readonly above: number } | { readonly atMost: number };
  readonly show: (value: number) => string;
}

/** A table of goals: asked, reached, and by how much it was missed where it was. */
export function goalTable(goals: readonly Goal[]): Block {
  return {
    kind: "table",
    table: {
      columns: ["Run", "Figure", "Asked", "Reached", "Answer"],
      rows: goals.map(({ label, run, metric, asked, show }) => {
        const value = metricOf(run, metric);
        const [words, missed] = "above" in asked
          ? [`above ${show(asked.above)}`, asked.above - value]
          : [`at most ${show(asked.atMost)}`, value - asked.atMost];
        const isReached = "above" in asked ? missed < 0 : missed <= 0;
        return [
          label,
          metric.replaceAll("_", " "),
          words,
          Number.isNaN(value) ? "not measured" : show(value),
          Number.isNaN(value) ? "" : isReached ? "reached" : `missed by ${show(missed)}`,
        ];
      }),
    },
  };
}

/** The same, of goals that are set for one data set, and nothing where the runs learned another. */
export function goalsOn(dataset: string, goals: readonly Goal[]): readonly Block[] {
  return goals.every(({ run }) => run.config.dataset.name === dataset) ? [goalTable(goals)] : [];
}

/** A figure of a run; NaN where it was not measured. */
export function metricOf(run: StoredRun, name: string): number {
  return run.summary?.metrics[name] ?? NaN;
}

/** The picture `name` of a run, where it has one. */
export async function picture(run: StoredRun, name: string, caption: string): Promise<readonly Block[]> {
  const path = join(run.folder, name);
  if (!(await exists(path))) return [];
  return [{ kind: "picture", png: await Deno.readFile(path), alt: caption, caption }];
}

/** A paragraph. */
export function paragraph(text: string): Block {
  return { kind: "paragraph", text };
}

/** Decibels. */
export function decibels(value: number): string {
  return `${value.toFixed(2)} dB`;
}
