// The gallery: portraits to be kept, rejected, tagged, compared and named. No library, no network
// but the one WebSocket.

import { alike, arrange, counts, hall, items, larges, pictures, rank, tags, title } from "./desk.js";
import { connect, notice, say } from "./line.js";
import { $, all } from "./state.js";
import { askFor, draw, forgetAsked, hang, layout, neighbour, reveal } from "./wall.js";

const SMALL = 1, LARGE_MS = 220, MOST_LARGE = 24, ARRANGE_MS = 700;
const undo = []; // id and verdict before
let whole = false, stale = 0, largeTimer = 0, writing = "";

function greet() {
  whole = false;
  items.clear();
  forgetAsked();
}

function hear(message) {
  switch (message.say) {
    case "about": return introduce(message);
    case "pace": return drawPace(message);
    case "items": return take(message.items);
    case "whole": whole = true; return rearrange();
    case "trouble": return notice(message.text, true, 6);
    default: return undefined;
  }
}

function introduce(about) {
  const words = [about.model, `truncation ${about.psi}`];
  if (about.label !== null) words.push(`class ${about.label}`);
  $("subject").textContent = words.join(" · ");
  document.title = `Gallery of ${about.model} – vjgan`;
}

function drawPace(pace) {
  const done = Math.min(pace.drawn, pace.count);
  $("pace").style.setProperty("--done", pace.count ? done / pace.count : 0);
  $("pace").querySelector("span").textContent = done < pace.count ? `${done} of ${pace.count}` : `${done} drawn`;
  $("pace").querySelector("small").textContent = done < pace.count && pace.rate ? `${pace.rate} a second` : "";
}

function take(news) {
  let decided = false;
  for (const item of news) {
    const before = items.get(item.id);
    if (item.gone) items.delete(item.id);
    else items.set(item.id, item);
    decided = decided || Boolean(before) || Boolean(item.gone) || item.id[0] === "=";
  }
  if (!whole) return;
  if (decided) rearrange();
  else if (!stale) stale = setTimeout(rearrange, ARRANGE_MS); // they come one by one for minutes
}

function rearrange() {
  clearTimeout(stale);
  stale = 0;
  const place = hall.order.indexOf(hall.chosen);
  arrange();
  if (!hall.order.includes(hall.chosen)) choose(hall.order[Math.min(Math.max(0, place), hall.order.length - 1)] ?? null);
  if (hall.pinned && !items.has(hall.pinned)) hall.pinned = null;
  const found = counts();
  for (const button of all("[data-view]")) button.querySelector("b").textContent = found[button.dataset.view];
  $("nothing").hidden = hall.order.length > 0;
  $("nothing").textContent = items.size ? "No portrait is like that." : "The first portraits are being drawn.";
  drawLabels();
  layout();
  drawLoupe();
}

function drawLabels() {
  const known = tags();
  if (hall.tag && !known.includes(hall.tag)) { hall.tag = ""; arrange(); }
  $("labels").replaceChildren(...known.map((tag) => {
    const button = document.createElement("button");
    button.textContent = tag;
    button.setAttribute("aria-pressed", String(tag === hall.tag));
    button.onclick = () => { hall.tag = hall.tag === tag ? "" : tag; rearrange(); };
    return button;
  }));
  $("known").replaceChildren(...known.map((tag) => Object.assign(document.createElement("option"), { value: tag })));
}

function choose(id) {
  hall.chosen = id;
  if (id) reveal(id);
  draw();
  drawLoupe();
  clearTimeout(largeTimer);
  if (id && !larges.has(id)) largeTimer = setTimeout(() => say({ do: "full", id }), LARGE_MS);
}

