/** What a program may hold, so that every executor can run it: of one map, one instance, one reduce or one epilogue. */

/** Operands; of an epilogue, the product and the node's two factors included. */
export const MAX_OPERANDS = 16;
export const MAX_INSTRUCTIONS = 64;
export const MAX_RESULTS = 8;
