/**
 * `deno task paper`: the paper on small models, its figures and pictures taken from runs, none typed by hand. What has not
 * been run is shown as such. Where TeX is installed it is built, and must have no more pages than are allowed.
 */
import { dirname, join, resolve } from "node:path";
import { exists, writeAtomically } from "../base/files.ts";
import { meanAndDeviation } from "../metrics/mod.ts";
import { metricText } from "../report/metric_names.ts";
import { count, duration, number } from "../report/numbers.ts";
import type { Axis, Series } from "../report/plot.ts";
import { texPlot, texReferences, texText } from "../report/tex.ts";
import { pointsByEpoch } from "../run/epochs.ts";
import { readLog } from "../run/log.ts";
import { runFolder } from "../run/named_run.ts";
import { completedRun, findRun, listRuns, RUNS, type StoredRun } from "../run/stored_run.ts";
import { boolean, runTool, text } from "../run/task.ts";
import { VARIANTS } from "./compare_addnist.ts";

/** The paper's own files, written by hand. */
const SOURCE = join(import.meta.dirname!, "../docs/paper"), SOURCES = ["paper.tex", "engram.sty"];
/** What the assignment allows, references not counted. */
const MOST_PAGES = 4;
/** What share of the baseline's distance the flow's was to be at most. */
const GOAL = 0.5;
/** Points of a curve at most, each the mean of those that it stands for. */
const CURVE_POINTS = 150;
/** The share of a curve whose values need not be on the plot. */
const BEGINNING = 0.05;
/** Sizes of plots in 1/72 inch: two stand side by side. */
const PLOT = { width: 192, height: 116 } as const;
/** Pictures of runs that the paper shows, by the names of their files here and there. */
const PICTURES = [
  ["flow-samples.png", "flow", "samples.png"],
  ["flow-interpolations.png", "flow", "interpolations.png"],
  ["flow-nearest.png", "flow", "nearest.png"],
  ["flow-nearest-by-features.png", "flow-assessed", "nearest-by-features.png"],
  ["dcgan-samples.png", "dcgan", "samples.png"],
] as const;
const SETS: Readonly<Record<string, string>> = {
  digits: "built-in digits",
  mnist: "MNIST",
  cifar10: "CIFAR-10",
  cifar100: "CIFAR-100",
};

/** The runs of which there is one each, by the names that the paper calls them. */
type Single = "flow" | "dcgan" | "flow-assessed" | "dcgan-assessed" | "fid";

/** The runs that the paper is about. */
interface PaperRuns {
  readonly single: ReadonlyMap<Single, StoredRun>;
  /** Classifiers that differ in their seeds alone. */
  readonly addnist: readonly StoredRun[];
  /** Those of a comparison, by the names of `VARIANTS`. */
  readonly variants: ReadonlyMap<string, StoredRun>;
}

const FLAGS = {
  flow: text({ placeholder: "RUN", help: "the run of train-flow (default: the newest)" }),
  dcgan: text({ placeholder: "RUN", help: "the run of train-dcgan (default: the newest)" }),
  flowAssessed: text({
    placeholder: "RUN",
    help: "the run of assess-generator on the flow (default: the newest on that one)",
  }),
  dcganAssessed: text({ placeholder: "RUN", help: "the same on the DCGAN" }),
  fid: text({ placeholder: "RUN", help: "the run of fid on the flow (default: the newest on that one)" }),
  addnist: text({
    placeholder: "RUN,RUN",
    help:
      "runs of train-addnist of several seeds (default: the newest, and those that differ from it in the seed)",
  }),
  comparison: text({ placeholder: "RUN", help: "the run of compare-addnist (default: the newest)" }),
  out: text({ placeholder: "DIR", default: "runs/paper", help: "where to write the paper" }),
  debug: boolean({ help: "show the stack trace of an error" }),
};

/** Everything that decides a run but its seed, as text. */
function withoutSeed({ config: { model, dataset, flags } }: StoredRun): string {
  return JSON.stringify([{ ...(model as object), seed: 0 }, dataset, flags.steps]);
}

