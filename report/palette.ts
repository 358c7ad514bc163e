/** The colours of sheets, plots and reports. */

/** A colour as `#rrggbb`. */
export type Colour = `#${string}`;

/**
 * Colours of series and frames, in the order of use. Middle tones: the first six are told apart with the common colour
 * blindnesses (after Okabe and Ito 2008), and all read on white and on near-black.
 */
export const PALETTE = {
  blue: "#2f7fc1",
  vermilion: "#dd5f1e",
  green: "#1f9a76",
  purple: "#a763b5",
  ochre: "#b58a12",
  sky: "#45a5c4",
  rose: "#d6537f",
  olive: "#7c8f2c",
  brown: "#a0694b",
  slate: "#7b8794",
} as const satisfies Record<string, Colour>;

/** Red, green and blue, 0..255, of a colour. */
export function rgb(colour: Colour): readonly [number, number, number] {
  if (!/^#[0-9a-f]{6}$/i.test(colour)) {
    throw new SyntaxError(`Cannot read a colour as it must be #rrggbb: current value is ${colour}`);
  }
  const value = parseInt(colour.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}
