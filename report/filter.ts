/**
 * Filters over the samples of a report: by kind (memorized, new) and by distance. Without a script everything is shown,
 * and the controls are not.
 */
import { escape } from "./escape.ts";

/** What a sample is filtered by. */
export interface Filtered {
  /** One of a few words, such as "memorized" or "new". */
  readonly kind?: string;
  /** How far it is from the training set. */
  readonly distance?: number;
}

/** The controls over samples that follow in the next element; empty where there is nothing to choose. */
export function filterBar(samples: readonly Filtered[], distance = "distance"): string {
  const kinds = [...new Set(samples.flatMap(({ kind }) => kind ?? []))].sort();
  const distances = samples.flatMap(({ distance }) => distance ?? []);
  const parts: string[] = [];
  if (kinds.length > 1) {
    const options = kinds.map((kind) => {
      const count = samples.filter((sample) => sample.kind === kind).length;
      return `<option value="${escape(kind)}">${escape(kind)} (${count})</option>`;
    });
    parts.push(
      `<label>show <select><option value="">all (${samples.length})</option>${
        options.join("")
      }</select></label>`,
    );
  }
  const farthest = Math.max(...distances), nearest = Math.min(...distances);
  if (distances.length > 0 && farthest > nearest) {
    parts.push(
      `<label>at least <input type="range" min="${nearest}" max="${farthest}" step="any" value="${nearest}">` +
        ` <output>${Math.round(100 * nearest) / 100}</output> ${escape(distance)}</label>`,
    );
  }
  return parts.length === 0
    ? ""
    : `<form class="filter" hidden>${parts.join("")}<span role="status"></span></form>`;
}

/** The attributes of a sample that the controls look at. */
export function filterData({ kind, distance }: Filtered): string {
  return (kind === undefined ? "" : ` data-kind="${escape(kind)}"`) +
    (distance === undefined ? "" : ` data-distance="${distance}"`);
}

/** Runs in the page: shows the controls, and hides what they leave out. */
export const FILTER_SCRIPT = `
for (const form of document.querySelectorAll("form.filter:not(.search)")) {
  const select = form.querySelector("select"), range = form.querySelector("input");
  const samples = [...form.nextElementSibling.querySelectorAll("[data-kind],[data-distance]")];
  const update = () => {
    let shown = 0;
    for (const sample of samples) {
      const { kind, distance } = sample.dataset;
      const isShown = (!select?.value || kind === select.value) &&
        (!range || distance === undefined || Number(distance) >= Number(range.value));
      sample.hidden = !isShown;
      if (isShown) shown++;
    }
    if (range) form.querySelector("output").value = Math.round(100 * range.value) / 100;
    form.querySelector("[role=status]").textContent = shown + " of " + samples.length + " shown";
  };
  form.hidden = false;
  form.addEventListener("input", update);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.reset();
  update();
}
`;
