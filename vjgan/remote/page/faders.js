// Every control as a fader. While a hand holds one, what the show says of it waits.

import { say } from "./line.js";
import { $, all, show } from "./state.js";

const HOLD_MS = 400; // after letting go, until the show's word counts again
const DOUBLE_MS = 350;
export const faders = new Map();

const TITLES = { motion: "Motion", directions: "Directions", picture: "Picture", inside: "Inside the network", between: "Screen" };
const CLOSED = new Set(["directions", "inside"]); // at first
const opened = JSON.parse(localStorage.getItem("groups") || "{}");

export function build(message) {
  show.commands = message.commands;
  faders.clear();
  show.table = new Map(message.groups.flatMap((group) => group.rows.map((row) => [row.name, row])));
  $("groups").replaceChildren(...message.groups.map(buildGroup));
  $("chips").replaceChildren(...message.groups.map((group) => {
    const chip = document.createElement("button");
    chip.textContent = titleOf(group.name);
    chip.dataset.group = group.name;
    chip.onclick = () => {
      const section = document.querySelector(`.group[data-group="${group.name}"]`);
      setOpen(section, true);
      section.scrollIntoView({ block: "start", behavior: "smooth" });
      section.querySelector("h3 button").focus({ preventScroll: true });
    };
    return chip;
  }));
  for (const name of show.table.keys()) { drawOwn(name); drawOut(name); }
  markGroups();
}

function titleOf(name) { return TITLES[name] || name[0].toUpperCase() + name.slice(1).replace(/(\d)$/, " $1").replaceAll("_", " "); }

function buildGroup(group) {
  const section = document.createElement("section");
  section.className = "group";
  section.dataset.group = group.name;
  const head = document.createElement("h3"), button = document.createElement("button"), note = document.createElement("em");
  button.append(titleOf(group.name), note);
  button.onclick = () => {
    opened[group.name] = section.classList.contains("closed");
    localStorage.setItem("groups", JSON.stringify(opened));
    setOpen(section, opened[group.name]);
  };
  head.append(button);
  section.append(head, ...group.rows.map(buildFader));
  return section;
}

export function setOpen(section, open) {
  section.classList.toggle("closed", !open);
  section.querySelector("h3 button").setAttribute("aria-expanded", String(open));
}

function isPass(name) { return !(name in TITLES) || name === "between"; }

let passesMarked = "";
export function showAllGroups() {
  passesMarked = "";
  markGroups();
}

export function markGroups() {
  const passes = show.passes.join();
  const sections = all(".group");
  if (passesMarked === passes + sections.length) return;
  passesMarked = passes + sections.length;
  const order = [];
  for (const section of sections) {
    const name = section.dataset.group;
    const always = !isPass(name) || name === "between" || name === "colour" || name === "present";
    const playing = always || show.passes.includes(name);
    section.classList.toggle("resting", !playing);
    section.classList.toggle("playing", playing && isPass(name));
    section.querySelector("em").textContent = playing ? "" : "not in this preset";
    setOpen(section, opened[name] ?? (playing && !CLOSED.has(name)));
    const rank = ["motion", "picture", "directions", "inside"].indexOf(name);
    order.push([playing ? (rank === 0 ? 0 : rank === 1 ? 1 : isPass(name) ? 2 : 3) : 4, section]);
  }
  order.sort((a, b) => a[0] - b[0]);
  $("groups").append(...order.map(([, section]) => section));
  const chips = new Map(all("#chips button").map((chip) => [chip.dataset.group, chip]));
  for (const [rank, section] of order) {
    const chip = chips.get(section.dataset.group);
    chip.classList.toggle("playing", rank < 4);
    $("chips").append(chip);
  }
}

function buildFader(row) {
  const box = document.createElement("div");
  box.className = "fader untouched";
  box.tabIndex = 0;
  box.title = `${row.does} (double-tap: as the preset has it)`;
  box.dataset.control = row.name;
  box.setAttribute("role", "slider");
  box.setAttribute("aria-label", row.name.replaceAll("_", " ").replaceAll(".", " "));
  box.setAttribute("aria-valuemin", row.min);
  box.setAttribute("aria-valuemax", row.max);
  box.innerHTML = '<span class="name"></span><span class="value"><b></b> <i></i></span>'
    + '<span class="track"><span class="own"></span><span class="heard"></span><span class="knob"></span></span>';
  box.querySelector(".name").textContent = row.label;
  const unit = box.querySelector(".value i");
  unit.textContent = row.unit;
  const zero = Math.min(1, Math.max(0, (0 - row.min) / (row.max - row.min)));
  box.style.setProperty("--zero", zero);
  const fader = { row, box, number: box.querySelector("b"), held: false, until: 0, tapped: -1e9 };
  faders.set(row.name, fader);
  box.addEventListener("pointerdown", (event) => grab(fader, event));
  box.addEventListener("keydown", (event) => nudgeFader(fader, event));
  return box;
}

