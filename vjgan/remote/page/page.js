"use strict";
// The control page: says what hands do, shows how the show stands. No library, no network but the
// one WebSocket; while a hand holds a fader, what the show says of that fader waits.

const $ = (id) => document.getElementById(id);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const LIGHT = 1, THUMBNAIL = 2;
const HOLD_MS = 400; // after letting go, until the show's word counts again
const DOUBLE_MS = 350;
const RETRY_MS = [200, 500, 1000, 2000];

const show = { table: new Map(), told: {}, own: {}, out: {}, signals: {}, passes: [], stats: {}, commands: {} };
const faders = new Map();
const pictures = new Map(); // object URLs by name
let cards = [];
let asked = null; // the preset that was asked for and is not there yet
let socket = null, tries = 0, joined = false;

/* ---- talking ---- */

function connect() {
  socket = new WebSocket(`ws://${location.host}/ws`);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => { say({ do: "hello", token: localStorage.getItem("token") || "" }); };
  socket.onmessage = (event) => {
    if (typeof event.data === "string") hear(JSON.parse(event.data));
    else see(new Uint8Array(event.data));
  };
  socket.onclose = () => {
    joined = false;
    document.body.classList.add("lost");
    notice("No connection to the show; trying again", true);
    setTimeout(connect, RETRY_MS[Math.min(tries++, RETRY_MS.length - 1)]);
  };
}

function say(word) {
  if (socket && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(word));
}

function ask(name, value) {
  if (name === "preset") { asked = value; markCards(); }
  say(value === undefined ? { do: "command", name } : { do: "command", name, value });
}

function look() { if (joined) say({ do: "look", on: !document.hidden }); }

function hear(message) {
  switch (message.say) {
    case "welcome": return enter();
    case "pair": return askForCode();
    case "paired":
      localStorage.setItem("token", message.token);
      return enter();
    case "refused":
      $("refusal").textContent = "That is not the code of the moment. Look again, it may have changed.";
      $("code").select();
      return undefined;
    case "table": return build(message);
    case "cards":
      cards = message.cards;
      return buildCards();
    case "state": return take(message);
    default: return undefined;
  }
}

function enter() {
  joined = true;
  tries = 0;
  $("pairing").hidden = true;
  document.body.classList.remove("lost");
  notice("");
  look();
}

function askForCode() {
  document.body.classList.remove("lost");
  notice("");
  $("pairing").hidden = false;
  const code = location.hash.slice(1);
  if (code) {
    history.replaceState(null, "", location.pathname);
    say({ do: "pair", code: code.slice(0, 32) });
  } else $("code").focus();
}

let noticeTimer = 0;
function notice(text, bad = false, seconds = 0) {
  clearTimeout(noticeTimer);
  const box = $("notice");
  box.textContent = text;
  box.hidden = !text;
  box.classList.toggle("bad", bad);
  if (seconds) noticeTimer = setTimeout(() => { box.hidden = true; }, 1000 * seconds);
}

/* ---- the light and the pictures ---- */

const preview = $("preview"), paint = preview.getContext("2d", { alpha: false });

async function see(bytes) {
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
  }
}

/* ---- the preset grid ---- */

