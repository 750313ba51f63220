// The light and the preset grid.

import { ask } from "./line.js";
import { seeFace } from "./faces.js";
import { $, all, show } from "./state.js";

const LIGHT = 1, THUMBNAIL = 2, FACE = 3; // what a binary message holds
const pictures = new Map(); // object URLs by name
const preview = $("preview"), paint = preview.getContext("2d", { alpha: false });

export async function see(bytes) {
  if (bytes[0] === LIGHT) {
    const picture = await createImageBitmap(new Blob([bytes.subarray(1)], { type: "image/jpeg" }));
    if (preview.width !== picture.width || preview.height !== picture.height) {
      preview.width = picture.width;
      preview.height = picture.height;
    }
    paint.drawImage(picture, 0, 0);
    picture.close();
    preview.dataset.seen = String(1 + Number(preview.dataset.seen || 0));
  } else if (bytes[0] === THUMBNAIL) {
    const length = bytes[1];
    const name = new TextDecoder().decode(bytes.subarray(2, 2 + length));
    if (pictures.has(name)) URL.revokeObjectURL(pictures.get(name));
    pictures.set(name, URL.createObjectURL(new Blob([bytes.subarray(2 + length)], { type: "image/jpeg" })));
    for (const button of all(".card")) if (button.dataset.picture === name) dress(button);
  } else if (bytes[0] === FACE) seeFace(bytes);
}

export function buildCards() {
  $("grid").replaceChildren(...show.cards.map((card) => {
    const button = document.createElement("button");
    button.className = "card" + (card.broken ? " broken" : "");
    button.dataset.key = card.key;
    button.dataset.picture = card.picture;
    button.title = card.does;
    button.style.setProperty("--hue", hueOf(card.key));
    const label = document.createElement("span"), number = document.createElement("small");
    number.textContent = card.number;
    label.append(number, card.name);
    button.append(label);
    button.onclick = () => askFor(card.number);
    dress(button);
    return button;
  }));
  markCards();
}

function dress(button) {
  const url = pictures.get(button.dataset.picture);
  if (!url) return;
  const image = button.querySelector("img") || button.insertBefore(document.createElement("img"), button.firstChild);
  image.alt = "";
  image.src = url;
}

export function markCards() {
  for (const [index, button] of all(".card").entries()) {
    const playing = button.dataset.key === show.preset;
    if (playing && show.asked === show.cards[index].number) show.asked = null;
    button.setAttribute("aria-pressed", String(playing));
    button.classList.toggle("asked", show.asked === show.cards[index].number);
  }
}

function hueOf(text) {
  let hash = 7;
  for (const letter of text) hash = (hash * 31 + letter.codePointAt(0)) % 360;
  return hash;
}

// A preset takes a moment to load; until it is on stage its card says that it was asked for.
export function askFor(number) {
  show.asked = number;
  markCards();
  ask("preset", number);
}
