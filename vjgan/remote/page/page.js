// The control page: says what hands do, shows how the show stands. No library, no network but the
// one WebSocket.

import { build, drawOut, drawOwn, faders, isInHand, markGroups, setOpen, showAllGroups, touched } from "./faders.js";
import { drawCamera } from "./camera.js";
import { drawArrangement } from "./entrance.js";
import { askFor, buildCards, markCards, see } from "./grid.js";
import { ask, connect, look, notice } from "./line.js";
import { drawStats, hearBeat, tick } from "./meters.js";
import { drawPeople, greetAnew } from "./people.js";
import { $, all, show } from "./state.js";

function hear(message) {
  switch (message.say) {
    case "table":
      build(message);
      return addOtherCommands();
    case "cards":
      show.cards = message.cards;
      return buildCards();
    case "people": return drawPeople(message);
    case "state": return take(message);
    default: return undefined;
  }
}

function take(state) {
  const { own = {}, out = {}, ...rest } = state;
  const preset = show.preset;
  Object.assign(show, rest);
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
  if (rest.position !== undefined) hearBeat(rest.position);
  if (rest.passes) markGroups();
  if (show.preset !== preset) { show.asked = null; markCards(); }
  if (rest.stats) drawStats(rest.stats);
  if (rest.stats) drawCamera(rest.stats.camera);
  if (rest.arrangement) drawArrangement(rest.arrangement);
  drawWords(rest);
}

function drawWords(news) {
  if (news.track !== undefined) { $("track").textContent = news.track; $("track").hidden = !news.track; }
  if (news.title !== undefined) { $("title").textContent = news.title; document.title = `${news.title} – vjgan`; }
  if (news.model !== undefined) $("model").textContent = news.model;
  if (news.bpm !== undefined) $("bpm").textContent = news.bpm.toFixed(1);
  if (news.clock !== undefined) {
    for (const button of all("#clocks button")) button.classList.toggle("leads", button.dataset.clock === news.clock);
  }
  if (news.learning !== undefined) notice(news.learning);
  if (news.lesson !== undefined) document.body.classList.toggle("lesson", news.lesson);
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

function press(button) {
  ask(button.dataset.command, button.dataset.value === undefined ? undefined : Number(button.dataset.value));
  if (button.dataset.command === "snapshot") notice("Keeping this as a new preset", false, 2);
  if (button.dataset.command === "save") notice("Saving what is set", false, 2);
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
    if (placed.has(name) || name === "preset" || name === "track") continue;
    const button = document.createElement("button"), word = document.createElement("b");
    word.textContent = name[0].toUpperCase() + name.slice(1).replaceAll("_", " ");
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
  l: "learn", m: "learn_preset", u: "unlearn", n: "person", w: "walk", j: "child", e: "keep",
  Home: "home", ArrowLeft: "previous", ArrowRight: "next",
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target.matches("input, [role=slider]") || !$("pairing").hidden) return;
  if (event.key === " " && event.target.matches("button")) return;
  const command = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (command) ask(command);
  else if (/^[1-9]$/.test(event.key)) askFor(Number(event.key));
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
  if (!wanted) showAllGroups();
});

document.addEventListener("visibilitychange", look);
connect(greetAnew, hear, see);
requestAnimationFrame(tick);
