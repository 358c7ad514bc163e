/** The flags that say where the runs of a list are made: the same in every task that makes some. */
import { boolean, choice, type Flags, type FlagValues, integer, text } from "../flags.ts";

/** To be spread among the flags of a task that calls `runManifest`. */
export const executorFlags = {
  executor: choice(["local", "slurm"], {
    default: "local",
    help: "where runs are made: by this machine's processors, or as job arrays of Slurm",
  }),
  slurm: text({
    placeholder: "OPTIONS",
    dashed: true,
    help: 'options of sbatch, such as "--partition=cpu --time=4:00:00"',
  }),
  requeues: integer({ min: 0, default: 10, help: "how often Slurm puts a stopped run back at most" }),
  chain: boolean({
    help: "put back by arrays that wait for one another, for clusters whose nodes have no scontrol",
  }),
  dryRun: boolean({ help: "print what would be started, and start nothing" }),
  collect: boolean({
    help: "only go on with what is finished: what Slurm starts when all runs have ended",
  }),
} as const satisfies Flags;

/** What they say. */
export type ExecutorFlags = FlagValues<typeof executorFlags>;