function buildCards() {
  $("grid").replaceChildren(...cards.map((card) => {
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
    button.onclick = () => ask("preset", card.number);
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

function markCards() {
  for (const [index, button] of all(".card").entries()) {
    const playing = button.dataset.key === show.preset;
    if (playing && asked === cards[index].number) asked = null;
    button.setAttribute("aria-pressed", String(playing));
    button.classList.toggle("asked", asked === cards[index].number);
  }
}

function hueOf(text) {
  let hash = 7;
  for (const letter of text) hash = (hash * 31 + letter.codePointAt(0)) % 360;
  return hash;
}

/* ---- faders ---- */

const TITLES = { motion: "Motion", directions: "Directions", picture: "Picture", inside: "Inside the network", between: "Screen" };
const CLOSED = new Set(["directions", "inside"]); // at first
const opened = JSON.parse(localStorage.getItem("groups") || "{}");

function build(message) {
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
  addOtherCommands();
  for (const name of show.table.keys()) { drawOwn(name); drawOut(name); }
  markGroups();
}

function titleOf(name) { return TITLES[name] || name[0].toUpperCase() + name.slice(1); }

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

function setOpen(section, open) {
  section.classList.toggle("closed", !open);
  section.querySelector("h3 button").setAttribute("aria-expanded", String(open));
}

function isPass(name) { return !(name in TITLES) || name === "between"; }

let passesMarked = "";
function markGroups() {
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

function isInHand(fader) { return fader.held || performance.now() < fader.until; }

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

const waiting = new Map(); // values to be said in the next frame of this page
const touched = new Set(); // controls that this page knows to be a hand's

function setFader(fader, value) {
  const { row } = fader;
  value = Math.min(row.max, Math.max(row.min, value));
  show.own[row.name] = value;
  touched.add(row.name);
  if (!waiting.size) requestAnimationFrame(flush);
  waiting.set(row.name, value);
  drawOwn(row.name);
}

function flush() {
  for (const [control, value] of waiting) say({ do: "set", control, value });
  waiting.clear();
}

function drawOwn(name) {
  const fader = faders.get(name);
  const value = show.own[name];
  if (!fader || value === undefined) return;
  const { row, box } = fader;
  box.style.setProperty("--own", (value - row.min) / (row.max - row.min));
  box.classList.toggle("untouched", !touched.has(name) && !(show.changed || []).includes(name));
  const text = written(value, row);
  fader.number.textContent = text;
  box.setAttribute("aria-valuenow", value);
  box.setAttribute("aria-valuetext", `${text} ${row.unit}`.trim());
}

function drawOut(name) {
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

/* ---- how the show stands ---- */

let beatAt = 0, beatPosition = 0;

function take(state) {
  const { own = {}, out = {}, ...rest } = state;
  const preset = show.preset;
  Object.assign(show, rest);
  const now = performance.now();
  if (rest.changed) touched.clear();
  for (const [name, value] of Object.entries(own)) {
    show.told[name] = value;
    const fader = faders.get(name);
    if (!fader || !isInHand(fader)) show.own[name] = value;
  }
  Object.assign(show.out, out);
  for (const name of Object.keys(own)) drawOwn(name);
  if (rest.changed) for (const name of faders.keys()) drawOwn(name);
  for (const name of new Set([...Object.keys(out), ...Object.keys(own)])) drawOut(name);
  if (rest.position !== undefined) { beatAt = now; beatPosition = rest.position; }
  if (rest.passes) markGroups();
  if (show.preset !== preset) { asked = null; markCards(); }
  if (rest.stats) drawStats(rest.stats);
  drawWords(rest);
}

function drawWords(news) {
  if (news.title !== undefined) { $("title").textContent = news.title; document.title = `${news.title} – vjgan`; }
  if (news.model !== undefined) $("model").textContent = news.model;
  if (news.bpm !== undefined) $("bpm").textContent = news.bpm.toFixed(1);
  if (news.clock !== undefined) {
    for (const button of all("#clocks button")) button.classList.toggle("leads", button.dataset.clock === news.clock);
  }
  let flagged = false;
  for (const button of all("[data-flag]")) {
    if (news[button.dataset.flag] === undefined) continue;
    button.setAttribute("aria-pressed", String(news[button.dataset.flag]));
    flagged = true;
  }
  if (flagged) drawFlags();
}

function drawFlags() {
  const words = [[show.panic, "panic", "panic-flag"], [show.black && !show.panic, "black"], [show.frozen, "frozen"], [show.strobe_killed, "no strobe"]];
  $("flags").replaceChildren(...words.filter(([on]) => on).map(([, word, kind]) => {
    const flag = document.createElement("span");
    flag.textContent = word;
    if (kind) flag.className = kind;
    return flag;
  }));
}

function drawStats(stats) {
  $("fps").textContent = `${Math.round(stats.fps)} of ${stats.aim} fps, at most ${stats.longest_ms.toFixed(0)} ms`;
  const limit = $("limit");
  limit.className = stats.limit === "drawing" ? "bad" : "";
  limit.textContent = {
    drawing: `drawing limits: ${stats.frame_ms.toFixed(0)} ms`,
    model: `model limits: ${stats.model_ms.toFixed(0)} ms`,
    "": `in time, model ${stats.model_ms.toFixed(0)} ms`,
  }[stats.limit];
  drawTimes(stats);
}

// A minute of frame times: how long frames usually took, and above it the longest.
const times = [], MINUTE = 120;
function drawTimes(stats) {
  times.push(stats);
  if (times.length > MINUTE) times.shift();
  const canvas = $("times"), { ratio, width, height, pen } = sized(canvas);
  if (!width) return;
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  const aim = 1000 / stats.aim, scale = (height - 2) / (3 * aim), step = width / MINUTE;
  times.forEach(({ frame_ms: usual, longest_ms: longest }, index) => {
    const x = width - (times.length - index) * step, wide = Math.max(1, step - 1);
    pen.fillStyle = longest > 1.5 * aim ? "#8d6a33" : "#2b313d";
    pen.fillRect(x, height - Math.min(3 * aim, longest) * scale, wide, Math.min(3 * aim, longest) * scale);
    pen.fillStyle = usual > 1.5 * aim ? "#ffc66d" : "#5fd9c9";
    pen.fillRect(x, height - Math.min(3 * aim, usual) * scale, wide, 2);
  });
  pen.fillStyle = "#6b7285";
  pen.fillRect(0, height - 1.5 * aim * scale, width, 1);
}

function sized(canvas) {
  const ratio = Math.min(2, devicePixelRatio || 1);
  const width = canvas.clientWidth, height = canvas.clientHeight;
  if (width && (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio))) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  return { ratio, width, height, pen: canvas.getContext("2d") };
}

/* ---- meters and the beat, at the screen's own rate ---- */

const meters = $("meters"), draw = meters.getContext("2d");
const BANDS = ["band1", "band2", "band3", "band4", "band5", "band6", "band7", "band8"];
const levels = {};
const calm = matchMedia("(prefers-reduced-motion: reduce)");
let last = performance.now();

function tick(now) {
  const dt = Math.min(0.1, (now - last) / 1000);
  last = now;
  drawMeters(dt);
  drawBeat(now);
  requestAnimationFrame(tick);
}

function follow(name, dt) {
  const target = show.signals[name] || 0, value = levels[name] || 0;
  levels[name] = target + (value - target) * Math.exp(-dt / (target > value ? 0.02 : 0.12));
  return levels[name];
}

function drawMeters(dt) {
  const { ratio, width, height } = sized(meters);
  if (!width) return;
  draw.setTransform(ratio, 0, 0, ratio, 0, 0);
  draw.clearRect(0, 0, width, height);
  const names = ["level", "", ...BANDS, "", "intensity"];
  const slots = names.reduce((sum, name) => sum + (name ? 1 : 0.35), 0);
  const slot = width / slots, bar = slot * 0.72, top = 2, room = height - 20;
  let x = 0;
  draw.font = "500 11px system-ui, sans-serif";
  draw.textAlign = "center";
  for (const name of names) {
    if (!name) { x += slot * 0.35; continue; }
    const value = Math.min(1, follow(name, dt)), left = x + (slot - bar) / 2;
    draw.fillStyle = "#14171f";
    rounded(left, top, bar, room);
    draw.fillStyle = name === "intensity" ? "#ffc66d" : "#5fd9c9";
    if (value > 0.01) rounded(left, top + room * (1 - value), bar, room * value);
    const label = { level: "level", band1: "low", band8: "high", intensity: "rise" }[name];
    draw.fillStyle = "#a3a9b8";
    if (label) draw.fillText(label, left + bar / 2, height - 4);
    x += slot;
  }
  if (show.hears === false || show.signals.silence === 1) {
    draw.fillStyle = "#a3a9b8";
    draw.fillText(show.hears ? "silence" : "no sound", width / 2, room / 2);
  }
  for (const hit of all("#hits li")) {
    const value = show.signals[hit.dataset.hit] || 0;
    hit.style.setProperty("--hit", value.toFixed(2));
    hit.classList.toggle("on", value > 0.3);
  }
}

function rounded(x, y, width, height) {
  draw.beginPath();
  draw.roundRect(x, y, width, height, Math.min(3, height / 2));
  draw.fill();
}

const dots = all("#dots i");
function drawBeat(now) {
  const position = beatPosition + (show.bpm || 0) / 60 * (now - beatAt) / 1000 - (show.downbeat || 0);
  const beat = ((Math.floor(position) % 4) + 4) % 4;
  const phase = position - Math.floor(position);
  dots.forEach((dot, index) => {
    const glow = index === beat ? (calm.matches ? 1 : Math.max(0.15, (1 - phase) ** 1.5)) : 0;
    dot.style.setProperty("--glow", glow.toFixed(2));
  });
}

/* ---- buttons and keys ---- */

function press(button) {
  ask(button.dataset.command, button.dataset.value === undefined ? undefined : Number(button.dataset.value));
  if (button.dataset.command === "snapshot") notice("Keeping this as a new preset", false, 2);
  if (button.dataset.command === "next" || button.dataset.command === "previous") asked = null;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-command]");
  if (button && button.dataset.command !== "tap") press(button);
});
// A tap counts when the finger comes down, not when it leaves; the keyboard has only clicks.
$("tap").addEventListener("pointerdown", (event) => { if (event.button === 0) ask("tap"); });
$("tap").addEventListener("click", (event) => { if (event.detail === 0) ask("tap"); });

// Commands that this page has no place for come at the end of the gestures.
function addOtherCommands() {
  const placed = new Set(all("[data-command]").map((button) => button.dataset.command));
  for (const [name, does] of Object.entries(show.commands)) {
    if (placed.has(name) || name === "preset") continue;
    const button = document.createElement("button"), word = document.createElement("b");
    word.textContent = name.replaceAll("_", " ");
    button.dataset.command = name;
    button.title = does;
    button.append(word);
    $("actions").insertBefore(button, document.querySelector("#actions .panic"));
  }
  for (const button of all("[data-command]")) {
    if (!button.title) button.title = show.commands[button.dataset.command] || "";
  }
}

const KEYS = {
  " ": "freeze", b: "blackout", k: "strobe_kill", p: "panic", s: "snapshot", t: "tap", r: "reset",
  Home: "home", ArrowLeft: "previous", ArrowRight: "next",
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target.matches("input, [role=slider]") || !$("pairing").hidden) return;
  if (event.key === " " && event.target.matches("button")) return;
  const command = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (command) ask(command);
  else if (/^[1-9]$/.test(event.key)) ask("preset", Number(event.key));
  else return;
  event.preventDefault();
});

for (const tab of all("#tabs [data-tab]")) {
  tab.onclick = () => {
    document.body.dataset.tab = tab.dataset.tab;
    for (const other of all("#tabs [data-tab]")) other.setAttribute("aria-pressed", String(other === tab));
    scrollTo(0, 0);
  };
}

$("filter").addEventListener("input", () => {
  const wanted = $("filter").value.trim().toLowerCase().replaceAll(" ", ".");
  for (const section of all(".group")) {
    let any = false;
    for (const box of all(".fader", section)) {
      const fits = box.dataset.control.includes(wanted) || box.dataset.control.includes(wanted.replaceAll(".", "_"));
      box.hidden = !fits;
      any = any || fits;
    }
    section.hidden = !any;
    if (wanted) setOpen(section, true);
  }
  if (!wanted) { passesMarked = ""; markGroups(); }
});

$("pairing").addEventListener("submit", (event) => {
  event.preventDefault();
  $("refusal").textContent = "";
  say({ do: "pair", code: $("code").value.slice(0, 32) });
});

document.addEventListener("visibilitychange", look);
document.body.classList.add("lost");
connect();
requestAnimationFrame(tick);
