/** Sheets and galleries in a page: every image a picture of its own, enlarged by the browser, with its words in type. */
import { escape } from "./escape.ts";
import { filterBar, filterData } from "./filter.ts";
import { HAIRLINE, type Image, pictureOf, type Sheet, sizeOf, stackOf, type Tile } from "./grid.ts";
import { encodePng } from "./png.ts";

/**
 * A sheet as HTML, section by section.
 *
 * @param options.distance What the distances of its tiles are, "bits from the nearest code"; with it, or with kinds of
 * tiles, readers can filter them.
 */
export function sheetHtml(sheet: Sheet, { distance }: { readonly distance?: string } = {}): string {
  const { scale, width } = sizeOf(sheet);
  const sections = sheet.sections.map(({ caption, note, legend = [], tiles }) => {
    const heading = caption === undefined ? "" : `<p class="sheet-caption">${escape(caption)}</p>`;
    const words = note === undefined ? "" : `<p class="meaning">${escape(note)}</p>`;
    const frames = legend.map(({ colour, text }) =>
      `<li><i class="${colour === HAIRLINE ? "hairline" : "frame"}" style="--frame:${colour}"></i>${
        escape(text)
      }</li>`
    );
    const list = frames.length === 0 ? "" : `<ul class="legend frames">${frames.join("")}</ul>`;
    const columns = sheet.columns === undefined
      ? `--tile:${width}px`
      : `grid-template-columns:repeat(${sheet.columns},minmax(0,${width}px))`;
    const cells = tiles.map((tile) => tileHtml(tile, scale)).join("\n");
    return `${heading}${words}${list}${
      filterBar(tiles, distance)
    }<div class="tiles" style="${columns}">${cells}</div>`;
  });
  return `<div class="sheet">${sections.join("\n")}</div>`;
}

function tileHtml(tile: Tile, scale: number): string {
  const images = stackOf(tile).map((image) => imageHtml(image, { scale, alt: tile.label ?? tile.kind ?? "" }))
    .join("");
  const frame = tile.frame === undefined
    ? ` class="hairline"`
    : ` class="frame" style="--frame:${tile.frame}"`;
  const label = tile.label === undefined ? "" : `<span>${escape(tile.label)}</span>`;
  return `<div class="tile"${filterData(tile)}><div${frame}>${images}</div>${label}</div>`;
}

/** An image as an element that the browser enlarges without blurring it. */
export function imageHtml(
  image: Image,
  { scale, alt }: { readonly scale: number; readonly alt: string },
): string {
  const picture = pictureOf(image);
  return `<img src="data:image/png;base64,${encodePng(picture).toBase64()}" width="${
    picture.width * scale
  }" ` +
    `height="${picture.height * scale}" alt="${escape(alt)}">`;
}
