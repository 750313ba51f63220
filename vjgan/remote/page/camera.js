// The camera: whether it looks, whom it sees, and the three words to it. Nothing it sees comes here.

import { $ } from "./state.js";

const WORDS = [
  ["look", "Look", "V"],
  ["capture", "Keep", "G"],
  ["forget", "Forget", "X"],
];

function build(part) {
  const words = document.createElement("p");
  words.id = "camera-words";
  words.setAttribute("role", "status");
  const row = document.createElement("div");
  row.id = "camera-row";
  for (const [command, word, key] of WORDS) {
    const button = document.createElement("button"), bold = document.createElement("b");
    button.dataset.command = command;
    button.dataset.key = key;
    bold.textContent = word;
    button.append(bold);
    row.append(button);
  }
  part.append(words, row);
}

build($("camera"));

// No camera: no part of the page.
export function drawCamera(camera) {
  const part = $("camera");
  part.hidden = !camera;
  if (!camera) return;
  part.classList.toggle("looks", camera.looks);
  const others = camera.others ? `, and ${camera.others} more` : "";
  const kept = camera.kept ? ` – ${camera.kept} kept` : "";
  $("camera-words").textContent = `${camera.looks ? "The camera looks: " : ""}${camera.words}${others}${kept}`;
  part.querySelector("[data-command=look]").setAttribute("aria-pressed", String(camera.looks));
  part.querySelector("[data-command=look] b").textContent = camera.looks ? "Look away" : "Look";
}
