/** What an audit writes: `audit.json`, a CSV of all samples, and pages for people. */
import { basename, join } from "node:path";
import { writeAtomically, writeJson } from "../base/files.ts";
import { isAuthentic } from "../metrics/mod.ts";
import { type Image, imageGrid, imagesOf, type Sheet, type Tile } from "../report/grid.ts";
import {
  type Block,
  htmlReport,
  type KeyFigure,
  type Section,
  type Table as PageTable,
} from "../report/html.ts";
import type { MarkedLine, MarkedPart } from "../report/marked.ts";
import { count, percent } from "../report/numbers.ts";
import { PALETTE } from "../report/palette.ts";
import {
  type Audit,
  type Figure,
  type Figures,
  isCopy,
  placeInTexts,
  type RowFinding,
  type TextFinding,
} from "./audit.ts";
import type { ImageTable, NumberTable, TextSet } from "./audit_sets.ts";

/** What was set, for `audit.json` and the page. */
export interface AuditParameters {
  readonly kind: string;
  readonly training: string;
  readonly samples: string;
  readonly held_out: string | null;
  readonly features: string;
  readonly training_items: number;
  readonly sample_items: number;
  readonly held_out_items: number | null;
  readonly k: number | null;
  readonly ratio: number | null;
  readonly psnr: number | null;
  readonly peak: number | null;
  readonly cells: number | null;
  readonly span: number | null;
  readonly unit: string | null;
  readonly seed: number;
}

/** Where and what to write. */
export interface PageOptions {
  readonly out: string;
  readonly parameters: AuditParameters;
  /** The command line that makes the audit again. */
  readonly command: string;
}

/** Rows of the page of all samples, pairs on a sheet, marked texts, training items that are listed. */
const LISTED = 20_000;
const PAIRS = 60;
const TEXTS = 40;
const ITEMS = 30;

/** One line for each figure: what it means and when it misleads. */
const MEANINGS: readonly (readonly [RegExp, string, string])[] = [
  [
    /^exact_copies$/,
    "exact copies",
    "Items that equal a training item, number by number or letter by letter. There is no doubt about these; but one " +
    "changed pixel hides a copy, and short or empty items can be equal by chance: see the held-out figure.",
  ],
  [
    /^ratio_below/,
    "near copies by d1/dk",
    "Items that are much nearer to one training item than to the others: d1 = 0, or d1/dk below the threshold. An item of " +
    "which the training set holds several unequal versions (a product shot, a burst of photographs) is missed, as they are " +
    "all near; dull images (a blank wall) are near to one another and rarely counted.",
  ],
  [
    /^psnr_/,
    "near copies by PSNR",
    "Images whose nearest training image in pixels is so similar that its error is hardly seen. A shift by one pixel or a " +
    "mirror image hides a copy; a nearly uniform image passes without being one: see the held-out figure.",
  ],
  [
    /^authentic$/,
    "authentic",
    "Items that are farther from their nearest training item than that item is from its own nearest other. Most " +
    "items that were never learned are; a share far below the held-out one says that samples huddle around training items.",
  ],
  [
    /^c_t$/,
    "data-copying test",
    "C_T compares the distances samples -> training with held-out -> training by their ranks: below -3 samples are nearer " +
    "to the training set than new data are, which is copying; above 3 they are farther, which is poor samples, not " +
    "originality. A few copies among many samples do not move it.",
  ],
  [
    /^c_t_cells$/,
    "data-copying test in cells",
    "The same within each cell of a partition and averaged: copying in one region is not hidden by poor samples in another.",
  ],
  [
    /^copied_tokens$/,
    "tokens in copied stretches",
    "Share of all tokens that lie in a stretch which stands in one training item, token by token, and has at least the " +
    "set length. Names, formulas and quotations are copied by everyone: see the held-out figure.",
  ],
  [
    /^longest_span$/,
    "longest copied stretch",
    "The longest stretch of any item that stands in the training set, in tokens.",
  ],
  [
    /^near_misses$/,
    "near misses",
    "Items without a copied stretch of the set length that would have one but for at most one token in ten.",
  ],
];

