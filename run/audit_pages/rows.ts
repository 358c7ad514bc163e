/** The pages about images, features and sequences. */
import { join } from "node:path";
import { writeAtomically } from "../../base/files.ts";
import { isAuthentic } from "../../metrics/mod.ts";
import { type Image, imageGrid, imagesOf, type Sheet, type Tile } from "../../report/grid.ts";
import type { Block, Section, Table as PageTable } from "../../report/html.ts";
import { PALETTE } from "../../report/palette.ts";
import { type Audit, isCopy, type RowFinding } from "../audit.ts";
import type { ImageTable, NumberTable } from "../audit_sets.ts";
import { type PageOptions, plain, producedSection, writePages } from "./pages.ts";

/** Pairs on a sheet. */
const PAIRS = 60;

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
    await writeAtomically(join(options.out, "pairs.png"), imageGrid(pairs));
    sheets.push({
      title: "The closest pairs",
      blocks: [{
        kind: "sheet",
        sheet: pairs,
        caption: "Samples above, their nearest training images below, the most copied first.",
      }],
    }, producedSection(produced, { name: training.name, image: originals }));
  } else {
    sheets.push(
      closestTable({ columns, rows: order.slice(0, PAIRS).map(row) }),
      producedSection(produced, { name: training.name }),
    );
  }
  await writePages(audit, { ...options, columns, rows: findings.map((_, item) => row(item)), order }, [
    ...sheets,
    { title: "Distances", blocks: [distances] },
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