/** Finds the runs that flags name, and for those that none names the newest that fits. */
async function findRuns(
  flags: Readonly<Partial<Record<Exclude<keyof typeof FLAGS, "debug" | "out">, string>>>,
): Promise<PaperRuns> {
  const runs = (await listRuns(RUNS)).filter(({ summary }) => summary?.status === "completed");
  const choose = async (
    flag: keyof typeof flags,
    task: string,
    fits: (run: StoredRun) => Promise<boolean> = () => Promise.resolve(true),
  ): Promise<StoredRun | undefined> => {
    const name = flags[flag];
    if (name !== undefined) return await completedRun(flag, { from: await runFolder(name), task });
    for (const run of runs) if (run.config.task === task && await fits(run)) return run;
  };
  /** Whether a run looked at what `of` made. */
  const about = (of: StoredRun | undefined) => async ({ config: { flags } }: StoredRun): Promise<boolean> => {
    const name = flags.run ?? flags.samples;
    return of !== undefined && typeof name === "string" &&
      resolve(await runFolder(name)) === resolve(of.folder);
  };
  const flow = await choose("flow", "train-flow"), dcgan = await choose("dcgan", "train-dcgan");
  const found: readonly (readonly [Single, StoredRun | undefined])[] = [
    ["flow", flow],
    ["dcgan", dcgan],
    ["flow-assessed", await choose("flowAssessed", "assess-generator", about(flow))],
    ["dcgan-assessed", await choose("dcganAssessed", "assess-generator", about(dcgan))],
    ["fid", await choose("fid", "fid", about(flow))],
  ];
  const comparison = await choose("comparison", "compare-addnist"), variants = new Map<string, StoredRun>();
  for (const { name } of comparison === undefined ? [] : VARIANTS) {
    const run = await findRun(join(comparison!.folder, name));
    if (run?.summary?.status === "completed") variants.set(name, run);
  }
  const names = flags.addnist?.split(",") ?? [], addnist: StoredRun[] = [];
  for (const name of names) {
    addnist.push(await completedRun("addnist", { from: await runFolder(name), task: "train-addnist" }));
  }
  if (names.length === 0) {
    const isVariant = (run: StoredRun): boolean =>
      runs.some(({ folder, config }) => config.task === "compare-addnist" && folder === dirname(run.folder));
    const alone = runs.filter((run) => run.config.task === "train-addnist" && !isVariant(run));
    addnist.push(...alone.filter((run) => withoutSeed(run) === withoutSeed(alone[0])));
  }
  return { single: new Map(found.flatMap(([name, run]) => run ? [[name, run]] : [])), addnist, variants };
}

/** The leaves of a configuration, by their paths: `widths/0`. */
function leaves(value: unknown, path: string): readonly (readonly [string, string])[] {
  if (typeof value === "object" && value !== null) {
    return Object.entries(value).flatMap(([name, part]) => leaves(part, `${path}/${name}`));
  }
  return [[path, typeof value === "number" ? number(value) : String(value)]];
}

/** What a run says, by the names that the paper calls it. */
function figuresOf(role: string, { config, summary }: StoredRun): readonly (readonly [string, string])[] {
  const { metrics = {}, seconds = 0 } = summary ?? {}, { dataset, flags, model } = config;
  return [
    ...Object.entries(metrics).flatMap(([name, value]) =>
      value === null ? [] : [[`${role}/${name}`, metricText(name, value)] as const]
    ),
    // Of AddNIST the data set is its own, the flag names the digits that it is made of.
    ...typeof flags.dataset === "string"
      ? [
        [`${role}/source`, SETS[flags.dataset] ?? flags.dataset] as const,
        [`${role}/on/${flags.dataset}`, "yes"] as const,
      ]
      : [],
    [`${role}/images`, count(dataset.count)],
    ...typeof flags.seed === "number" ? [[`${role}/seed`, String(flags.seed)] as const] : [],
    [`${role}/duration`, duration(seconds)],
    [`${role}/device`, config.device.description],
    ...leaves(model, `${role}/model`),
  ];
}