/** Writes everything about rows: images, features or sequences. */
export async function writeRowAudit(
  audit: Audit<RowFinding>,
  sets: { readonly training: ImageTable | NumberTable; readonly samples: ImageTable | NumberTable },
  options: PageOptions,
): Promise<void> {
  const { training, samples } = sets, ratio = options.parameters.ratio!;
  const { findings, produced } = audit.samples;
  const order = mostCopied(findings);
  const row = (item: number): (string | number)[] => {
    const one = findings[item], copy = isCopy(one, ratio);
    return [
      samples.name(item),
      copy < 0 ? "new" : one.copyOf >= 0 ? "exact copy" : "near copy",
      training.name(one.copyOf >= 0 ? one.copyOf : one.nearest),
      one.d1,
      one.dk,
      one.d1 === 0 ? 0 : one.d1 / one.dk,
      ...(samples.kind === "images" ? [one.psnr] : []),
      Number.isNaN(one.spacing) ? "" : isAuthentic(one.d1, one.spacing) ? "yes" : "no",
    ];
  };
  const columns = [
    "sample",
    "verdict",
    "nearest training item",
    "d1",
    "dk",
    "d1/dk",
    ...(samples.kind === "images" ? ["psnr_db"] : []),
    "authentic",
  ];
  const distances: Block = {
    kind: "plot",
    plot: {
      kind: "histogram",
      x: { label: `distance from the nearest training item` },
      share: true,
      series: [
        { name: "samples", values: findings.map(({ d1 }) => d1) },
        ...(audit.heldOut === null
          ? []
          : [{ name: "held-out", values: audit.heldOut.findings.map(({ d1 }) => d1) }]),
      ],
    },
    caption:
      "Where samples stand left of held-out data, they are nearer to the training set than new data are.",
  };
  const sheets: Section[] = [];
  if (training.kind === "images" && samples.kind === "images") {
    const [originals, drawn] = [training, samples].map(({ table, shape }) =>
      shownImages(table.values, [table.count, ...shape])
    );
    const pairs: Sheet = {
      sections: [{
        legend: [{ colour: PALETTE.vermilion, text: "a copy, exact or near" }],
        tiles: order.slice(0, PAIRS).map((item): Tile => {
          const one = findings[item], copied = isCopy(one, ratio) >= 0;
          const nearest = one.copyOf >= 0 ? one.copyOf : one.nearest;
          return {
            image: [drawn(item), originals(nearest)],
            label: `${samples.name(item)} / ${training.name(nearest)}`,
            kind: copied ? "copy" : "new",
            frame: copied ? PALETTE.vermilion : undefined,
          };
        }),
      }],
    };
    const often = mostProduced(produced);
    await writeAtomically(join(options.out, "pairs.png"), imageGrid(pairs));
    sheets.push({
      title: "The closest pairs",
      blocks: [{
        kind: "sheet",
        sheet: pairs,
        caption: "Samples above, their nearest training images below, the most copied first.",
      }],
    }, {
      title: "The most copied training items",
      blocks: [
        often.length === 0 ? { kind: "paragraph", text: "No training image was produced." } : {
          kind: "sheet",
          sheet: {
            sections: [{
              tiles: often.map((item) => ({
                image: originals(item),
                label: `${training.name(item)}: ${produced[item]}x`,
              })),
            }],
          },
        },
      ],
    });
  } else {
    sheets.push(
      closestTable({ columns, rows: order.slice(0, PAIRS).map(row) }),
      producedTable(produced, training.name),
    );
  }
  await writeAll(audit, { ...options, columns, rows: findings.map((_, item) => row(item)), order }, [
    ...sheets,
    { title: "Distances", blocks: [distances] },
  ]);
}

