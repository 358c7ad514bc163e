/** A peer whose process is kept from one workload to the next: PyTorch takes seconds to start. */
import { Peer } from "./protocol.ts";
import type { Contestant } from "./race.ts";

/** The process: started when it is needed, and anew after an error, which may have spoilt its GPU's state. */
export class KeptPeer implements AsyncDisposable {
  readonly #command: readonly string[];
  readonly #loadLimit: (usual: number) => number;
  #peer: Peer | undefined;

  /** `loadLimit` gives the seconds that a load may take, from what a race allows. */
  constructor(command: readonly string[], loadLimit: (usual: number) => number) {
    this.#command = command;
    this.#loadLimit = loadLimit;
  }

  /** What takes part in a race; its end is not the process's. One race at a time. */
  contestant(): Contestant {
    return {
      load: (request) =>
        this.#ask((peer) => peer.load({ ...request, limit: this.#loadLimit(request.limit) })),
      time: (request) => this.#ask((peer) => peer.time(request)),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }

  async #ask<T>(question: (peer: Peer) => Promise<T>): Promise<T> {
    this.#peer ??= new Peer(this.#command);
    try {
      return await question(this.#peer);
    } catch (error) {
      await this[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Ends the process. */
  async [Symbol.asyncDispose](): Promise<void> {
    const peer = this.#peer;
    this.#peer = undefined;
    await peer?.[Symbol.asyncDispose]();
  }
}
