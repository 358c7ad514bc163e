/** Which part of a data set: what a model learns from, or what it is tested on. */
export type Split = "train" | "test";

/** Labelled images as plain bytes. */
export interface Images {
  /** In pixels. */
  readonly height: number;
  /** In pixels. */
  readonly width: number;
  /** 1: grey; 3: red, green, blue. */
  readonly channels: number;
  /** Number of classes; labels are 0 <= label < classes. 1 where there are no labels. */
  readonly classes: number;
  /** Grey or colour levels 0..255, 0 the background: [count, height, width, channels]. */
  readonly pixels: Uint8Array<ArrayBuffer>;
  /** [count] */
  readonly labels: Uint8Array<ArrayBuffer>;
}

/** Some images of a data set, with what a run folder records about them. */
export interface ImageSet extends Images {
  /** What the set is called: "mnist". */
  readonly name: string;
  /** Which part of it they are of. */
  readonly split: Split;
  /** Index of the first image within the split. */
  readonly offset: number;
  /** How many they are. */
  readonly count: number;
  /** Number of images in the whole split. */
  readonly available: number;
  /** SHA-256 of the chosen pixels followed by the chosen labels, in hexadecimal. */
  readonly sha256: string;
  /** What each label stands for, where the data set says so. */
  readonly classNames?: readonly string[];
}
