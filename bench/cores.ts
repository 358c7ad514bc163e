/**
 * How many cores' worth of work the machine does at once: what its processors are in name, they are not always in fact. A
 * virtual machine's may share one core of the host, with each other or with a neighbour's, and that changes by the minute.
 */
import type { Peer } from "./protocol.ts";

const WORKLOAD = "matmul-512";
/** Some 100 milliseconds. */
const STEPS = 20;
const LIMIT = 60;

/** Processes of one thread, one for each processor, that do the same product alone and all at once. */
export class Cores implements AsyncDisposable {
  readonly #peers: readonly Peer[];

  private constructor(peers: readonly Peer[]) {
    this.#peers = peers;
  }

  static async open(peers: readonly Peer[]): Promise<Cores> {
    for (const peer of peers) {
      await peer.load({ workload: WORKLOAD, threads: 1, limit: LIMIT });
      await peer.time({ steps: STEPS, limit: LIMIT });
    }
    return new Cores(peers);
  }

  /** The sum over processes of their rate at once over their rate alone: at most their number, but for noise. */
  async measure(): Promise<number> {
    const time = async (peer: Peer): Promise<number> =>
      (await peer.time({ steps: STEPS, limit: LIMIT })).seconds;
    const alone: number[] = [];
    for (const peer of this.#peers) alone.push(await time(peer));
    const together = await Promise.all(this.#peers.map(time));
    return alone.reduce((sum, seconds, i) => sum + seconds / together[i], 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const peer of this.#peers) await peer[Symbol.asyncDispose]();
  }
}
