/**
 * `deno task fetch NAME`: the one program that uses the network. It downloads a public data set into the cache, or the
 * weights that the Fréchet Inception distance is defined by.
 */
import { CIFAR100_SOURCE, CIFAR10_SOURCE } from "../data/cifar.ts";
import { INCEPTION_SOURCE } from "../data/inception_weights.ts";
import { MNIST_SOURCE } from "../data/mnist.ts";
import { IMDB_SOURCE, POLARITY_SOURCE } from "../data/sentiment.ts";
import {
  type FetchOptions,
  type FetchProgress,
  type FetchResult,
  fetchSet,
  type RemoteSet,
} from "../data/source.ts";
import type { Output } from "../run/progress.ts";
import { argument, boolean, runTool, UsageError } from "../run/task.ts";

/** The sets that can be downloaded. */
export const REMOTE_SETS: readonly RemoteSet[] = [
  MNIST_SOURCE,
  CIFAR10_SOURCE,
  CIFAR100_SOURCE,
  IMDB_SOURCE,
  POLARITY_SOURCE,
  INCEPTION_SOURCE,
];

const KNOWN = REMOTE_SETS.map(({ name }) => name).join(", ");

/** Downloads the named set, or what is missing of it. */
export async function fetchDataset(name: string, options: FetchOptions = {}): Promise<FetchResult> {
  const set = REMOTE_SETS.find((candidate) => candidate.name === name);
  if (set === undefined) {
    throw new UsageError(`Cannot fetch ${name} as it must be one of: ${KNOWN}`);
  }
  return await fetchSet(set, options);
}

/** One line on how far a file is: `name [#####.....] 50% 4.7 of 9.5 MB`. */
export function progressLine({ file, received, total }: FetchProgress): string {
  const width = 24;
  const filled = Math.floor(width * received / total);
  const bar = "#".repeat(filled) + ".".repeat(width - filled);
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
  const percent = Math.floor(100 * received / total);
  return `${file} [${bar}] ${percent}% ${megabytes(received)} of ${megabytes(total)} MB`;
}

const CLEAR_LINE = "\r\x1b[2K";

/** Shows progress: one live line a file on a terminal, a plain line every few seconds and at its end elsewhere. */
function showProgress({ terminal, write }: Output): (progress: FetchProgress) => void {
  let shown = -Infinity;
  return (progress) => {
    const ended = progress.received === progress.total;
    const now = performance.now();
    if (!ended && now - shown < (terminal ? 100 : 5000)) return;
    shown = now;
    const line = progressLine(progress);
    write(terminal ? `${CLEAR_LINE}${line}${ended ? "\n" : ""}` : `${line}\n`);
  };
}

if (import.meta.main) {
  await runTool({
    name: "fetch",
    summary:
      "Download a public data set, or Inception's weights, into .cache/data/NAME: checked, and resumed where an earlier " +
      "attempt stopped.",
    flags: {
      name: argument({ placeholder: "NAME", help: `one of: ${KNOWN}` }),
      debug: boolean({ help: "show the stack trace of an error" }),
    },
    run: async ({ name }, session) => {
      const result = await fetchDataset(name, { onProgress: showProgress(session.output) });
      const { folder, downloaded, present } = result;
      session.note(
        `${folder}: ${downloaded.length} files downloaded, ${present.length} there already, all verified`,
      );
      return result;
    },
  });
}
