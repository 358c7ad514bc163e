/** Melodies in a page: engraved as notes, and played by the browser. */
import { openDocument, shortText } from "./document.ts";
import { escape } from "./escape.ts";
import { filterBar, filterData, type Filtered } from "./filter.ts";
import { type PlayedNote, QUARTER_TICKS } from "./melody.ts";

/** A melody to be seen and heard. */
export interface ShownMelody extends Filtered {
  /** What is said of it. */
  readonly title: string;
  /** One after the other. */
  readonly notes: readonly PlayedNote[];
  /** The same in ABC notation, to be engraved. */
  readonly abc: string;
  /** Set apart by colour: it is a training sequence. */
  readonly strong?: boolean;
}

/** Length of a stave in pixels, before the page shrinks it. */
const STAVE = 560;

/** Draws one tune in ABC notation as one `<svg>`. */
export type Engraver = (abc: string) => string;

/** The engraver, abcjs, loaded with the first melody. */
export async function openEngraver(): Promise<Engraver> {
  const [{ default: abcjs }, document] = await Promise.all([import("abcjs"), openDocument()]);
  return (abc) => {
    const place = document.createElement("div");
    // abcjs draws with the page's own document, and tfjs would take Deno for a browser if it stayed there.
    const page = globalThis as { document?: unknown };
    page.document = document;
    try {
      // Titles stand beside the notes, in the page's type.
      const untitled = abc.replace(/^T:.*\n/m, "");
      // abcjs asks for an element of the browser, of which it uses what linkedom has.
      abcjs.renderAbc(place as never, untitled, {
        staffwidth: STAVE,
        responsive: "resize",
        paddingtop: 0,
        paddingbottom: 0,
      });
    } finally {
      delete page.document;
    }
    const [svg] = place.querySelectorAll("svg");
    if (svg === undefined) {
      throw new TypeError(`Cannot engrave a melody as it must be in ABC notation: current text is ${abc}`);
    }
    svg.removeAttribute("style");
    for (const child of svg.querySelectorAll("style,title")) child.remove();
    svg.setAttribute("aria-label", "notes");
    return shortText(svg);
  };
}

/** Melodies as HTML: notes, what is said of each, and a button that plays it where scripts run. */
export function melodiesHtml(melodies: readonly ShownMelody[], engrave: Engraver): string {
  const items = melodies.map((melody) => {
    const tones = melody.notes.map(({ pitch, ticks }) => [pitch, ticks / QUARTER_TICKS]);
    return `<li${melody.strong ? ` class="whole"` : ""}${filterData(melody)}>` +
      `<p><button type="button" hidden data-tones="${escape(JSON.stringify(tones))}">▶ play</button> ` +
      `${escape(melody.title)}</p><div class="stave">${engrave(melody.abc)}</div></li>`;
  });
  return `${filterBar(melodies)}<ol class="melodies">${items.join("\n")}</ol>`;
}

/** Runs in the page: plays a melody when its button is pressed, and stops when it is pressed again. */
export const MELODY_SCRIPT = `
let playing;
const stop = () => {
  if (!playing) return;
  playing.context.close();
  playing.button.textContent = "▶ play";
  playing = undefined;
};
for (const button of document.querySelectorAll("button[data-tones]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const again = playing?.button === button;
    stop();
    if (again) return;
    const context = new AudioContext(), beat = 0.5;
    const wave = context.createPeriodicWave(new Float32Array(6), Float32Array.of(0, 1, 0.45, 0.22, 0.1, 0.05));
    let time = context.currentTime + 0.1, last;
    for (const [pitch, quarters] of JSON.parse(button.dataset.tones)) {
      const end = time + quarters * beat;
      if (pitch !== null) {
        const tone = context.createOscillator(), level = context.createGain();
        tone.setPeriodicWave(wave);
        tone.frequency.value = 440 * 2 ** ((pitch - 69) / 12);
        level.gain.setValueAtTime(0, time);
        level.gain.linearRampToValueAtTime(0.3, time + 0.01);
        level.gain.setTargetAtTime(0, time + 0.01, 0.7);
        level.gain.setTargetAtTime(0, end - 0.03, 0.01);
        tone.connect(level).connect(context.destination);
        tone.start(time);
        tone.stop(end);
        last = tone;
      }
      time = end;
    }
    playing = { button, context };
    button.textContent = "■ stop";
    if (last) last.onended = () => playing?.context === context && stop();
    else stop();
  });
}
`;
