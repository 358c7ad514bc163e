/** What Slurm says: its commands, as they are called here. */

/** A task of a job array, or a single job, that Slurm has not done with. */
export interface QueuedTask {
  /** The number of its array, as dependencies name it. */
  readonly array: string;
  /** The name of the job. */
  readonly name: string;
  /** Its place in the array; undefined for a single job. */
  readonly index: number | undefined;
  /** Whether it has been started, or else waits. */
  readonly started: boolean;
}

/** Columns of `squeue` that `parseQueue` reads. */
const COLUMNS = "%F|%K|%T|%j";

/** This user's jobs. */
export async function askQueue(): Promise<readonly QueuedTask[]> {
  return parseQueue(await slurm("squeue", ["--me", "--array", "--noheader", `--format=${COLUMNS}`]));
}

/** Reads what `squeue` printed. */
export function parseQueue(text: string): QueuedTask[] {
  return text.split("\n").filter((line) => line.trim() !== "").map((line) => {
    const [array, index, state, ...name] = line.trim().split("|");
    return {
      array,
      name: name.join("|"),
      index: /^\d+$/.test(index) ? Number(index) : undefined,
      started: state !== "PENDING",
    };
  });
}

/** How many tasks an array may have on this cluster. */
export async function askArraySize(): Promise<number> {
  return parseArraySize(await slurm("scontrol", ["show", "config"]));
}

/** The largest array by what `scontrol show config` printed: places go from 0 to one less than MaxArraySize. */
export function parseArraySize(text: string): number {
  const found = /^MaxArraySize\s*=\s*(\d+)/m.exec(text);
  return found === null ? 1 : Math.max(1, Number(found[1]));
}

/** Hands a script to Slurm and returns the number of its job. */
export async function submit(
  script: string,
  { after }: { readonly after: readonly string[] },
): Promise<string> {
  const dependency = after.length === 0 ? [] : [`--dependency=afterany:${after.join(":")}`];
  const said = await slurm("sbatch", ["--parsable", ...dependency, script]);
  return said.trim().split(";")[0];
}

/**
 * Runs one of Slurm's commands.
 *
 * @throws {Error} where it is not on this machine, or what it said when it failed.
 */
async function slurm(command: "sbatch" | "squeue" | "scontrol", args: readonly string[]): Promise<string> {
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command(command, { args: [...args], stdin: "null" }).output();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(
      `Cannot start ${command} as it is not on this machine: use a machine of the cluster, or --executor local`,
    );
  }
  const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  if (output.success) return decode(output.stdout);
  const said = decode(output.stderr).trim().split("\n").at(-1);
  throw new Error(`Cannot go on as ${command} says "${said}": mend that, or use --executor local`);
}