/** Figures that are of several runs. */
function joinedFigures({ single, addnist }: PaperRuns): readonly (readonly [string, string])[] {
  const figures: (readonly [string, string])[] = [];
  const metric = (role: Single, name: string): number => single.get(role)?.summary?.metrics[name] ?? NaN;
  const ratio = metric("flow-assessed", "fd_classifier") / metric("dcgan-assessed", "fd_classifier");
  if (!Number.isNaN(ratio)) {
    figures.push(["ratio", number(ratio)]);
    figures.push(["goal", ratio <= GOAL ? "reached" : `missed by ${number(ratio - GOAL)}`]);
  }
  const image = (single.get("flow")?.config.model as { readonly image?: readonly number[] })?.image;
  for (const [level, factor] of [2, 4, 8].entries()) {
    if (image === undefined) break;
    figures.push([`flow/size/${level}`, `${Math.ceil(image[0] / factor)} × ${Math.ceil(image[1] / factor)}`]);
  }
  const [first] = addnist;
  if (first === undefined) return figures;
  figures.push(...figuresOf("addnist", first));
  const of = (name: string): number[] => addnist.map(({ summary }) => summary?.metrics[name] ?? NaN);
  const train = of("train_accuracy"), test = of("test_accuracy");
  const gap = 100 * meanAndDeviation(train.map((value, at) => value - test[at])).mean;
  figures.push(["addnist/gap", gap.toFixed(2).replace("-", "−")]);
  figures.push(["addnist/seeds", addnist.length > 1 ? `${addnist.length} seeds` : "one run"]);
  if (addnist.length > 1) {
    for (const name of ["train_loss", "train_accuracy", "test_accuracy", "digit_accuracy"]) {
      const { mean, deviation } = meanAndDeviation(of(name));
      figures.push([`addnist/${name}`, `${metricText(name, mean)} ± ${metricText(name, deviation)}`]);
    }
  }
  const penalties = [...[first, single.get("flow"), single.get("dcgan")]]
    .flatMap((run) => run?.summary?.metrics.penalty ?? []);
  if (penalties.length === 3) figures.push(["penalty", count(penalties.reduce((sum, one) => sum + one, 0))]);
  return figures;
}

/** A curve of at most so many points, each the mean of neighbours. */
function thinned({ x, y }: { readonly x: readonly number[]; readonly y: readonly number[] }) {
  const size = Math.ceil(x.length / CURVE_POINTS);
  const means = (values: readonly number[]): number[] =>
    Array.from(
      { length: Math.ceil(values.length / size) },
      (_, at) => meanAndDeviation(values.slice(at * size, (at + 1) * size)).mean,
    );
  return { x: means(x), y: means(y) };
}

/** The values of curves after their beginning, which would flatten all that follows. */
function settled(series: readonly Series[]): Axis["range"] {
  const end = Math.max(...series.flatMap(({ x }) => Array.from(x)));
  const values = series.flatMap(({ x, y }) => Array.from(y).filter((_, at) => x[at] >= BEGINNING * end));
  const low = Math.min(...values), high = Math.max(...values);
  return low < high ? [low, high] : undefined;
}

/** The plots, by their files; those of runs that are there. */
async function plotsOf({ single, addnist }: PaperRuns): Promise<ReadonlyMap<string, string>> {
  const plots = new Map<string, string>(), step = { label: "step" };
  const curve = async ({ folder }: StoredRun, field: string) =>
    thinned(pointsByEpoch(await readLog(join(folder, "log.jsonl")), { field, epoch: 1 }));
  const flow = single.get("flow"), [classifier] = addnist;
  if (flow !== undefined) {
    const series = [{ name: "loss", ...await curve(flow, "loss") }];
    plots.set(
      "flow-loss.tex",
      texPlot({ x: step, y: { label: "loss", range: settled(series) }, series }, PLOT),
    );
  }
  if (classifier !== undefined) {
    const series = [
      { name: "training", ...await curve(classifier, "train_accuracy") },
      { name: "validation", ...await curve(classifier, "validation_accuracy") },
    ];
    plots.set(
      "addnist-accuracy.tex",
      texPlot({ x: step, y: { label: "accuracy", range: settled(series) }, series }, PLOT),
    );
  }
  return plots;
}

