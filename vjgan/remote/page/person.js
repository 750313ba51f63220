// A new person at every load of this page: a seed comes onto the screen, and here is its picture.

import { make, forgetFaces, picture, seeFace } from "./faces.js";
import { ask, connect, notice, say } from "./line.js";
import { $ } from "./state.js";

const FACE = 3; // what a binary message holds
const PATIENCE_MS = 6000;
const strange = document.querySelector("#strange input");
let called = false, heldUntil = 0, drawn = "";

function join() {
  say({ do: "look", on: false }); // it is not the light that is looked at here
  forgetFaces();
  drawn = "";
  say({ do: "people", on: true });
}

function hear(message) {
  switch (message.say) {
    case "people": return called ? draw(message) : call();
    case "state":
      if (message.own?.psi !== undefined && performance.now() > heldUntil) strange.value = message.own.psi;
      return undefined;
    default: return undefined;
  }
}

// Once a load: a line that was lost and comes back calls nobody.
function call() {
  called = true;
  ask("person");
  setTimeout(() => { if (!drawn) notice("Nobody came: what is played now has no people", true, 8); }, PATIENCE_MS);
}

function draw(news) {
  const words = JSON.stringify(news.night);
  const one = news.night.find((other) => other.on);
  $("back").disabled = news.night.length < 2 || news.night[0].on;
  if (!one || words === drawn) return;
  drawn = words;
  $("picture").replaceChildren(picture(one.face));
  $("picture").firstChild.alt = `The picture of ${one.name}`;
  $("name").textContent = one.name;
  document.title = `${one.name} – vjgan`;
  $("night").replaceChildren(...[...news.night].reverse().map((other) => {
    const face = make("button", { type: "button", className: "face", disabled: other.fits === false,
      onclick: () => say({ do: "throw", who: other.who }) }, picture(other.face));
    face.setAttribute("aria-label", `${other.name} comes onto the screen`);
    face.setAttribute("aria-pressed", String(other.on));
    return face;
  }));
}

strange.addEventListener("input", () => {
  heldUntil = performance.now() + 500;
  say({ do: "set", control: "psi", value: Number(strange.value) });
});
$("back").onclick = () => ask("meet", -1);
$("new").onclick = () => ask("person");
connect(join, hear, (bytes) => { if (bytes[0] === FACE) seeFace(bytes); });