function drawLoupe() {
  const item = items.get(hall.chosen), other = items.get(hall.pinned);
  document.body.classList.toggle("comparing", Boolean(other));
  $("pinned").hidden = !other;
  if (other) picture($("pinned"), other, true);
  picture($("shown"), item, Boolean(other));
  for (const button of all("[data-do]")) button.disabled = !item && button.dataset.do !== "undo";
  document.querySelector("[data-do=undo]").disabled = !undo.length;
  press("compare", Boolean(other));
  press("keep", item?.verdict === "kept");
  press("reject", item?.verdict === "rejected");
  $("name").textContent = item ? title(item) : "–";
  $("verdict").textContent = item?.verdict || (item ? "undecided" : "");
  $("verdict").className = item?.verdict || "";
  $("whence").textContent = item ? whence(item) : "";
  $("sharp").style.setProperty("--rank", item ? rank("sharp", item.sharp) : 0);
  $("usual").style.setProperty("--rank", item && item.strange !== null ? 1 - rank("strange", item.strange) : 0);
  $("ratings").hidden = !item || item.sharp === null;
  $("tagged").replaceChildren(...(item?.tags || []).map((tag) => {
    const button = document.createElement("button");
    button.textContent = tag;
    button.title = `Take the tag ${tag} away`;
    button.onclick = () => setTag(item, tag);
    return button;
  }));
  drawAlike(item);
}

function whence(item) {
  const words = item.seed !== null && item.seed !== undefined && item.name ? [`seed ${item.seed}`] : [];
  if (item.origin) words.push(item.parents?.length ? `${item.origin} of ${item.parents.join(" and ")}` : item.origin);
  if (item.sharp !== null) words.push(`sharper than ${percent("sharp", item)}`, `stranger than ${percent("strange", item)}`);
  return words.join(" · ");
}

function percent(key, item) { return `${Math.round(100 * rank(key, item[key]))} %`; }

function picture(figure, item, named) {
  const image = figure.querySelector("img"), url = item && (larges.get(item.id) || pictures.get(item.id));
  if (url) { if (image.src !== url) image.src = url; } else image.removeAttribute("src");
  figure.querySelector("figcaption").textContent = named && item ? title(item) : "";
  if (item) askFor([item.id]);
}

function drawAlike(item) {
  const others = item ? alike(item).filter((one) => one.id !== item.id) : [];
  $("alike").hidden = !others.length;
  askFor(others.slice(0, 24).map((one) => one.id));
  $("alike").querySelector("div").replaceChildren(...others.slice(0, 24).map((one) => {
    const button = document.createElement("button"), image = document.createElement("img");
    button.className = one.verdict;
    button.setAttribute("aria-label", title(one));
    image.alt = "";
    if (pictures.has(one.id)) image.src = pictures.get(one.id);
    button.append(image);
    button.onclick = () => { if (!hall.order.includes(one.id)) { hall.fold = false; hall.view = ""; pressViews(); rearrange(); } choose(one.id); };
    return button;
  }));
}

function press(name, on) { document.querySelector(`[data-do=${name}]`).setAttribute("aria-pressed", String(on)); }

function judge(item, verdict, remember = true) {
  if (remember) undo.push([item.id, item.verdict]);
  say({ do: "judge", id: item.id, verdict });
  items.set(item.id, { ...item, verdict }); // at once; the server's word comes after
}

function decide(verdict) {
  const item = items.get(hall.chosen);
  if (!item) return;
  const again = item.verdict === verdict, next = neighbour("ArrowRight");
  judge(item, again ? "" : verdict);
  rearrange();
  if (!again && hall.chosen === item.id && next) choose(next);
}

function takeBack() {
  const [id, verdict] = undo.pop() || [];
  const item = items.get(id);
  if (!item) return;
  judge(item, verdict, false);
  rearrange();
  if (hall.order.includes(id)) choose(id);
}

function setTag(item, tag) {
  const kept = item.tags.includes(tag) ? item.tags.filter((one) => one !== tag) : [...item.tags, tag];
  say({ do: "tag", id: item.id, tags: kept });
}

function write(what) {
  const item = items.get(hall.chosen);
  if (!item) return;
  writing = what;
  $("writing").hidden = false;
  $("asked").textContent = what === "tag" ? "Tag" : "Name";
  $("words").value = what === "tag" ? "" : item.name;
  if (what === "tag") $("words").setAttribute("list", "known");
  else $("words").removeAttribute("list");
  $("words").focus();
  $("words").select();
}

function stopWriting() { $("writing").hidden = true; $("wall").focus({ preventScroll: true }); }