/** Writes everything about texts or tunes. */
export async function writeTextAudit(
  audit: Audit<TextFinding>,
  sets: { readonly training: TextSet; readonly samples: TextSet },
  options: PageOptions,
): Promise<void> {
  const { training, samples } = sets, { findings, produced } = audit.samples;
  const place = placeInTexts(training);
  const where = (source: number): string => {
    const { item, token } = place(source), { name, places } = training.items[item];
    const at = `${training.kind === "tunes" ? "note" : "line"} ${places[token]}`;
    return name === at ? at : name.startsWith("line ") ? at : `${name}, ${at}`;
  };
  const share = ({ copied, tokens }: TextFinding): number => copied / tokens;
  const order = findings.map((_, item) => item).sort((a, b) =>
    Number(findings[b].copyOf >= 0) - Number(findings[a].copyOf >= 0) ||
    share(findings[b]) - share(findings[a]) ||
    (findings[b].longest?.length ?? 0) - (findings[a].longest?.length ?? 0) || a - b
  );
  const columns = ["sample", "verdict", "tokens", "copied_tokens", "longest_span", "source"];
  const row = (item: number): (string | number)[] => {
    const one = findings[item];
    const verdict = one.copyOf >= 0
      ? "exact copy"
      : one.spans.length > 0
      ? "copied in part"
      : one.nearMiss !== null
      ? "near miss"
      : "new";
    return [
      samples.name(item),
      verdict,
      one.tokens,
      one.copied,
      one.longest?.length ?? 0,
      one.longest === null ? "" : where(one.longest.source),
    ];
  };
  const lines = order.slice(0, TEXTS).map((item): MarkedLine => {
    const one = findings[item], { tokens } = samples.items[item];
    const joiner = options.parameters.unit === "character" ? "" : " ";
    const parts: MarkedPart[] = [], places: string[] = [];
    const stretches = one.spans.length > 0 || one.nearMiss === null ? one.spans : [one.nearMiss];
    let at = 0;
    const add = (to: number, mark?: string): void => {
      if (to <= at) return;
      if (joiner !== "" && at > 0) parts.push({ text: joiner });
      parts.push({ text: tokens.slice(at, to).join(joiner), mark });
      at = to;
    };
    for (const { start, length, source } of stretches) {
      add(start);
      add(start + length, `${length} tokens from ${where(source)}`);
      places.push(where(source));
    }
    add(tokens.length);
    return { parts, note: `${samples.name(item)}: ${places.join("; ") || "new"}`, strong: one.copyOf >= 0 };
  });
  await writeAll(audit, { ...options, columns, rows: findings.map((_, item) => row(item)), order }, [
    {
      title: "The most copied samples",
      blocks: [{
        kind: "marked",
        lines,
        wrap: true,
        caption:
          "Marked are the stretches that stand in the training set, with the place where each does first. An item " +
          "that is marked as a whole is a training item; of an item without a copied stretch its near miss is marked.",
      }],
    },
    producedTable(produced, training.name),
    {
      title: "Lengths of copied stretches",
      blocks: [{
        kind: "plot",
        plot: {
          kind: "histogram",
          x: { label: "longest stretch of an item that stands in the training set", unit: "tokens" },
          share: true,
          series: [
            { name: "samples", values: findings.map(({ longest }) => longest?.length ?? 0) },
            ...(audit.heldOut === null ? [] : [{
              name: "held-out",
              values: audit.heldOut.findings.map(({ longest }) => longest?.length ?? 0),
            }]),
          ],
        },
      }],
    },
  ]);
}

/** The rows of copies, the most certain first: equal ones, then by d1/dk, then by d1. */
function mostCopied(findings: readonly RowFinding[]): number[] {
  const key = ({ d1, dk }: RowFinding): number => d1 === 0 ? -1 : Number.isNaN(dk) ? 1 : d1 / dk;
  return findings.map((_, item) => item).sort((a, b) =>
    Number(findings[b].copyOf >= 0) - Number(findings[a].copyOf >= 0) ||
    key(findings[a]) - key(findings[b]) ||
    findings[a].d1 - findings[b].d1 || a - b
  );
}

function mostProduced(produced: Int32Array): number[] {
  return Array.from(produced.keys()).filter((item) => produced[item] > 0)
    .sort((a, b) => produced[b] - produced[a] || a - b).slice(0, ITEMS);
}

function producedTable(produced: Int32Array, name: (item: number) => string): Section {
  const often = mostProduced(produced), different = produced.filter((times) => times > 0).length;
  return {
    title: "The most copied training items",
    blocks: [
      {
        kind: "paragraph",
        text: `${count(different)} of ${count(produced.length)} training items were produced at least once.`,
      },
      ...(often.length === 0 ? [] : [
        {
          kind: "table",
          table: {
            columns: ["Training item", "Times"],
            rows: often.map((item) => [literal(name(item)), produced[item]]),
          },
        } as const,
      ]),
    ],
  };
}

function closestTable(table: PageTable): Section {
  return { title: "The closest pairs", blocks: [{ kind: "table", table: plain(table) }] };
}

/** Images as a page shows them: floats in -1..1 are brought to 0..1. */
function shownImages(values: ArrayLike<number>, shape: readonly number[]): (index: number) => Image {
  if (values instanceof Uint8Array) {
    const images = imagesOf(values, shape);
    return (index) => images[index];
  }
  const floats = values as Float32Array,
    size = shape.slice(1).reduce((product, extent) => product * extent, 1);
  let low = 0, high = 1;
  for (const value of floats) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return (index) => ({
    pixels: floats.slice(index * size, (index + 1) * size).map((value) => (value - low) / (high - low)),
    shape: shape.slice(1),
  });
}