function grab(fader, event) {
  if (event.button !== 0) return;
  const { row, box } = fader;
  if (show.lesson) { // this is the one to learn
    say({ do: "set", control: row.name, value: show.own[row.name] ?? row.default });
    return;
  }
  const now = performance.now();
  if (now - fader.tapped < DOUBLE_MS) {
    fader.tapped = -1e9;
    giveBack(fader);
    return;
  }
  fader.tapped = now;
  const track = box.querySelector(".track").getBoundingClientRect();
  const from = event.clientX, span = row.max - row.min;
  let start = show.own[row.name] ?? row.default;
  let moved = false;
  // A mouse takes the fader where it points; a finger moves it by as far as it goes, so that
  // touching alone changes nothing.
  if (event.pointerType === "mouse") {
    const knob = track.left + track.width * (start - row.min) / span;
    if (Math.abs(event.clientX - knob) > 12) {
      start = row.min + span * (event.clientX - track.left) / track.width;
      setFader(fader, start);
    }
  }
  const move = (to) => {
    if (!moved && Math.abs(to.clientX - from) < 3) return;
    moved = true;
    fader.tapped = -1e9;
    setFader(fader, start + span * (to.clientX - from) / track.width * (to.shiftKey ? 0.1 : 1));
  };
  const end = () => {
    fader.held = false;
    letGo(fader);
    box.classList.remove("held");
    box.removeEventListener("pointermove", move);
    box.removeEventListener("pointerup", end);
    box.removeEventListener("pointercancel", end);
    box.removeEventListener("lostpointercapture", end);
  };
  fader.held = true;
  box.classList.add("held");
  box.setPointerCapture(event.pointerId);
  box.addEventListener("pointermove", move);
  box.addEventListener("pointerup", end);
  box.addEventListener("pointercancel", end);
  box.addEventListener("lostpointercapture", end);
}

export function isInHand(fader) { return fader.held || performance.now() < fader.until; }

// Let go a little later than the hand: what the show says meanwhile may be older than the hand.
function letGo(fader) {
  fader.until = performance.now() + HOLD_MS;
  setTimeout(() => {
    if (isInHand(fader)) return;
    show.own[fader.row.name] = show.told[fader.row.name];
    drawOwn(fader.row.name);
  }, HOLD_MS + 20);
}

// The preset's value; the table's own default where it is there already.
function giveBack(fader) {
  if (fader.box.classList.contains("untouched")) {
    setFader(fader, fader.row.default);
    letGo(fader);
  } else {
    waiting.delete(fader.row.name);
    fader.until = 0;
    touched.delete(fader.row.name);
    say({ do: "set", control: fader.row.name, value: null });
    drawOwn(fader.row.name);
  }
}

function nudgeFader(fader, event) {
  const { row } = fader, span = row.max - row.min;
  const step = span * (event.shiftKey ? 0.001 : 0.01);
  const value = show.own[row.name] ?? row.default;
  const to = {
    ArrowLeft: value - step, ArrowDown: value - step, ArrowRight: value + step, ArrowUp: value + step,
    PageDown: value - 0.1 * span, PageUp: value + 0.1 * span, Home: row.min, End: row.max,
  }[event.key];
  if (to !== undefined) {
    setFader(fader, to);
    letGo(fader);
  } else if (event.key === "Backspace" || event.key === "Delete") giveBack(fader);
  else return;
  event.preventDefault();
  event.stopPropagation();
}

// The first move is said at once, those that follow once in each of this page's frames.
const waiting = new Map();
let resting = true;
export const touched = new Set(); // controls that this page knows to be a hand's

function setFader(fader, value) {
  const { row } = fader;
  value = Math.min(row.max, Math.max(row.min, value));
  show.own[row.name] = value;
  touched.add(row.name);
  waiting.set(row.name, value);
  if (resting) flush();
  drawOwn(row.name);
}

function flush() {
  for (const [control, value] of waiting) say({ do: "set", control, value });
  waiting.clear();
  resting = false;
  requestAnimationFrame(() => {
    resting = true;
    if (waiting.size) flush();
  });
}

export function drawOwn(name) {
  const fader = faders.get(name);
  const value = show.own[name];
  if (!fader || value === undefined) return;
  const { row, box } = fader;
  box.style.setProperty("--own", (value - row.min) / (row.max - row.min));
  box.classList.toggle("untouched", !touched.has(name) && !show.changed.includes(name));
  const text = written(value, row);
  fader.number.textContent = text;
  box.setAttribute("aria-valuenow", value);
  box.setAttribute("aria-valuetext", `${text} ${row.unit}`.trim());
}

export function drawOut(name) {
  const fader = faders.get(name);
  const value = show.out[name];
  if (!fader || value === undefined) return;
  const { row, box } = fader;
  const span = row.max - row.min;
  box.style.setProperty("--out", Math.min(1, Math.max(0, (value - row.min) / span)));
  box.style.setProperty("--moved", Math.abs(value - (show.own[name] ?? value)) > 0.004 * span ? 1 : 0);
}

function written(value, row) {
  const span = row.max - row.min;
  const digits = span > 200 ? 0 : span > 20 ? 1 : 2;
  return (Object.is(Math.round(value * 10 ** digits), -0) ? 0 : value).toFixed(digits);
}
