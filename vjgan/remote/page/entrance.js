// How presets enter, and what can be undone: both are the show's, so every page shows the same.

import { ask, notice } from "./line.js";
import { $, all } from "./state.js";

const BEATS = [-1, 0, 1, 2, 4, 8, 16, 32, 64, 128]; // -1: as each preset says
const fade = $("crossfade");
let heldUntil = 0;

function word(beats) {
  if (beats < 0) return "as each says";
  if (beats === 0) return "cut";
  return beats === 1 ? "1 beat" : `${beats} beats`;
}

function drawFade(beats) {
  $("fade-word").textContent = word(beats);
  fade.setAttribute("aria-valuetext", word(beats));
}

fade.addEventListener("input", () => {
  const beats = BEATS[fade.value];
  heldUntil = performance.now() + 500;
  drawFade(beats);
  ask("crossfade", beats);
});

export function drawArrangement(now) {
  for (const button of all("[data-command=quantise]")) {
    button.setAttribute("aria-pressed", String(Number(button.dataset.value) === now.quantise));
  }
  if (performance.now() > heldUntil) {
    const place = BEATS.findLastIndex((beats) => beats <= now.crossfade);
    fade.value = Math.max(0, place);
    drawFade(now.crossfade);
  }
  for (const [name, count] of [["undo", now.undo], ["redo", now.redo]]) {
    for (const button of all(`[data-command=${name}]`)) button.disabled = count === 0;
  }
  $("quality").textContent = now.quality === "all" ? "" : now.quality;
}

const EDITS = { z: "undo", y: "redo", s: "save" };

document.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.altKey || event.target.matches("input[type=search], #code")) return;
  const name = event.shiftKey && event.key.toLowerCase() === "z" ? "redo" : EDITS[event.key.toLowerCase()];
  if (!name || !$("pairing").hidden) return;
  event.preventDefault();
  ask(name);
  if (name === "save") notice("Saving what is set", false, 2);
});
