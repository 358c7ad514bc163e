/** `deno task audit --training PATH --samples PATH`: how much of any generator's samples is its training data. */
import { basename, join, resolve } from "node:path";
import { exists, readJson } from "../base/files.ts";
import type { Device } from "../engine/device.ts";
import { openTaskDevice } from "../run/device.ts";
import { levels } from "../run/images.ts";
import type { Table } from "../metrics/mod.ts";
import { load } from "../models/mod.ts";
import { type Audit, auditRows, auditTexts, type Figures, type RowFinding } from "../run/audit.ts";
import { shownFigure } from "../run/audit_pages/figures.ts";
import type { AuditParameters } from "../run/audit_pages/pages.ts";
import { writeRowAudit } from "../run/audit_pages/rows.ts";
import { writeTextAudit } from "../run/audit_pages/texts.ts";
import {
  type AuditSet,
  type ImageTable,
  type NumberTable,
  readAuditSet,
  type Role,
  sizeOfSet,
  type TextSet,
} from "../run/audit_sets.ts";
import type { Session } from "../run/session.ts";
import {
  boolean,
  choice,
  commonFlags,
  type FlagValues,
  integer,
  number,
  runTool,
  text,
  UsageError,
} from "../run/task.ts";

/** Tokens from which on a verbatim stretch counts as copied. */
const SPANS = { character: 50, word: 10, note: 16 } as const;

const FLAGS = {
  training: text({
    placeholder: "PATH",
    help:
      "what was learned: a folder of pictures, texts or tunes, an .npy, .npz, IDX, CSV, JSON lines or text file, or a run",
  }),
  samples: text({ placeholder: "PATH", help: "what was generated, of the same kind" }),
  heldOut: text({
    placeholder: "PATH",
    help: "data of the same kind that were never learned: what chance alone scores",
  }),
  features: text({
    placeholder: "pixels|RUN",
    default: "pixels",
    help: "how images are compared: as they are, or by what a trained classifier or autoencoder sees",
  }),
  k: integer({ min: 2, default: 2, help: "which neighbour the nearest one is compared with" }),
  ratio: number({ min: 0, max: 1, default: 1 / 3, help: "d1/dk below which a sample is a near copy" }),
  psnr: number({ default: 25, help: "PSNR in dB from which on an image is a near copy" }),
  peak: number({
    min: 0,
    help: "largest value of images (default: 255 of bytes, 1 of floats in 0..1, 2 in -1..1)",
  }),
  cells: integer({ min: 1, default: 10, help: "cells of the data-copying test" }),
  unit: choice(["character", "word"], { default: "character", help: "what a token of text is" }),
  span: integer({
    min: 2,
    help: "tokens from which on a stretch is copied (default: 50 characters, 10 words, 16 notes)",
  }),
  failAbove: number({
    min: 0,
    max: 1,
    placeholder: "SHARE",
    help: "end with exit code 1 where --fail-on is above this share",
  }),
  failOn: text({
    placeholder: "NAME",
    default: "exact_copies",
    help: "the figure of the samples that --fail-above looks at",
  }),
  out: text({ placeholder: "DIR", help: "where to write the pages (default: runs/audit-<samples>)" }),
  force: boolean({ help: "replace the audit that --out holds" }),
  seed: commonFlags.seed,
  device: commonFlags.device,
  threads: commonFlags.threads,
  debug: commonFlags.debug,
};
type AuditFlags = FlagValues<typeof FLAGS>;

async function audit(flags: AuditFlags, session: Session): Promise<void> {
  const { training, samples } = flags;
  if (training === undefined) throw new UsageError("--training is missing: name what was learned");
  if (samples === undefined) throw new UsageError("--samples is missing: name what was generated");
  const out = await chooseFolder(flags, samples);
  const phases = new Phases(session);
  const read = async (path: string, role: Role): Promise<AuditSet> =>
    await readAuditSet(path, {
      role,
      unit: flags.unit,
      onProgress: (done, total) => phases.show(`reading ${basename(path)}`, done / total),
    });
  const sets = {
    training: await read(training, "learned"),
    samples: await read(samples, "generated"),
    heldOut: flags.heldOut === undefined ? null : await read(flags.heldOut, "learned"),
  };
  const { kind } = sets.training;
  for (const [name, set] of [["--samples", sets.samples], ["--held-out", sets.heldOut]] as const) {
    if (set !== null && set.kind !== kind) {
      throw new UsageError(`${name} holds ${set.kind} and --training ${kind}: give both in one kind`);
    }
  }
  await using device = await openTaskDevice(flags, session);
  await Deno.mkdir(out, { recursive: true });
  const facts = {
    kind,
    training,
    samples,
    held_out: flags.heldOut ?? null,
    features: flags.features,
    training_items: sizeOfSet(sets.training),
    sample_items: sizeOfSet(sets.samples),
    held_out_items: sets.heldOut === null ? null : sizeOfSet(sets.heldOut),
    seed: flags.seed,
  };
  const options = { flags, device, phases, facts, out };
  // The kinds are equal, as was checked above.
  const figures = kind === "texts" || kind === "tunes"
    ? await auditOfTexts(sets as Sets<TextSet>, options)
    : await auditOfRows(sets as Sets<ImageTable | NumberTable>, options);
  for (const [name, figure] of Object.entries(figures)) {
    if (figure !== null) session.note(`  ${name.padEnd(18)} ${shownFigure(name, figure.value)}`);
  }
  session.note(`see ${join(out, "report.html")}`);
  judge(figures, flags);
}

