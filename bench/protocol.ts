/**
 * What a benchmark and a peer say to each other: one JSON object a line on the peer's standard input and output,
 * one reply a request.
 *
 *   {"do": "load", "workload": "mlp"}   ->  {"description": "1 thread"}
 *   {"do": "time", "steps": 40}         ->  {"seconds": 0.21, "loss": 2.1}     the loss of the last of these steps
 *
 * Either may be answered by {"error": "why not"}. A peer ends when its input does.
 */

/** What a peer is asked. */
export type Request =
  | { readonly do: "load"; readonly workload: string; readonly threads?: number }
  | { readonly do: "time"; readonly steps: number };

/** A workload that is ready to be timed. */
export interface Loaded {
  /** For people: version, threads, what was chosen. */
  readonly description: string;
  /** Runs `steps` steps and reads the last one's loss. */
  readonly run: (steps: number) => Promise<number>;
}

async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  for await (
    const text of stream.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>)
  ) {
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    yield* parts.filter((line) => line.trim() !== "");
  }
}

/** One line that says what went wrong. */
export function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0];
}

/** Answers requests on standard input until it ends: the whole program of a peer written in TypeScript. */
export async function serve(
  load: (workload: string, threads: number | undefined) => Promise<Loaded>,
): Promise<void> {
  // Libraries greet on the console; standard output belongs to the protocol.
  console.log = console.info = console.warn = console.error;
  let loaded: Loaded | undefined;
  const answer = async (request: Request): Promise<Readonly<Record<string, unknown>>> => {
    if (request.do === "load") {
      loaded = await load(request.workload, request.threads);
      return { description: loaded.description };
    }
    if (loaded === undefined) throw new Error("Cannot time a workload before one is loaded");
    const start = performance.now();
    const loss = await loaded.run(request.steps);
    return { seconds: (performance.now() - start) / 1000, loss };
  };
  for await (const line of lines(Deno.stdin.readable)) {
    const reply = await answer(JSON.parse(line) as Request).catch((error) => ({ error: reasonOf(error) }));
    await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(reply) + "\n"));
  }
}

/** A peer's process, from the benchmark's side. */
export class Peer implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #replies: AsyncGenerator<string>;
  #lastWords = "";
  readonly #errors: Promise<void>;

  constructor(command: readonly string[]) {
    this.#process = new Deno.Command(command[0], {
      args: command.slice(1),
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#writer = this.#process.stdin.getWriter();
    this.#replies = lines(this.#process.stdout);
    this.#errors = this.#listen();
  }

  async #listen(): Promise<void> {
    for await (const line of lines(this.#process.stderr)) this.#lastWords = line.trim();
  }

  /** Prepares a workload; resolves to the peer's description of itself. */
  async load(request: { workload: string; threads?: number; limit: number }): Promise<string> {
    const { limit, ...rest } = request;
    return String((await this.#ask({ do: "load", ...rest }, limit)).description);
  }

  /** Runs `steps` steps within `limit` seconds. */
  async time(request: { steps: number; limit: number }): Promise<{ seconds: number; loss: number }> {
    const reply = await this.#ask({ do: "time", steps: request.steps }, request.limit);
    return { seconds: Number(reply.seconds), loss: Number(reply.loss) };
  }

  async #ask(request: Request, limit: number): Promise<Readonly<Record<string, unknown>>> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new Error(`${request.do === "load" ? "loading" : "a step"} took over ${Math.round(limit)} s`));
      }, limit * 1000);
    });
    try {
      return await Promise.race([this.#exchange(request), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #exchange(request: Request): Promise<Readonly<Record<string, unknown>>> {
    // A peer that has died says why on its standard error, not through the pipe that breaks.
    await this.#writer.write(new TextEncoder().encode(JSON.stringify(request) + "\n")).catch(() => {});
    const { value, done } = await this.#replies.next();
    if (done) {
      await this.#errors;
      throw new Error(`the peer ended: ${this.#lastWords || "without a word"}`);
    }
    const reply = JSON.parse(value) as Readonly<Record<string, unknown>>;
    if (reply.error !== undefined) throw new Error(String(reply.error));
    return reply;
  }

  /** Ends the process at once: a step that takes too long cannot be asked to stop. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#process.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    await this.#process.status;
    await this.#writer.abort().catch(() => {});
    await this.#errors;
  }
}
