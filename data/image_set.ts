/** Which part of a data set: what a model learns from, or what it is tested on. */
export type Split = "train" | "test";

/** Labelled images as plain bytes. */
export interface Images {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Number of classes; labels are 0 <= label < classes. */
  readonly classes: number;
  /** Grey or colour levels 0..255, 0 the background: [count, height, width, channels]. */
  readonly pixels: Uint8Array<ArrayBuffer>;
  /** [count] */
  readonly labels: Uint8Array<ArrayBuffer>;
}

/** A run of consecutive images of a data set, with what a run folder records about it. */
export interface ImageSet extends Images {
  readonly name: string;
  readonly split: Split;
  /** Index of the first image within the split. */
  readonly offset: number;
  readonly count: number;
  /** Number of images in the whole split. */
  readonly available: number;
  /** SHA-256 of the chosen pixels followed by the chosen labels, in hexadecimal. */
  readonly sha256: string;
}