$("writing").addEventListener("submit", (event) => {
  event.preventDefault();
  const item = items.get(hall.chosen), text = $("words").value.trim();
  if (item && text) {
    if (writing === "tag") setTag(item, text.toLowerCase());
    else say({ do: "call", id: item.id, name: text.replaceAll(/\s+/g, "-") });
  }
  stopWriting();
});
$("words").addEventListener("keydown", (event) => { if (event.key === "Escape") stopWriting(); });

function compare() {
  hall.pinned = hall.pinned ? null : hall.chosen;
  drawLoupe();
  layout();
  if (hall.chosen) reveal(hall.chosen);
}

function fold() { hall.fold = !hall.fold; pressViews(); rearrange(); }

function pressViews() {
  for (const button of all("[data-view]")) button.setAttribute("aria-pressed", String(button.dataset.view === hall.view));
  $("fold").setAttribute("aria-pressed", String(hall.fold));
}

const DOES = {
  keep: () => decide("kept"), reject: () => decide("rejected"), tag: () => write("tag"),
  name: () => write("name"), compare, undo: takeBack,
};
const KEYS = { k: "keep", r: "reject", t: "tag", c: "compare", n: "name", u: "undo" };

for (const button of all("[data-do]")) button.onclick = () => DOES[button.dataset.do]();
for (const button of all("[data-view]")) button.onclick = () => { hall.view = button.dataset.view; pressViews(); rearrange(); $("wall").scrollTop = 0; };
$("fold").onclick = fold;
$("sort").onchange = () => { hall.sort = $("sort").value; rearrange(); $("sort").blur(); if (hall.chosen) reveal(hall.chosen); };
$("size").oninput = () => { layout(); if (hall.chosen) reveal(hall.chosen); };
$("wall").addEventListener("click", (event) => {
  const cell = event.target.closest(".cell");
  if (cell) choose(cell.dataset.id);
});

document.addEventListener("keydown", (event) => {
  if (event.altKey || !$("pairing").hidden || event.target.matches("#words, #code")) return;
  const letter = event.key.toLowerCase();
  if (event.ctrlKey || event.metaKey) {
    if (letter === "z") { takeBack(); event.preventDefault(); }
    return;
  }
  if (event.target.matches("select, input") && /^Arrow|^Page|^Home|^End/.test(event.key)) return;
  if (/^Arrow|^Page|^Home|^End/.test(event.key)) choose(neighbour(event.key));
  else if (event.repeat) return;
  else if (KEYS[letter]) DOES[KEYS[letter]]();
  else if (letter === "f") fold();
  else if (event.key === "Escape" && hall.pinned) compare();
  else return;
  event.preventDefault();
});

// A finger that wipes over the picture goes on to the next one.
let begun = null;
$("pictures").addEventListener("pointerdown", (event) => { begun = [event.clientX, event.clientY]; });
$("pictures").addEventListener("pointerup", (event) => {
  if (!begun) return;
  const [x, y] = [event.clientX - begun[0], event.clientY - begun[1]];
  begun = null;
  if (Math.abs(x) > 40 && Math.abs(x) > 2 * Math.abs(y)) choose(neighbour(x < 0 ? "ArrowRight" : "ArrowLeft"));
});
$("pictures").style.touchAction = "pan-y";

function see(bytes) {
  const length = 256 * bytes[1] + bytes[2], id = new TextDecoder().decode(bytes.subarray(3, 3 + length));
  const url = URL.createObjectURL(new Blob([bytes.subarray(3 + length)]));
  if (bytes[0] === SMALL) hang(id, url);
  else {
    larges.set(id, url);
    const oldest = larges.keys().next().value;
    if (larges.size > MOST_LARGE) { URL.revokeObjectURL(larges.get(oldest)); larges.delete(oldest); }
  }
  if (id === hall.chosen || id === hall.pinned) drawLoupe();
  else if (items.has(id) && hall.chosen && items.get(id).group === items.get(hall.chosen)?.group) drawAlike(items.get(hall.chosen));
}

addEventListener("resize", layout);
connect(greet, hear, see);
