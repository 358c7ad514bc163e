/**
 * Steps on their way to the GPU. Steps are recorded one after the other into one command buffer, which is submitted
 * when it holds some milliseconds of work; a few submits may be under way at a time.
 */

/** Work that one submit should hold: long enough to hide that Deno polls for completion every 10 ms. */
const SUBMIT_MS = 16;
/** Recording this long without a submit would leave the GPU idle. */
const RECORD_MS = 8;
const SUBMITS_UNDER_WAY = 3;

/** A batch's host data: written to the GPU just before the batch is submitted. */
export interface Feed {
  /** Writes what has been collected. */
  flush(): void;
}

/** Turns errors of the device, which WebGPU reports on the side, into one exception at the next call. */
export class Failure {
  #message: string | undefined;
  #closed = false;

  constructor(device: GPUDevice) {
    device.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      this.set(
        `Cannot go on as the GPU reported an error: ${(event as GPUUncapturedErrorEvent).error.message}`,
      );
    });
    device.lost.then(({ reason, message }) => {
      if (reason !== "destroyed") {
        this.set(
          `Cannot go on as the GPU was lost (${message}): start again, from the checkpoint if there is one`,
        );
      }
    });
  }

  set(message: string): void {
    this.#message ??= message;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Says that the device is closed: nothing may be asked of it any more. */
  close(): void {
    this.#closed = true;
  }

  /** @throws {Error} where the device has failed or is closed. */
  check(): void {
    if (this.#closed) {
      throw new Error("Cannot use the GPU as its device is closed: open another with openDevice");
    }
    if (this.#message !== undefined) throw new Error(this.#message);
  }
}

export class Queue {
  readonly #device: GPUDevice;
  readonly #failure: Failure;
  readonly #feeds = new Set<Feed>();
  readonly #underWay: Promise<unknown>[] = [];
  #encoder: GPUCommandEncoder | undefined;
  #steps = 0;
  #firstRecorded = 0;
  /** Estimated milliseconds of a step on the GPU. */
  #stepMs = SUBMIT_MS / 4;
  #lastDone = 0;

  constructor(device: GPUDevice, failure: Failure) {
    this.#device = device;
    this.#failure = failure;
  }

  /** The encoder that the next commands go to. `feed` is flushed before they are submitted. */
  encoder(feed?: Feed): GPUCommandEncoder {
    if (feed !== undefined) this.#feeds.add(feed);
    if (this.#encoder === undefined) {
      this.#encoder = this.#device.createCommandEncoder();
      this.#firstRecorded = performance.now();
    }
    return this.#encoder;
  }

  /** Ends a step: submits if enough has been recorded, and waits while too much is under way. */
  async stepped(mustSubmit: boolean): Promise<void> {
    this.#steps++;
    const now = performance.now();
    if (mustSubmit || this.#steps * this.#stepMs >= SUBMIT_MS || now - this.#firstRecorded >= RECORD_MS) {
      this.submit();
    }
    if (this.#underWay.length > SUBMITS_UNDER_WAY) {
      await this.#underWay[0];
      this.#failure.check();
    }
  }

  /** Sends what has been recorded. */
  submit(): void {
    if (this.#encoder === undefined) return;
    for (const feed of this.#feeds) feed.flush();
    this.#feeds.clear();
    const steps = this.#steps;
    this.#device.queue.submit([this.#encoder.finish()]);
    this.#encoder = undefined;
    this.#steps = 0;
    const submitted = performance.now();
    const done = this.#device.queue.onSubmittedWorkDone().then(
      () => {
        const now = performance.now(), began = Math.max(submitted, this.#lastDone);
        this.#lastDone = now;
        // Too long by up to Deno's polling interval: a submit is then shorter than it might be, never too long.
        if (steps > 0) this.#stepMs = (now - began) / steps;
      },
      () => {},
    ).then(() => {
      this.#underWay.shift();
    });
    this.#underWay.push(done);
  }
}
