/**
 * Steps on their way to the GPU. Steps are recorded one after the other into one command buffer, which is submitted
 * when it holds some milliseconds of work; a few submits may be under way at a time.
 */

/** Work that one submit should hold: long enough to hide that Deno polls for completion every 10 ms. */
const SUBMIT_MS = 16;
/** Recording this long without a submit would leave the GPU idle. */
const RECORD_MS = 8;
/** Work that may be under way: a few submits of full length, so that the GPU never waits for a poll. */
const UNDER_WAY_MS = 3 * SUBMIT_MS;
const MOST_UNDER_WAY = 32;
/** How much of what is known about the length of a step is kept at each submit. */
const MEMORY = 0.8;

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
    this.checkDevice();
  }

  /** @throws {Error} where the device has failed: what was begun before it was closed is still answered. */
  checkDevice(): void {
    if (this.#message !== undefined) throw new Error(this.#message);
  }
}

export class Queue {
  readonly #device: GPUDevice;
  readonly #failure: Failure;
  readonly #feeds = new Set<Feed>();
  /** What is on its way to the host. */
  readonly #reads = new Set<Promise<unknown>>();
  /** Submits that are not done, oldest first. */
  readonly #underWay = new Set<{ readonly ms: number; readonly done: Promise<void> }>();
  #encoder: GPUCommandEncoder | undefined;
  #steps = 0;
  #firstRecorded = 0;
  /** Milliseconds and steps of the last submits, the newest counting most: their quotient is a step's length. */
  #measured = { ms: SUBMIT_MS, steps: 4 };
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
    if (mustSubmit || this.#lengthOf(this.#steps) >= SUBMIT_MS || now - this.#firstRecorded >= RECORD_MS) {
      this.submit();
    }
    while (this.#isFull()) {
      const [oldest] = this.#underWay;
      await oldest.done;
      this.#failure.checkDevice();
    }
  }

  /** Estimated milliseconds of some steps on the GPU. */
  #lengthOf(steps: number): number {
    return steps * this.#measured.ms / this.#measured.steps;
  }

  #isFull(): boolean {
    if (this.#underWay.size < 2) return false;
    let sum = 0;
    for (const { ms } of this.#underWay) sum += ms;
    return sum > UNDER_WAY_MS || this.#underWay.size > MOST_UNDER_WAY;
  }

  /** A read-back that the device must stay open for. */
  reading<T>(read: Promise<T>): Promise<T> {
    const settled = read.then(() => {}, () => {}).then(() => void this.#reads.delete(settled));
    this.#reads.add(settled);
    return read;
  }

  /** Resolves when all that was asked for has been read back. */
  async settled(): Promise<void> {
    await Promise.all(this.#reads);
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
        const now = performance.now(), ms = now - Math.max(submitted, this.#lastDone);
        this.#lastDone = now;
        // One poll may find several submits done: the first seems long and the others short, the mean is right.
        if (steps > 0) {
          this.#measured = {
            ms: MEMORY * this.#measured.ms + ms,
            steps: MEMORY * this.#measured.steps + steps,
          };
        }
      },
      () => {},
    ).then(() => {
      // Deno may tell of later ones first: were another taken off, who waits for this one would do so for ever.
      this.#underWay.delete(submit);
    });
    const submit = { ms: this.#lengthOf(steps), done };
    this.#underWay.add(submit);
  }
}
