import type { TraceKernel } from "./kernel.ts";
export const resizing: readonly TraceKernel[] = [];
