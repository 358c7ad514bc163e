/** The pages about texts and tunes. */
import type { MarkedLine, MarkedPart } from "../../report/marked.ts";
import { type Audit, placeInTexts, type TextFinding } from "../audit.ts";
import type { TextSet } from "../audit_sets.ts";
import { type PageOptions, producedSection, writePages } from "./pages.ts";

/** Texts that are shown with their marks. */
const TEXTS = 40;

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
    const from = places.length === 0 ? "new" : `from ${places.join("; ")} of the training set`;
    return { parts, note: `${samples.name(item)} of the samples: ${from}`, strong: one.copyOf >= 0 };
  });
  await writePages(audit, { ...options, columns, rows: findings.map((_, item) => row(item)), order }, [
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
    producedSection(produced, { name: training.name }),
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