/** Runs TeX in a folder; undefined where it is not installed. */
async function typeset(folder: string): Promise<boolean | undefined> {
  // Twice, as the first time nobody knows yet where what is referred to stands.
  for (let time = 0; time < 2; time++) {
    try {
      const { success } = await new Deno.Command("pdflatex", {
        args: ["-interaction=nonstopmode", "-halt-on-error", "paper.tex"],
        ...{ cwd: folder, stdin: "null", stdout: "null", stderr: "null" },
      }).output();
      if (!success) return false;
    } catch (error) {
      // Without permission: the name means no program when it was given.
      if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotCapable) return undefined;
      throw error;
    }
  }
  return true;
}

/** How many pages there are before the references, by what TeX noted. */
function pagesOf(auxiliary: string): number {
  return Number(/\\newlabel\{references\}\{\{[^}]*\}\{(\d+)\}/.exec(auxiliary)?.[1] ?? NaN) - 1;
}

if (import.meta.main) {
  await runTool({
    name: "paper",
    summary: "Write the paper on small models from finished runs, and build it where TeX is installed.",
    flags: FLAGS,
    run: async ({ out, debug: _, ...named }, session) => {
      const runs = await findRuns(named), source = await Deno.readTextFile(join(SOURCE, "paper.tex"));
      const figures = new Map([
        ...[...runs.single, ...runs.variants].flatMap(([role, run]) => figuresOf(role, run)),
        ...joinedFigures(runs),
      ]);
      await Deno.mkdir(out, { recursive: true });
      for (const file of SOURCES) {
        await writeAtomically(join(out, file), await Deno.readFile(join(SOURCE, file)));
      }
      const lines = Array.from(figures, ([name, value]) => `\\setnum{${name}}{${texText(value)}}\n`);
      await writeAtomically(join(out, "numbers.tex"), lines.sort().join(""));
      await writeAtomically(join(out, "references.tex"), texReferences(source));
      const plots = await plotsOf(runs);
      const files = new Map<string, string | Uint8Array>(plots);
      for (const [name, role, picture] of PICTURES) {
        const path = join(runs.single.get(role)?.folder ?? "", picture);
        if (runs.single.has(role) && await exists(path)) files.set(name, await Deno.readFile(path));
      }
      for (const name of ["flow-loss.tex", "addnist-accuracy.tex", ...PICTURES.map(([name]) => name)]) {
        const content = files.get(name), path = join(out, name);
        // What an earlier paper showed must not stay.
        if (content !== undefined) await writeAtomically(path, content);
        else if (await exists(path)) await Deno.remove(path);
      }
      const wanted = new Set(Array.from(source.matchAll(/\\num\{([^}#]*)\}/g), ([, name]) => name));
      const missing = [...wanted].filter((name) => !figures.has(name));
      session.note(
        missing.length === 0
          ? `all ${wanted.size} figures are those of runs`
          : `not run: ${missing.length} of ${wanted.size} figures, those of ${
            [...new Set(missing.map((name) => name.split("/")[0]))].join(", ")
          }`,
      );
      const built = await typeset(out);
      if (built === undefined) {
        session.note(
          "skipped: no PDF was built, as pdflatex is not here to be run: install texlive-latex-base, " +
            `texlive-latex-recommended and texlive-fonts-recommended; the source is ${
              join(out, "paper.tex")
            }`,
        );
        return { folder: out, missing };
      }
      if (!built) {
        throw new Error(`Cannot build the paper as TeX reports an error: see ${join(out, "paper.log")}`);
      }
      const pages = pagesOf(await Deno.readTextFile(join(out, "paper.aux")));
      if (!(pages <= MOST_PAGES)) {
        throw new Error(
          `Cannot hand in ${
            join(out, "paper.pdf")
          } as it may have ${MOST_PAGES} pages without references: it has ` +
            `${pages}, shorten docs/paper/paper.tex`,
        );
      }
      session.note(
        `${join(out, "paper.pdf")}: ${pages} of at most ${MOST_PAGES} pages, references not counted`,
      );
      return { folder: out, pages, missing };
    },
  });
}
