// The people of the show: whoever was on tonight, the portraits of the bank, and children of them.
// A face comes onto the screen when it is touched; two or more that are chosen have children.

import { forgetFaces, make, picture } from "./faces.js";
import { notice, say } from "./line.js";
import { $, all } from "./state.js";
import { buildTree, childrenOf, drawTree, hasFamily, learnFamilies, nameOf, openFamily, parentsOf } from "./tree.js";

const GROUPS = ["structure", "features", "colour"];
const MOST_PARENTS = 64;
const DRAWN_AGAIN_MS = 350; // after a slider came to rest
let told = { portraits: [], night: [], children: [], elders: [], sliders: [], parents: [] };
let chosen = []; // { who, is, name, face, shares }; `is` is the same for all keys of somebody
let genes = {}, mutation = 0.2, seed = 1, shown = false, timer = 0;

const button = (words, word) => make("button", { type: "button", ...words }, word);

function command(name, word, key, value) {
  const one = button({}, make("b", {}, word));
  one.dataset.command = name;
  one.dataset.key = key;
  if (value !== undefined) one.dataset.value = value;
  return one;
}

function part(id, title, ...inside) {
  return make("section", { id, className: "folk" }, make("h3", {}, title), ...inside);
}

function build() {
  const parts = () => {
    const nav = make("nav", { className: "segments parts", ariaLabel: "What is shown here" });
    for (const [name, word] of [["controls", "Controls"], ["people", "People"]]) {
      const one = button({ onclick: () => turnTo(name) }, word);
      one.dataset.part = name;
      nav.append(one);
    }
    return nav;
  };
  $("controls-head").querySelector("h2").replaceWith(parts());
  const words = make("div", { id: "people-words" },
    command("person", "New", "N"), command("meet", "Before", "", -1), command("walk", "Walk on", "W"),
    command("child", "Child", "J"), command("keep", "Keep", "E"));
  $("people").append(
    make("div", { id: "people-head" }, parts(), words),
    make("p", { id: "people-trouble", role: "alert", hidden: true }),
    part("parents", "Parents", make("p", { id: "parents-hint" }, "Choose two or more faces as parents."),
      make("div", { id: "chosen" }),
      make("label", { id: "mutation" }, make("span", {}, "Mutation "), make("input", {
        type: "range", min: 0, max: 1, step: 0.01, value: mutation,
        oninput: (event) => { mutation = Number(event.target.value); drawSoon(); },
      })),
      make("details", { id: "genes" }, make("summary", {}, "Genes"), make("div", { id: "gene-rows" })),
      button({ id: "breed", onclick: () => { seed = 1 + Math.floor(Math.random() * 2 ** 30); breed(); } }, "Children")),
    part("family", "Family"),
    part("offspring", "Children", make("div", { id: "children", className: "faces" })),
    part("tonight", "Tonight", make("a", { href: "/person" }, "a new person at every load"), make("div", { id: "night", className: "faces strip" })),
    part("bank", "Bank", make("div", { id: "portraits", className: "faces" })));
  $("people").querySelector("#mutation input").setAttribute("aria-label", "Mutation");
  buildTree($("family"), person);
  turnTo("controls");
  new ResizeObserver(greet).observe($("people"));
}

export function turnTo(name) {
  document.body.dataset.part = name;
  for (const one of all(".parts button")) one.setAttribute("aria-pressed", String(one.dataset.part === name));
}

// Tell the show whether the people are to be seen: their faces come only then.
let wanted = null;
function greet() {
  const on = $("people").offsetHeight > 0;
  if (on !== wanted) say({ do: "people", on });
  wanted = on;
}

// The line is new: what was told before may have been of another show.
export function greetAnew() {
  forgetFaces();
  wanted = null;
  greet();
}

export function drawPeople(news) {
  const first = !told.say, trouble = $("people-trouble"); // what was wrong before is not told loudly
  told = news;
  learnFamilies(news);
  if (!first && news.trouble && news.trouble !== trouble.textContent) notice(news.trouble, true, 6);
  trouble.textContent = news.trouble || "";
  trouble.hidden = !news.trouble;
  const there = new Map([...news.portraits, ...news.night, ...news.children, ...news.elders].map((one) => [one.who, one]));
  for (const one of chosen) if (there.has(one.who)) ({ face: one.face, is: one.is } = there.get(one.who));
  put("night", [...news.night].reverse(), "Nobody yet: New brings somebody.");
  put("portraits", news.portraits, "Empty: Keep puts in who is on.");
  put("children", news.children, "");
  const blend = $("children").firstElementChild;
  if (blend) blend.classList.add("blend");
  $("offspring").hidden = !news.children.length;
  drawSliders();
  drawChosen();
  drawTree();
  for (const mark of all("[data-parent]")) {
    mark.setAttribute("aria-pressed", String(isChosen(mark.dataset.parent)));
  }
}

const isChosen = (is) => chosen.some((one) => one.is === is);

