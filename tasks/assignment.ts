/**
 * `deno task assignment NAME`: an assignment's questions, answered one after the other on one page by runs that are
 * made, or kept, in its folder. What is asked and what answers it stands in `assignments/`.
 */
import { openImages } from "../data/images.ts";
import { SENTIMENT_DATASETS } from "../data/sentiment.ts";
import type { Block, KeyFigure } from "../report/html.ts";
import { openTaskDevice } from "../run/device.ts";
import { executorFlags, runManifest } from "../run/manifest.ts";
import type { StoredRun } from "../run/run.ts";
import { argument, boolean, choice, commonFlags, runTask, text, UsageError } from "../run/task.ts";
import { writePage } from "../run/write_report.ts";
import type { Assignment } from "./assignments/assignment.ts";
import { AUTOENCODERS } from "./assignments/autoencoders.ts";
import { EXERCISES } from "./assignments/exercises.ts";
import { MEMORIZATION } from "./assignments/memorization.ts";
import { PIXELS } from "./assignments/pixels.ts";
import { SMALL_MODELS } from "./assignments/small_models.ts";

/** Every assignment by its name. */
const ASSIGNMENTS: readonly Assignment[] = [MEMORIZATION, PIXELS, AUTOENCODERS, EXERCISES, SMALL_MODELS];

if (import.meta.main) {
  const { count: _count, offset: _offset, steps: _steps, ...flags } = commonFlags;
  const names = ASSIGNMENTS.map(({ name }) => name);
  await runTask({
    name: "assignment",
    summary: "Answer every question of an assignment, each by the runs that it takes, on one page.",
    flags: {
      name: argument({ placeholder: "NAME", help: `one of: ${names.join(", ")}` }),
      ...flags,
      opinions: choice(SENTIMENT_DATASETS, {
        default: "reviews",
        help: "what classifiers of texts learn, where an assignment asks for one",
      }),
      opinionsDir: text({
        placeholder: "DIR",
        help: "where the opinions' files lie (default: .cache/data/<name>)",
      }),
      photographs: choice(["digits", "mnist", "cifar10", "cifar100"], {
        default: "digits",
        help: "what classifiers and generators of photographs learn, where an assignment asks for them",
      }),
      photographsDir: text({
        placeholder: "DIR",
        help: "where the photographs' files lie (default: .cache/data/<name>)",
      }),
      quick: boolean({ help: "sizes that end in minutes: they show that all works, not what is reached" }),
      ...executorFlags,
    },
    run: async ({ name, dataset, dataDir, quick, seed, ...flags }, run) => {
      const { opinions, opinionsDir, photographs, photographsDir } = flags;
      const assignment = ASSIGNMENTS.find((candidate) => candidate.name === name);
      if (assignment === undefined) {
        throw new UsageError(`Cannot answer ${name} as NAME must be one of: ${names.join(", ")}`);
      }
      const facts = await openImages({ dataset, dataDir, split: "train", count: 1 });
      {
        // Closed before the runs, which use all processors themselves.
        await using device = await openTaskDevice(flags, run.session);
        await run.configure({ dataset: facts, device, model: { assignment: name, quick } });
      }
      const questions = assignment.questions({
        images: { dataset, dataDir },
        opinions: { dataset: opinions, dataDir: opinionsDir },
        photographs: { dataset: photographs, dataDir: photographsDir },
        computing: { device: flags.device, threads: flags.threads },
        folder: run.folder,
        quick,
        seed,
      });
      const lines = questions.flatMap(({ runs }) => runs);
      const runs = await runManifest(lines, { within: run, executor: flags });

      const sections: { title: string; blocks: Block[] }[] = [], figures: KeyFigure[] = [];
      const runOf = (folder: string): StoredRun => runs[lines.findIndex((line) => line.folder === folder)];
      let at = 0;
      for (const question of questions) {
        const own = runs.slice(at, at += question.runs.length), answer = await question.answer(own, runOf);
        figures.push(...answer.figures);
        sections.push({
          title: question.title,
          blocks: [
            { kind: "paragraph", text: `*Asked:* ${question.asks}` },
            ...answer.blocks,
            ...question.runs.length === 0 ? [] : [{
              kind: "list" as const,
              items: question.runs.map(({ folder }) =>
                `The whole run: \`${folder}/report.html\`, beside this page.`
              ),
            }],
          ],
        });
      }
      await writePage(run, {
        title: assignment.title,
        abstract:
          (quick ? "Quick sizes: they show how each question is answered, not what is reached. " : "") +
          assignment.abstract,
        figures,
        sections: [
          ...sections,
          {
            title: "How unclear points are read",
            blocks: [{ kind: "list", items: assignment.readings }],
          },
        ],
      });
      const sum = (field: "parameters" | "steps"): number =>
        runs.reduce((total, { summary }) => total + (summary?.[field] ?? 0), 0);
      await run.finish({
        metrics: { runs: runs.length, questions: questions.length },
        parameters: sum("parameters"),
        steps: sum("steps"),
      });
      for (const { label, value, note } of figures) run.note(`${label}: ${value}${note ? ` (${note})` : ""}`);
      run.note(`see ${run.path("report.html")}`);
    },
  });
}
