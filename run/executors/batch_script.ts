/** The scripts that Slurm gets. */
import { join } from "node:path";
import { shellWord } from "../command.ts";

/** What is common to the scripts of a list. */
export interface ScriptSetup {
  /** Names the job and its logs. */
  readonly name: string;
  /** Holds the logs. */
  readonly logs: string;
  /** Where commands are started. */
  readonly directory: string;
  /** Options of the user's own: later ones replace earlier ones, so that these go before ours that must hold. */
  readonly options: string | undefined;
}

/** Seconds before the job's end at which Slurm sends SIGTERM, and at which a run that got none stops by itself. */
const WARNED = 60, WATCHED = 30;

/**
 * The script of a job array, a command a task. SIGTERM goes on to the run, which writes its checkpoint; a run that was
 * stopped or killed is put back, at most `requeues` times, unless its job was cancelled.
 */
export function arrayScript(
  setup: ScriptSetup,
  { commands, threads, requeues }: {
    /** The words of each command. */
    readonly commands: readonly (readonly string[])[];
    readonly threads: number | undefined;
    readonly requeues: number;
  },
): string {
  const cases = commands.map((words, index) => `  ${index}) run=(${words.map(shellWord).join(" ")}) ;;`);
  return [
    ...head(setup, {
      before: [
        "--requeue",
        `--signal=B:TERM@${WARNED}`,
        ...threads === undefined ? [] : [`--cpus-per-task=${threads}`],
      ],
      after: [`--array=0-${commands.length - 1}`],
      log: `${setup.name}-%a.log`,
    }),
    "case $SLURM_ARRAY_TASK_ID in",
    ...cases,
    "esac",
    'echo "job $SLURM_JOB_ID on $(hostname), put back ${SLURM_RESTART_COUNT:-0} times"',
    "# The last task of an array has the array's own number: only this names it alone.",
    "task=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID",
    "",
    "# The run watches the clock as well, as signals may be lost. Older versions of Slurm do not name the end.",
    "end=${SLURM_JOB_END_TIME:-}",
    'if [ -z "$end" ]; then',
    '  said=$(squeue --noheader --jobs="$task" --format=%e 2>/dev/null)',
    '  case $said in [0-9]*) end=$(date -d "$said" +%s) ;; esac',
    "fi",
    `if [ -n "$end" ]; then run+=("--until=$((end - ${WATCHED}))"); fi`,
    "",
    "# Slurm warns this shell alone; the run writes its checkpoint and ends.",
    "trap 'warned=1; kill -TERM \"$pid\" 2>/dev/null' TERM",
    '"${run[@]}" &',
    "pid=$!",
    'if [ -n "${warned:-}" ]; then kill -TERM "$pid"; fi',
    'wait "$pid"; code=$?',
    "# A signal ends the waiting, not the run.",
    'while [ "$code" -gt 128 ] && kill -0 "$pid" 2>/dev/null; do wait "$pid"; code=$?; done',
    'if [ "$code" -le 128 ]; then exit "$code"; fi',
    ...requeues === 0 ? [] : puttingBack(requeues),
    'exit "$code"',
    "",
  ].join("\n");
}

/** What a script does with a run that was stopped or killed. */
function puttingBack(requeues: number): string[] {
  return [
    "",
    "# Stopped or killed. A job that was cancelled is completing by now, and stays so.",
    'state=$(squeue --noheader --jobs="$task" --format=%T 2>/dev/null)',
    'if [ "${state:-RUNNING}" != RUNNING ]; then exit "$code"; fi',
    `if [ "\${SLURM_RESTART_COUNT:-0}" -lt ${requeues} ]; then`,
    "  trap '' TERM",
    '  scontrol requeue "$task" || echo "not put back: scontrol is missing or refused"',
    "else",
    `  echo "not put back again: ${requeues} times are allowed"`,
    "fi",
  ];
}

/** The script of the job that goes on when the runs have ended. */
export function collectScript(setup: ScriptSetup, command: readonly string[]): string {
  return [
    ...head(setup, { before: ["--requeue"], after: [], log: `${setup.name}.log` }),
    `exec ${command.map(shellWord).join(" ")}`,
    "",
  ].join("\n");
}

function head(
  { name, logs, directory, options }: ScriptSetup,
  { before, after, log }: {
    readonly before: readonly string[];
    readonly after: readonly string[];
    readonly log: string;
  },
): string[] {
  const paths = [`--chdir=${shellWord(directory)}`, `--output=${shellWord(join(logs, log))}`];
  return [
    "#!/bin/bash",
    ...[
      ...before,
      ...options === undefined ? [] : [options],
      `--job-name=${name}`,
      ...after,
      "--open-mode=append",
      ...paths,
    ].map((option) => `#SBATCH ${option}`),
    "",
  ];
}