interface Sets<S> {
  readonly training: S;
  readonly samples: S;
  readonly heldOut: S | null;
}

interface Context {
  readonly flags: AuditFlags;
  readonly device: Device;
  readonly phases: Phases;
  readonly facts: Omit<AuditParameters, "k" | "ratio" | "psnr" | "peak" | "cells" | "span" | "unit">;
  readonly out: string;
}

async function auditOfTexts(sets: Sets<TextSet>, { flags, phases, facts, out }: Context): Promise<Figures> {
  if (flags.features !== "pixels") {
    throw new UsageError("--features goes with images and not with texts: leave it out");
  }
  const unit = sets.training.kind === "tunes" ? "note" : flags.unit, span = flags.span ?? SPANS[unit];
  const audit = await auditTexts(sets, {
    span,
    seed: flags.seed,
    onProgress: (phase, share) => phases.show(phase, share),
  });
  const parameters = { ...facts, k: null, ratio: null, psnr: null, peak: null, cells: null, span, unit };
  await writeTextAudit(audit, sets, { out, parameters, command: commandOf(flags) });
  return audit.samples.figures;
}

async function auditOfRows(sets: Sets<ImageTable | NumberTable>, context: Context): Promise<Figures> {
  const { flags, device, phases, facts, out } = context, { kind } = sets.training;
  const alike = kind === "images" ? alikeImages(sets as Sets<ImageTable>) : sets;
  const { training, samples, heldOut } = alike;
  for (const [name, set] of [["--samples", samples], ["--held-out", heldOut]] as const) {
    if (set !== null && shapeOf(set) !== shapeOf(training)) {
      throw new UsageError(
        `${name} holds ${kind} of ${shapeOf(set)} and --training of ${
          shapeOf(training)
        }: give both in one shape`,
      );
    }
  }
  if (flags.features !== "pixels" && kind !== "images") {
    throw new UsageError(`--features goes with images and not with ${kind}: leave it out`);
  }
  const peak = kind === "images" ? flags.peak ?? peakOf(training.table) : undefined;
  const withFeatures = async (set: ImageTable | NumberTable) =>
    flags.features === "pixels" || set.kind !== "images"
      ? { table: set.table }
      : { table: set.table, features: await featuresOf(flags.features, set, device) };
  const audit: Audit<RowFinding> = await auditRows({
    training: await withFeatures(training),
    samples: await withFeatures(samples),
    heldOut: heldOut === null ? null : await withFeatures(heldOut),
  }, {
    ...flags,
    device,
    kind,
    peak,
    onProgress: (phase, share) => phases.show(phase, share),
  });
  const images = kind === "images";
  const parameters = {
    ...facts,
    k: flags.k,
    ratio: flags.ratio,
    psnr: images ? flags.psnr : null,
    peak: peak ?? null,
    cells: kind === "sequences" ? null : flags.cells,
    span: null,
    unit: null,
  };
  await writeRowAudit(audit, { training, samples }, { out, parameters, command: commandOf(flags) });
  return audit.samples.figures;
}

function shapeOf(set: ImageTable | NumberTable): string {
  return set.kind === "images" ? set.shape.join("x") : `${set.table.width} numbers`;
}

/** Where one set of images is bytes, the others become what a PNG would hold of them. */
function alikeImages(sets: Sets<ImageTable>): Sets<ImageTable> {
  const all = [sets.training, sets.samples, ...(sets.heldOut === null ? [] : [sets.heldOut])];
  if (!all.some(({ table }) => table.values instanceof Uint8Array)) return sets;
  return {
    training: asBytes(sets.training),
    samples: asBytes(sets.samples),
    heldOut: sets.heldOut === null ? null : asBytes(sets.heldOut),
  };
}

function asBytes(set: ImageTable): ImageTable {
  const { values } = set.table;
  if (values instanceof Uint8Array) return set;
  const peak = peakOf(set.table);
  const level = (value: number): number =>
    peak === 255 ? value : peak === 2 ? (value + 1) * 127.5 : value * 255;
  return {
    ...set,
    table: { ...set.table, values: Uint8Array.from(values, (value) => Math.round(level(value))) },
  };
}

