// A family, drawn: those whom somebody descends from above, their children below.

import { make } from "./faces.js";
import { $ } from "./state.js";

const GENERATIONS = 3; // above
let known = new Map(); // everybody by their one key
let young = new Map(); // whose children are whose, by key
let whose = "", person = () => null, lined = "";

export function learnFamilies(news) {
  known = new Map([...news.elders, ...news.night, ...news.children, ...news.portraits].map((one) => [one.is, one]));
  young = new Map();
  for (const one of known.values()) {
    for (const elder of one.parents) young.set(elder, [...(young.get(elder) || []), one.is]);
  }
}

export const parentsOf = (one) => (known.get(one.is) || one).parents;
export const childrenOf = (one) => young.get(one.is) || [];
export const hasFamily = (one) => parentsOf(one).length > 0 || childrenOf(one).length > 0;
export const nameOf = (key) => known.get(key)?.name || key.replace(/^\w+\//, "");

// Nobody stands there twice, whatever files say.
function rowsOf(key) {
  const seen = new Set([key]), rows = [[key]];
  const fresh = (keys) => [...new Set(keys)].filter((one) => !seen.has(one) && seen.add(one));
  for (let k = 0; k < GENERATIONS; k++) {
    const elders = fresh(rows[0].flatMap((one) => known.get(one)?.parents || []));
    if (!elders.length) break;
    rows.unshift(elders);
  }
  const children = fresh(young.get(key) || []);
  return children.length ? [...rows, children] : rows;
}

export function buildTree(section, drawPerson) {
  person = drawPerson;
  const away = make("button", { type: "button", className: "away", onclick: () => openFamily("") }, "×");
  away.setAttribute("aria-label", "Close the family");
  section.append(away, make("div", { id: "tree", tabIndex: 0 }));
  section.hidden = true;
  new ResizeObserver(drawLines).observe($("tree"));
}

export function openFamily(key) {
  whose = key;
  drawTree();
  if (!key) return;
  $("tree").scrollLeft = ($("tree").scrollWidth - $("tree").clientWidth) / 2;
  $("family").scrollIntoView({ block: "start", behavior: "smooth" });
}

export function drawTree() {
  const section = $("family"), box = $("tree");
  section.hidden = !known.has(whose);
  if (section.hidden) return;
  const rows = rowsOf(whose), words = JSON.stringify([whose, rows, rows.flat().map((one) => known.get(one))]);
  section.querySelector("h3").textContent = `Family of ${nameOf(whose)}`;
  if (words === lined) return drawLines();
  lined = words;
  const focus = document.activeElement?.dataset.focus, inside = box.contains(document.activeElement);
  const lines = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  lines.setAttribute("aria-hidden", "true");
  box.replaceChildren(make("div", {}, lines, ...rows.map(drawRow)));
  if (inside && focus) box.querySelector(`[data-focus="${CSS.escape(focus)}"]`)?.focus();
  return drawLines();
}

function drawRow(keys) {
  return make("div", { className: "generation" }, ...keys.map((key) => {
    const figure = known.has(key) ? person(known.get(key)) : ghost(key);
    figure.dataset.is = key;
    figure.classList.toggle("self", key === whose);
    return figure;
  }));
}

// One who was taken out of the bank has left a name.
function ghost(key) {
  const face = make("span", { className: "face unseen" });
  return make("figure", { className: "person foreign" }, face, make("figcaption", {}, nameOf(key)));
}

function drawLines() {
  const lines = $("tree").querySelector("svg");
  if (!lines || !lines.parentNode.offsetWidth) return;
  const home = lines.parentNode.getBoundingClientRect();
  const place = (key) => lines.parentNode.querySelector(`[data-is="${CSS.escape(key)}"]`)?.getBoundingClientRect();
  const paths = [];
  for (const figure of lines.parentNode.querySelectorAll("[data-is]")) {
    const below = figure.getBoundingClientRect(), x1 = below.x + below.width / 2 - home.x, y1 = below.y - home.y;
    for (const elder of known.get(figure.dataset.is)?.parents || []) {
      const above = place(elder);
      if (!above || above.bottom > below.top) continue;
      const x0 = above.x + above.width / 2 - home.x, y0 = above.bottom - home.y, y = (y0 + y1) / 2;
      paths.push(`M${x0} ${y0}C${x0} ${y} ${x1} ${y} ${x1} ${y1}`);
    }
  }
  lines.replaceChildren(...paths.map((d) => {
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", d);
    return path;
  }));
}
