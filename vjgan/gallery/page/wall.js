// The wall: only the rows in view exist, however many portraits there are.

import { alike, hall, items, pictures, title } from "./desk.js";
import { say } from "./line.js";
import { $ } from "./state.js";

const GAP = 6, MOST_PICTURES = 3000, ASK_AGAIN_MS = 4000, BEYOND = 2; // rows above and below
const cells = new Map(), asked = new Map();
const wall = $("wall"), room = $("room");
let columns = 1, side = 116, pending = 0;

export function layout() {
  const wanted = innerWidth < 700 ? 84 : Number($("size").value);
  const width = wall.clientWidth;
  columns = Math.max(1, Math.floor((width + GAP) / (wanted + GAP)));
  side = Math.floor((width - GAP * (columns - 1)) / columns);
  room.style.setProperty("--cell", `${side}px`);
  room.style.height = `${Math.ceil(hall.order.length / columns) * (side + GAP)}px`;
  draw();
}

export function draw() {
  if (!pending) pending = requestAnimationFrame(() => { pending = 0; drawNow(); });
}

function drawNow() {
  const step = side + GAP;
  const first = Math.max(0, Math.floor(wall.scrollTop / step) - BEYOND) * columns;
  const end = Math.min(hall.order.length, Math.ceil((wall.scrollTop + wall.clientHeight) / step + BEYOND) * columns);
  const seen = new Set(hall.order.slice(first, end));
  for (const [id, cell] of cells) if (!seen.has(id)) { cell.remove(); cells.delete(id); }
  const wanted = [];
  for (let index = first; index < end; index++) {
    const id = hall.order[index], cell = cells.get(id) || make(id);
    cell.style.transform = `translate(${(index % columns) * step}px, ${Math.floor(index / columns) * step}px)`;
    dress(cell, items.get(id));
    cell.setAttribute("aria-posinset", index + 1);
    cell.setAttribute("aria-setsize", hall.order.length);
    if (!pictures.has(id)) wanted.push(id);
  }
  const chosen = hall.chosen && cells.get(hall.chosen);
  if (chosen) wall.setAttribute("aria-activedescendant", chosen.id);
  else wall.removeAttribute("aria-activedescendant");
  askFor(wanted);
}

function make(id) {
  const cell = document.createElement("div"), image = document.createElement("img");
  cell.className = "cell";
  cell.id = `cell-${id}`;
  cell.dataset.id = id;
  cell.setAttribute("role", "option");
  image.alt = "";
  image.hidden = true;
  cell.append(image);
  cells.set(id, cell);
  room.append(cell);
  return cell;
}

function dress(cell, item) {
  const image = cell.firstChild, url = pictures.get(item.id);
  if (url && image.src !== url) { image.src = url; image.hidden = false; }
  cell.classList.toggle("kept", item.verdict === "kept");
  cell.classList.toggle("rejected", item.verdict === "rejected");
  cell.classList.toggle("pinned", hall.pinned === item.id);
  cell.setAttribute("aria-selected", String(hall.chosen === item.id));
  cell.setAttribute("aria-label", [title(item), item.verdict, ...item.tags].filter(Boolean).join(", "));
  const many = alike(item).length;
  mark(cell, "name", item.name);
  mark(cell, "many", many > 1 ? `×${many}` : "");
  const dots = Math.min(3, item.tags.length);
  mark(cell, "tags", dots ? " " : "");
  if (dots) cell.querySelector(".tags").replaceChildren(...item.tags.slice(0, 3).map(() => document.createElement("i")));
}

function mark(cell, kind, text) {
  let box = cell.querySelector(`.${kind}`);
  if (!text) { if (box) box.remove(); return; }
  if (!box) { box = document.createElement("span"); box.className = kind; cell.append(box); }
  box.textContent = text;
}

export function askFor(ids) {
  const now = performance.now();
  const wanted = ids.filter((id) => !pictures.has(id) && now - (asked.get(id) ?? -Infinity) > ASK_AGAIN_MS).slice(0, 200);
  for (const id of wanted) asked.set(id, now);
  if (wanted.length) say({ do: "see", ids: wanted });
}

export function forgetAsked() { asked.clear(); }

export function hang(id, url) {
  if (pictures.has(id)) URL.revokeObjectURL(pictures.get(id));
  pictures.delete(id);
  pictures.set(id, url);
  for (const old of pictures.keys()) {
    if (pictures.size <= MOST_PICTURES) break;
    if (cells.has(old)) continue;
    URL.revokeObjectURL(pictures.get(old));
    pictures.delete(old);
  }
  const cell = cells.get(id);
  if (cell && items.has(id)) dress(cell, items.get(id));
}

// Where an arrow leads from the chosen one.
export function neighbour(key) {
  const here = hall.order.indexOf(hall.chosen), rows = Math.max(1, Math.floor(wall.clientHeight / (side + GAP)));
  const way = {
    ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, PageUp: -columns * rows,
    PageDown: columns * rows, Home: -Infinity, End: Infinity,
  }[key];
  if (here < 0) return hall.order[0] ?? null;
  const there = here + way;
  if (Math.abs(way) === columns && (there < 0 || there >= hall.order.length)) return hall.order[here];
  return hall.order[Math.min(hall.order.length - 1, Math.max(0, there))];
}

export function reveal(id) {
  const index = hall.order.indexOf(id);
  if (index < 0) return;
  const top = Math.floor(index / columns) * (side + GAP);
  if (top < wall.scrollTop) wall.scrollTop = top;
  else if (top + side > wall.scrollTop + wall.clientHeight) wall.scrollTop = top + side - wall.clientHeight;
}

wall.addEventListener("scroll", draw, { passive: true });
