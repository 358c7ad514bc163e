/** The tables of README and results/, written from the list of claims between the marks that name them. */
import { count, percent } from "../report/numbers.ts";
import { type Claim, CLAIMS, type Figure, WITHIN } from "../results/claims.ts";
import { flagName } from "../run/flags.ts";

/** How a metric is called in a table, and how it is written. */
const WORDS: readonly { readonly metric: RegExp; readonly write: (figure: Figure) => string }[] = [
  { metric: /memorized_mass$/, write: (figure) => named("memorized mass", figure, percents) },
  { metric: /memorized_fraction$/, write: (figure) => named("fraction", figure, percents) },
  { metric: /coverage$/, write: (figure) => named("coverage", figure, percents) },
  { metric: /^psnr_db$/, write: (figure) => named("PSNR", figure, decibels) },
  { metric: /^psnr_encoder_db$/, write: (figure) => named("by the encoder alone", figure, decibels) },
  { metric: /^test_psnr_db$/, write: (figure) => named("held-out PSNR", figure, decibels) },
  { metric: /^test_psnr_encoder_db$/, write: (figure) => named("by the encoder alone", figure, decibels) },
  { metric: /^distinct_codes$/, write: ({ value }) => `${count(value)} distinct codes` },
  {
    metric: /^test_nats_per_pixel$/,
    write: ({ value }) => `test cross-entropy ${value.toFixed(4)} nats per pixel`,
  },
  { metric: /^test_accuracy(_|$)/, write: (figure) => named("test accuracy", figure, percents) },
  { metric: /^memorized_images$/, write: ({ value }) => `${count(value)} memorized` },
  { metric: /^learned_accuracy$/, write: (figure) => named("right on what was learned", figure, percents) },
  { metric: /^unlearned_accuracy$/, write: (figure) => named("on the rest", figure, percents) },
  {
    metric: /^halves_correlation$/,
    write: ({ value }) => `scores of two halves correlate by ${value.toFixed(2)}`,
  },
  { metric: /_bits$/, write: ({ value, of }) => `${count(value)} bits held of ${of}` },
  { metric: /^lira_auc$/, write: ({ value }) => `area by likelihood ratio ${value.toFixed(4)}` },
  { metric: /^plain_auc$/, write: ({ value }) => `by probability alone ${value.toFixed(4)}` },
  {
    metric: /^plain_true_positives_01$/,
    write: (figure) => `${percents(figure)} found at 0.1 % false alarms`,
  },
  { metric: /^mean_gain_nats$/, write: ({ value }) => `learning an image adds ${value.toFixed(1)} nats` },
  { metric: /^mean_leave_one_out_nats$/, write: ({ value }) => `leaving it out takes ${value.toFixed(1)}` },
  { metric: /^held_out_mse$/, write: ({ value }) => `held-out MSE ${value.toFixed(4)}` },
  { metric: /^held_out_bce$/, write: ({ value }) => `cross-entropy ${value.toFixed(4)} nats` },
];

function named(words: string, figure: Figure, write: (figure: Figure) => string): string {
  return `${words}${figure.of === undefined ? "" : ` of ${figure.of}`} ${write(figure)}`;
}

/** A mass that is nearly all has a decimal more: what is missing is the figure. */
function percents({ metric, value, deviation }: Figure): string {
  const decimals = metric.endsWith("memorized_mass") && value >= 0.99 ? 3 : 2;
  const written = (share: number): string => (100 * share).toFixed(decimals);
  return deviation === undefined && decimals === 2
    ? percent(value)
    : `${written(value)}${deviation === undefined ? "" : ` ± ${written(deviation)}`} %`;
}

function decibels({ value, deviation }: Figure): string {
  return `${value.toFixed(2)}${deviation === undefined ? "" : ` ± ${deviation.toFixed(2)}`} dB`;
}

/**
 * A figure in words: "memorized mass 99.699 ± 0.014 %".
 *
 * @throws {RangeError} where nobody has said how its metric is written.
 */
export function figureText(figure: Figure): string {
  const words = WORDS.find(({ metric }) => metric.test(figure.metric));
  if (words === undefined) throw new RangeError(`Cannot write ${figure.metric} as it has no words: add them`);
  return words.write(figure);
}

/** How far off another run that confirms a figure may be. */
export function tolerance({ metric, within }: Figure): number {
  const found = within ?? Object.entries(WITHIN).find(([name]) => metric.endsWith(name))?.[1];
  if (found === undefined) {
    throw new RangeError(`Cannot tell what confirms ${metric} as no tolerance is given: add \`within\``);
  }
  return found;
}

/** Whether another run's value confirms a figure. */
export function confirms(figure: Figure, other: number): boolean {
  // A difference of rounded figures may be off by a few bits.
  return Math.abs(other - figure.value) <= tolerance(figure) + 1e-9;
}

/** A claim's command, as a table shows it; a run that another command made is RUN. */
export function claimCommand({ task, flags }: Claim): string {
  const words = Object.entries(flags).map(([name, value]) =>
    value === true ? `--${flagName(name)}` : `--${flagName(name)} ${name === "autoencoder" ? "RUN" : value}`
  );
  return [task, ...words].join(" ");
}

function timeText({ seconds, note }: Claim): string {
  const minutes = (seconds ?? 0) / 60;
  const time = seconds === undefined
    ? []
    : [seconds < 120 ? `${seconds} s` : `${minutes.toFixed(minutes < 10 ? 1 : 0)} min`];
  return [...time, ...note === undefined ? [] : [note]].join(", ");
}

/**
 * The rows of a table in Markdown.
 *
 * @throws {RangeError} where no claim stands in it.
 */
export function claimTable(name: string): string {
  const rows = CLAIMS.filter(({ tables }) => tables.some((table) => table === name));
  if (rows.length === 0) throw new RangeError(`Cannot write the table ${name} as no claim stands in it`);
  return [
    "| command (`deno task …`) | data | reached | time | name |",
    "| --- | --- | --- | --- | --- |",
    ...rows.map((claim) =>
      `| ${
        [
          `\`${claimCommand(claim)}\`${claim.seeds === undefined ? "" : `, ${claim.seeds} seeds`}`,
          claim.data,
          claim.figures.map(figureText).join(", "),
          timeText(claim),
          `\`${claim.name}\``,
        ].join(" | ")
      } |`
    ),
  ].join("\n");
}

const MARKED = /(<!-- claims: (\S+) -->\n)[\s\S]*?(<!-- \/claims -->)/g;

/** A page with every marked table written anew: between `<!-- claims: NAME -->` and `<!-- /claims -->`. */
export function withTables(page: string): string {
  return page.replaceAll(
    MARKED,
    (_, begin: string, name: string, end: string) => `${begin}${claimTable(name)}\n${end}`,
  );
}

/** Pages that may hold such tables, from the project's folder. */
export async function pagesWithTables(root: string): Promise<string[]> {
  const pages = ["README.md"];
  for await (const { name } of Deno.readDir(`${root}/results`)) {
    if (name.endsWith(".md")) pages.push(`results/${name}`);
  }
  return pages.map((page) => `${root}/${page}`).sort();
}
