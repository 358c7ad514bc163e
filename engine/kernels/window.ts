/** What convolutions and pooling share. */
import type { Shape, Window } from "../graph.ts";

/** Height, width and taps of a window op, for `eachTap`. */
export interface WindowExtents {
  readonly window: Window;
  /** Rows and columns of the image. */
  readonly image: readonly [number, number];
  readonly taps: readonly [number, number];
}

/** Rows and columns of a [B, H, W, C] shape. */
export function planeOf(shape: Shape): [number, number] {
  return [shape[1], shape[2]];
}

/** Calls `visit(y, x, tapRow, tapColumn)` for the taps of the window at output (row, column) that lie inside the image. */
export function eachTap(
  extents: WindowExtents,
  at: readonly [row: number, column: number],
  visit: (y: number, x: number, tapRow: number, tapColumn: number) => void,
): void {
  const { window, image, taps } = extents;
  for (let tapRow = 0; tapRow < taps[0]; tapRow++) {
    const y = at[0] * window.strides[0] - window.padding[0] + tapRow * window.dilation[0];
    if (y < 0 || y >= image[0]) continue;
    for (let tapColumn = 0; tapColumn < taps[1]; tapColumn++) {
      const x = at[1] * window.strides[1] - window.padding[1] + tapColumn * window.dilation[1];
      if (x >= 0 && x < image[1]) visit(y, x, tapRow, tapColumn);
    }
  }
}

/** Calls `visit(image, row, column)` for every position of a [B, H, W, C] shape. */
export function eachPosition(
  shape: Shape,
  visit: (image: number, row: number, column: number) => void,
): void {
  for (let image = 0; image < shape[0]; image++) {
    for (let row = 0; row < shape[1]; row++) {
      for (let column = 0; column < shape[2]; column++) visit(image, row, column);
    }
  }
}
