// Small pictures of people, as they come.

import { all } from "./state.js";

const urls = new Map(); // by number

export function make(tag, words = {}, ...inside) {
  const element = Object.assign(document.createElement(tag), words);
  element.append(...inside);
  return element;
}

export function seeFace(bytes) {
  const number = new DataView(bytes.buffer, bytes.byteOffset).getUint32(1);
  urls.set(number, URL.createObjectURL(new Blob([bytes.subarray(5)], { type: "image/jpeg" })));
  for (const image of all(`img[data-face="${number}"]`)) image.src = urls.get(number);
}

export function picture(face) {
  if (face === null || face === undefined) return make("span", { className: "unseen" });
  const image = make("img", { alt: "" });
  image.dataset.face = face;
  if (urls.has(face)) image.src = urls.get(face);
  return image;
}

// The line is new: what was told before may have been of another show.
export function forgetFaces() {
  for (const url of urls.values()) URL.revokeObjectURL(url);
  urls.clear();
}