/** Bytes: 255. Floats in 0..1: 1, in -1..1: 2, in 0..255: 255. */
function peakOf({ values }: Table): number {
  if (values instanceof Uint8Array) return 255;
  let low = Infinity, high = -Infinity;
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  if (low >= 0 && high <= 1) return 1;
  if (low >= -1 && high <= 1) return 2;
  if (low >= 0 && high <= 255) return 255;
  throw new UsageError(
    `--peak is missing, as images in ${low}..${high} do not tell their largest value: give it`,
  );
}

/** What a trained model sees of images: the logits of a classifier, or the signs of a binary autoencoder's code. */
async function featuresOf(run: string, { table, shape }: ImageTable, device: Device): Promise<Table> {
  const trained = await load(run, device);
  const [height, width, channels] = shape, { count } = table;
  const pixels = table.values instanceof Uint8Array
    ? new Uint8Array(table.values)
    : Uint8Array.from(table.values, (value) => Math.round(255 * value));
  if (trained.kind === "classifier") {
    const labels = new Uint8Array(count);
    const values = await trained.classify({
      name: run,
      split: "train",
      offset: 0,
      count,
      available: count,
      height,
      width,
      channels,
      classes: 1,
      pixels,
      labels,
      sha256: "",
    });
    return { values, count, width: values.length / count };
  }
  if (trained.kind === "binary-autoencoder") {
    const { codes } = await trained.reconstruct(levels({ pixels }));
    return { values: codes, count, width: codes.length / count };
  }
  throw new UsageError(
    `--features ${run} is a run of a ${trained.kind}: name one of train-classifier or train-autoencoder`,
  );
}

/** Ends the task where a share is above what may be. */
function judge(figures: Figures, { failAbove, failOn }: AuditFlags): void {
  if (failAbove === undefined) return;
  const figure = figures[failOn];
  if (figure === undefined || figure === null) {
    const known = Object.entries(figures).filter(([, one]) => one !== null).map(([name]) => name).join(", ");
    throw new UsageError(`--fail-on ${failOn} is no figure of this audit: current ones are ${known}`);
  }
  if (figure.value > failAbove) {
    throw new Error(`${failOn} is ${figure.value} and may be ${failAbove} at most (--fail-above)`);
  }
}

async function chooseFolder({ out, force }: AuditFlags, samples: string): Promise<string> {
  if (out === undefined) {
    const base = join("runs", `audit-${basename(resolve(samples)).replace(/\.[^.]+$/, "")}`);
    for (let number = 1;; number++) {
      const folder = number === 1 ? base : `${base}-${number}`;
      if (!(await exists(folder))) return folder;
    }
  }
  if (!(await exists(out))) return out;
  const isAudit = await readJson(join(out, "audit.json")).then(() => true, () => false);
  const isEmpty = (await Deno.stat(out)).isDirectory &&
    (await Array.fromAsync(Deno.readDir(out))).length === 0;
  if (isEmpty || isAudit && force) return out;
  throw new UsageError(
    isAudit
      ? `--out ${out} holds an audit: add --force to replace it`
      : `--out ${out} is not empty and no audit: choose another`,
  );
}

/** The command line that makes the same audit again. */
function commandOf(flags: AuditFlags): string {
  const own = Object.entries(flags).filter(([name, value]) =>
    value !== undefined && value !== FLAGS[name as keyof typeof FLAGS].default &&
    !["out", "force", "debug"].includes(name)
  );
  const words = own.map(([name, value]) =>
    `--${name.replace(/[A-Z]/g, (letter) => "-" + letter.toLowerCase())} ${value}`
  );
  return ["deno task audit", ...words].join(" ");
}

/** The progress of an audit, phase by phase; signals are let in on the way. */
class Phases {
  readonly #session: Session;
  #phase = "";
  #start = 0;
  #ended = false;

  constructor(session: Session) {
    this.#session = session;
  }

  async show(phase: string, share: number): Promise<void> {
    if (phase !== this.#phase) {
      this.#phase = phase;
      this.#start = performance.now();
    }
    const position = {
      phase,
      step: Math.floor(100 * share),
      steps: 100,
      seconds: (performance.now() - this.#start) / 1000,
      values: {},
    };
    if (share < 1) this.#session.progress.update(position);
    else if (!this.#ended) this.#session.progress.end(position);
    this.#ended = share >= 1;
    await this.#session.pause();
  }
}

if (import.meta.main) {
  await runTool({
    name: "audit",
    summary:
      "Say how many of a generator's samples are its training data, and what held-out data would score.",
    flags: FLAGS,
    run: audit,
  });
}
