/** What comes back from the GPU: bytes, and times by its own clock. */

/** Most passes that one query set counts. */
const MOST_PASSES = 2048;

/** A copy of the first `bytes` bytes of a mappable buffer. Waits for the GPU (Deno polls: 11 ms at least). */
export async function fetchBytes(buffer: GPUBuffer, bytes: number): Promise<ArrayBuffer> {
  await buffer.mapAsync(GPUMapMode.READ, 0, bytes);
  const copy = buffer.getMappedRange(0, bytes).slice(0);
  buffer.unmap();
  return copy;
}

/** Milliseconds of each pass, which are run one by one. Needs the feature "timestamp-query"; waits for the GPU. */
export async function timePasses(
  device: GPUDevice,
  queue: { encoder(): GPUCommandEncoder; submit(): void },
  passes: readonly ((pass: GPUComputePassEncoder) => void)[],
): Promise<Float64Array> {
  const times = new Float64Array(passes.length);
  for (let from = 0; from < passes.length; from += MOST_PASSES) {
    const count = Math.min(MOST_PASSES, passes.length - from), bytes = 16 * count, encoder = queue.encoder();
    const querySet = device.createQuerySet({ type: "timestamp", count: 2 * count });
    const resolved = device.createBuffer({
      size: bytes,
      usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    });
    const mapped = device.createBuffer({
      size: bytes,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    for (let i = 0; i < count; i++) {
      const pass = encoder.beginComputePass({
        timestampWrites: { querySet, beginningOfPassWriteIndex: 2 * i, endOfPassWriteIndex: 2 * i + 1 },
      });
      passes[from + i](pass);
      pass.end();
    }
    encoder.resolveQuerySet(querySet, 0, 2 * count, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, mapped, 0, bytes);
    queue.submit();
    const stamps = new BigInt64Array(await fetchBytes(mapped, bytes));
    for (let i = 0; i < count; i++) times[from + i] = Number(stamps[2 * i + 1] - stamps[2 * i]) / 1e6;
    for (const made of [querySet, resolved, mapped]) made.destroy();
  }
  return times;
}
