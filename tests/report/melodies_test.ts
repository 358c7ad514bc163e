import assert from "node:assert/strict";
import { melodiesHtml, MELODY_SCRIPT, openEngraver } from "../../report/melodies.ts";

const abc = "X:1\nT:A title\nM:none\nL:1/8\nK:C\nC2 ^F z c'4\n";

Deno.test("openEngraver: notes as one svg, and no document stays behind", async () => {
  const engrave = await openEngraver();
  const svg = engrave(abc);
  assert.match(svg, /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" [^>]*viewBox="0 0 [\d.]+ [\d.]+"/);
  assert.doesNotMatch(svg, /A title|<style|NaN|\d\.\d\d/);
  assert.ok(!("document" in globalThis));
  assert.equal(engrave(abc), svg);
  assert.ok([...svg.matchAll(/<path/g)].length > [...engrave("X:1\nK:C\nC\n").matchAll(/<path/g)].length);
});

Deno.test("melodiesHtml: what a player needs stands at its button", async () => {
  const notes = [{ pitch: 60, ticks: 480 }, { pitch: null, ticks: 240 }];
  const html = melodiesHtml(
    [{ title: "<one>", notes, abc, strong: true, kind: "memorized" }],
    await openEngraver(),
  );
  assert.match(html, /<li class="whole" data-kind="memorized">/);
  assert.match(html, /hidden data-tones="\[\[60,1\],\[null,0.5\]\]">/);
  assert.match(html, /&lt;one&gt;/);
});

Deno.test("the script of melodies plays each tone at its time, and stops when pressed again", () => {
  const calls: string[] = [];
  const gain = { setValueAtTime() {}, linearRampToValueAtTime() {}, setTargetAtTime() {} };
  const node = { connect: () => node };
  class FakeAudio {
    currentTime = 0;
    destination = {};
    createPeriodicWave = () => ({});
    createGain = () => ({ ...node, gain });
    createOscillator = () => {
      const frequency = { value: 0 };
      return {
        ...node,
        frequency,
        setPeriodicWave() {},
        start: (time: number) => calls.push(`${Math.round(frequency.value)} Hz at ${time.toFixed(2)}`),
        stop: (time: number) => calls.push(`until ${time.toFixed(2)}`),
      };
    };
    close = () => calls.push("closed");
  }
  let press = (): void => {};
  const button = {
    hidden: true,
    textContent: "▶ play",
    dataset: { tones: "[[69,1],[null,0.5],[57,2]]" },
    addEventListener: (_: string, listener: () => void) => press = listener,
  };
  const page = { querySelectorAll: () => [button] };
  new Function("document", "AudioContext", MELODY_SCRIPT)(page, FakeAudio);
  assert.equal(button.hidden, false);
  press();
  assert.deepEqual(calls, ["440 Hz at 0.10", "until 0.60", "220 Hz at 0.85", "until 1.85"]);
  assert.equal(button.textContent, "■ stop");
  press();
  assert.equal(calls.at(-1), "closed");
  assert.equal(button.textContent, "▶ play");
});
