/** A document to draw in, where there is no browser: linkedom's, loaded when something is drawn. */

/** What is used of the elements of a document: Deno knows no types of the browser's. */
export interface DrawnElement {
  readonly textContent: string | null;
  readonly outerHTML: string;
  getAttribute(name: string): string | null;
  setAttribute(name: string, value: string): void;
  removeAttribute(name: string): void;
  querySelectorAll(selector: string): Iterable<DrawnElement>;
  remove(): void;
}

/** What is used of a document. */
export interface DrawnDocument {
  createElement(name: string): DrawnElement;
}

let opened: Promise<DrawnDocument> | undefined;

/** The document, the same each time. */
export function openDocument(): Promise<DrawnDocument> {
  opened ??= (async () => {
    const { parseHTML } = await import("linkedom");
    // linkedom's own types are those of the browser.
    const page = parseHTML("<!doctype html><html><body></body></html>") as unknown as {
      document: DrawnDocument;
    };
    return page.document;
  })();
  return opened;
}

const PLACES = ["d", "transform", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "width", "height", "viewBox"];

/** An `<svg>` as text that stands in a file or a page alone; places to a tenth of a pixel. */
export function shortText(svg: DrawnElement): string {
  svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  svg.setAttribute("role", "img");
  for (const element of [svg, ...svg.querySelectorAll("*")]) {
    for (const name of PLACES) {
      const value = element.getAttribute(name);
      if (value === null || !value.includes(".")) continue;
      element.setAttribute(
        name,
        value.replace(/-?\d*\.\d+(e-?\d+)?/g, (place) => String(Math.round(Number(place) * 10) / 10)),
      );
    }
  }
  return svg.outerHTML;
}
