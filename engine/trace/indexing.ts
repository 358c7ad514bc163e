import type { TraceKernel } from "./kernel.ts";
export const indexing: readonly TraceKernel[] = [];
