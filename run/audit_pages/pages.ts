/** What every audit writes: `audit.json`, a CSV and a page of all samples, and the report. */
import { basename, join } from "node:path";
import { writeAtomically, writeJson } from "../../base/files.ts";
import type { Image } from "../../report/grid.ts";
import {
  type Block,
  htmlReport,
  type KeyFigure,
  type Section,
  type Table as PageTable,
} from "../../report/html.ts";
import { count } from "../../report/numbers.ts";
import type { Audit } from "../audit.ts";
import { figureCells, interval, meaningOf, shownFigure } from "./figures.ts";

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

/** Rows of the page of all samples, and training items that are listed. */
const LISTED = 20_000;
const ITEMS = 30;

/** Writes all files of an audit; `sections` are the report's own, after the figures. */
export async function writePages<Finding>(
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
        "In their own order they are all in [samples.csv](samples.csv).",
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
    ...meaningOf(name),
  }));
  const cards = entries.flatMap(({ name, label }): KeyFigure[] => {
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
    rows: entries.map((
      { name },
    ) => [`\`${name}\``, ...figureCells(name, samples), ...figureCells(name, heldOut)]),
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
              terms: entries.map(({ name, text }) => ({ term: `\`${name}\``, text })),
            },
            {
              kind: "paragraph",
              text:
                "A row for each sample is in [samples.html](samples.html), which can be searched, and in [samples.csv](samples.csv).",
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

/** The training items that were produced most often: as a sheet where there is an `image` of each, else as a table. */
export function producedSection(
  produced: Int32Array,
  { name, image }: {
    readonly name: (item: number) => string;
    readonly image?: (item: number) => Image;
  },
): Section {
  const often = Array.from(produced.keys()).filter((item) => produced[item] > 0)
    .sort((a, b) => produced[b] - produced[a] || a - b).slice(0, ITEMS);
  const different = produced.filter((times) => times > 0).length;
  const list: Block = image === undefined
    ? {
      kind: "table",
      table: {
        columns: ["Training item", "Times"],
        rows: often.map((item) => [literal(name(item)), produced[item]]),
      },
    }
    : {
      kind: "sheet",
      sheet: {
        sections: [{
          tiles: often.map((item) => ({ image: image(item), label: `${name(item)}: ${produced[item]}x` })),
        }],
      },
    };
  return {
    title: "The most copied training items",
    blocks: [
      {
        kind: "paragraph",
        text: `${count(different)} of ${count(produced.length)} training items were produced at least once.`,
      },
      ...(often.length === 0 ? [] : [list]),
    ],
  };
}

/** A table whose texts stand for themselves. */
export function plain(table: PageTable): PageTable {
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