// Elements are kept where they are, so that a finger or the focus does not lose them.
function put(id, people, nobody) {
  const box = $(id), old = new Map([...box.children].map((one) => [one.dataset.who, one]));
  const now = people.map((one) => {
    const words = JSON.stringify([one, parentsOf(one), childrenOf(one)]);
    const before = old.get(one.who);
    if (before && before.words === words) return before;
    const figure = person(one, id === "children");
    figure.words = words;
    return figure;
  });
  const focus = document.activeElement && document.activeElement.dataset.focus;
  if (!now.length && nobody) now.push(make("p", { className: "nobody" }, nobody));
  if (now.length !== box.children.length || now.some((one, k) => one !== box.children[k])) {
    box.replaceChildren(...now);
    if (focus) box.querySelector(`[data-focus="${CSS.escape(focus)}"]`)?.focus();
  }
}

function person(one, inGrid = false) { // whose family is who was chosen
  const figure = make("figure", { className: "person" });
  figure.dataset.who = one.who;
  figure.classList.toggle("foreign", one.fits === false);
  const come = button({ className: "face", title: lines(one), onclick: () => say({ do: "throw", who: one.who }) }, picture(one.face));
  come.setAttribute("aria-label", `${one.name} comes onto the screen`);
  come.dataset.focus = `come ${one.who}`;
  if (one.on !== undefined) come.setAttribute("aria-pressed", String(one.on));
  const row = make("div", { className: "marks" });
  if (one.fits !== false) {
    const mark = button({ onclick: () => choose(one) }, "Parent");
    mark.dataset.parent = one.is;
    mark.setAttribute("aria-pressed", String(isChosen(one.is)));
    mark.dataset.focus = `parent ${one.who}`;
    mark.setAttribute("aria-label", `${one.name} as a parent`);
    row.append(mark);
  }
  if (one.who.startsWith("child/")) {
    const keep = button({ disabled: Boolean(one.kept), onclick: () => say({ do: "adopt", who: one.who }) }, one.kept ? "Kept" : "Keep");
    keep.setAttribute("aria-label", one.kept ? `${one.name} is kept` : `Keep ${one.name} in the bank`);
    keep.dataset.focus = `keep ${one.who}`;
    row.append(keep);
  }
  if (hasFamily(one) && !inGrid) {
    const tree = button({ onclick: () => openFamily(one.is) }, "Family");
    tree.setAttribute("aria-label", `The family of ${one.name}`);
    tree.dataset.focus = `family ${one.who}`;
    row.append(tree);
  }
  figure.append(come, make("figcaption", {}, one.kept || one.name), row);
  return figure;
}

function lines(one) {
  const said = [one.name];
  if (one.fits === false && one.model) said.push(`of another model: ${one.model}`);
  const elders = parentsOf(one), young = childrenOf(one);
  if (elders.length) said.push(`child of ${elders.map(nameOf).join(", ")}`);
  if (young.length) said.push(`children: ${young.map(nameOf).join(", ")}`);
  return said.join("\n");
}

function choose(one) {
  const there = chosen.findIndex((other) => other.is === one.is);
  if (there >= 0) chosen.splice(there, 1);
  else if (chosen.length < MOST_PARENTS) chosen.push({ who: one.who, is: one.is, name: one.name, face: one.face, shares: [1, 1, 1] });
  else notice(`${MOST_PARENTS} parents at most`, false, 3);
  drawPeople(told);
}

function drawChosen() {
  $("parents-hint").hidden = chosen.length > 0;
  $("breed").disabled = !chosen.length;
  $("breed").textContent = told.children.length ? "Other children" : "Children";
  const box = $("chosen"), key = JSON.stringify(chosen.map((one) => [one.who, one.face]));
  if (box.dataset.key === key) return;
  box.dataset.key = key;
  box.replaceChildren(...chosen.map((one) => {
    const row = make("div", { className: "parent" }, picture(one.face), make("b", {}, one.name));
    GROUPS.forEach((group, k) => {
      const input = make("input", { type: "range", min: 0, max: 1, step: 0.01, value: one.shares[k],
        oninput: () => { one.shares[k] = Number(input.value); drawSoon(); } });
      input.setAttribute("aria-label", `${group} of ${one.name}`);
      row.append(make("label", {}, group, input));
    });
    const away = button({ className: "away", onclick: () => choose(one) }, "×");
    away.setAttribute("aria-label", `${one.name} is no parent`);
    row.append(away);
    return row;
  }));
}

function drawSliders() {
  const rows = $("gene-rows"), key = told.sliders.join();
  if (rows.dataset.key === key) return;
  rows.dataset.key = key;
  genes = Object.fromEntries(Object.entries(genes).filter(([name]) => told.sliders.includes(name)));
  rows.replaceChildren(...told.sliders.map((name) => {
    const input = make("input", { type: "range", min: -3, max: 3, step: 0.05, value: genes[name] || 0,
      oninput: () => { genes[name] = Number(input.value); drawSoon(); },
      ondblclick: () => { input.value = 0; input.oninput(); } });
    input.setAttribute("aria-label", `gene ${name}`);
    return make("label", {}, name.replaceAll("_", " "), input);
  }));
}

function drawSoon() {
  clearTimeout(timer);
  if (shown) timer = setTimeout(breed, DRAWN_AGAIN_MS);
}

function breed() {
  if (!chosen.length) return;
  shown = true;
  const given = Object.fromEntries(Object.entries(genes).filter(([, amount]) => amount));
  say({ do: "breed", parents: chosen.map((one) => one.who), shares: chosen.map((one) => one.shares), genes: given, mutation, seed });
}

build();