async function writeAll<Finding>(
  audit: Audit<Finding>,
  options: PageOptions & {
    readonly columns: readonly string[];
    /** A row a sample, in the order of the samples. */
    readonly rows: readonly (readonly (string | number)[])[];
    /** The samples, the most copied first. */
    readonly order: readonly number[];
  },
  sections: readonly Section[],
): Promise<void> {
  const { out, parameters, columns, rows, order, command } = options;
  const samples = audit.samples.figures, heldOut = audit.heldOut?.figures ?? null;
  await writeAtomically(
    join(out, "samples.csv"),
    [columns, ...rows].map((row) => row.map(cell).join(",") + "\n").join(""),
  );
  const title = `Audit of ${basename(parameters.samples)}`;
  const listed = order.slice(0, LISTED);
  await writeAtomically(
    join(out, "samples.html"),
    await htmlReport({
      title: `All samples: ${title}`,
      abstract:
        `The most copied first. ${
          listed.length < rows.length ? `The first ${count(listed.length)} of ${count(rows.length)}. ` : ""
        }` +
        "In their own order they are all in `samples.csv`.",
      sections: [{
        title: "Samples",
        blocks: [{
          kind: "table",
          table: { ...plain({ columns, rows: listed.map((item) => rows[item]) }), search: true },
        }],
      }],
    }),
  );
  const entries = Object.keys(samples).map((name) => ({
    name,
    meaning: MEANINGS.find(([pattern]) => pattern.test(name))!,
  }));
  const cards = entries.flatMap(({ name, meaning: [, label] }): KeyFigure[] => {
    const figure = samples[name], twin = heldOut?.[name];
    return figure === null ? [] : [{
      label,
      value: shownFigure(name, figure.value),
      note: [interval(name, figure), ...(twin ? [`held-out: ${shownFigure(name, twin.value)}`] : [])].filter(
        Boolean,
      ).join("; "),
    }];
  });
  const table: PageTable = {
    columns: ["Figure", "Samples", "95% interval", "Held-out", "95% interval"],
    rows: entries.map(({ name }) => [`\`${name}\``, ...half(name, samples), ...half(name, heldOut)]),
  };
  await writeAtomically(
    join(out, "report.html"),
    await htmlReport({
      title,
      abstract:
        `${count(parameters.sample_items)} samples against ${
          count(parameters.training_items)
        } training items` +
        (parameters.held_out_items === null
          ? ". There is no held-out set: what new data would score is not known, so read only the exact copies as they stand."
          : `, and ${
            count(parameters.held_out_items)
          } held-out items against the same: what data that were never learned score.`),
      figures: cards,
      sections: [
        {
          title: "Figures",
          blocks: [
            { kind: "table", table },
            {
              kind: "terms",
              terms: entries.map(({ name, meaning: [, , text] }) => ({ term: `\`${name}\``, text })),
            },
            {
              kind: "paragraph",
              text:
                "A row for each sample is in `samples.html`, which can be searched, and in `samples.csv`.",
            },
          ],
        },
        ...sections,
      ],
      references: ["datacopying", "authenticity", "wilson"],
      configuration: Object.fromEntries(Object.entries(parameters).filter(([, value]) => value !== null)),
      command,
    }),
  );
  // Last: where it stands, the rest does.
  await writeJson(join(out, "audit.json"), { samples, held_out: heldOut, parameters });
}

function half(name: string, figures: Figures | null): string[] {
  const figure = figures?.[name];
  return figure ? [shownFigure(name, figure.value), interval(name, figure)] : ["–", ""];
}

function isShare(name: string): boolean {
  return !name.startsWith("c_t") && name !== "longest_span";
}

/** A figure for people. */
export function shownFigure(name: string, value: number): string {
  return isShare(name) ? percent(value) : name === "longest_span" ? count(value) : value.toFixed(2);
}

function interval(name: string, { low, high }: Figure): string {
  return low === null || high === null ? "" : `${shownFigure(name, low)} to ${shownFigure(name, high)}`;
}

/** A table whose texts stand for themselves. */
function plain(table: PageTable): PageTable {
  return {
    ...table,
    rows: table.rows.map((row) =>
      row.map((one) => typeof one === "number" ? Number.isNaN(one) ? "" : one : literal(one))
    ),
  };
}

/** A text without the signs that stand for code, formulas and emphasis in reports. */
function literal(text: string): string {
  return text.replaceAll(/[`$*]/g, " ").replaceAll("[", "(").replaceAll("]", ")");
}

function cell(value: string | number): string {
  if (typeof value === "number") return Number.isNaN(value) ? "" : String(value);
  return /[",\n\r]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}
