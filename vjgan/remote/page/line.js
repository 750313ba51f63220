// The one line to the show: a WebSocket that comes back by itself, and for pages on other machines
// the code that they need before they are heard.

import { $ } from "./state.js";

const RETRY_MS = [200, 500, 1000, 2000];
let socket = null, tries = 0, joined = false;

// `greet` is called whenever the page has come in, `hear` with what it is told, `see` with pictures.
export function connect(greet, hear, see) {
  document.body.classList.add("lost");
  socket = new WebSocket(`ws://${location.host}/ws`);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => { say({ do: "hello", token: localStorage.getItem("token") || "" }); };
  socket.onmessage = (event) => {
    if (typeof event.data !== "string") return see(new Uint8Array(event.data));
    const message = JSON.parse(event.data);
    switch (message.say) {
      case "welcome": return enter(greet);
      case "paired":
        localStorage.setItem("token", message.token);
        return enter(greet);
      case "pair": return askForCode();
      case "refused":
        $("refusal").textContent = "That is not the code of the moment. Look again, it may have changed.";
        return $("code").select();
      default: return hear(message);
    }
  };
  socket.onclose = () => {
    joined = false;
    notice("No connection; trying again", true);
    document.body.classList.add("lost");
    setTimeout(() => connect(greet, hear, see), RETRY_MS[Math.min(tries++, RETRY_MS.length - 1)]);
  };
}

export function say(word) {
  if (socket && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(word));
}

export function ask(name, value) {
  say(value === undefined ? { do: "command", name } : { do: "command", name, value });
}

// Pictures of the light come only while someone looks.
export function look() { if (joined) say({ do: "look", on: !document.hidden }); }

function enter(greet) {
  joined = true;
  tries = 0;
  $("pairing").hidden = true;
  document.body.classList.remove("lost");
  notice("");
  look();
  greet();
}

$("pairing").insertAdjacentHTML("afterbegin", "<h1>vjgan</h1>");
$("pairing").insertAdjacentHTML("beforeend", `
  <label for="code">Pairing code</label>
  <input id="code" inputmode="text" autocapitalize="characters" autocomplete="one-time-code" spellcheck="false" maxlength="16" required>
  <button>Pair</button>
  <p id="refusal" role="alert"></p>`);
$("pairing").addEventListener("submit", (event) => {
  event.preventDefault();
  $("refusal").textContent = "";
  say({ do: "pair", code: $("code").value.slice(0, 32) });
});

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
export function notice(text, bad = false, seconds = 0) {
  clearTimeout(noticeTimer);
  const box = $("notice");
  box.textContent = text;
  box.hidden = !text;
  box.classList.toggle("bad", bad);
  if (seconds) noticeTimer = setTimeout(() => { box.hidden = true; }, 1000 * seconds);
}
