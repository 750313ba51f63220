// The one line to the show: a WebSocket that comes back by itself.

import { $ } from "./state.js";

const RETRY_MS = [200, 500, 1000, 2000];
let socket = null, tries = 0, joined = false;

export function connect(hear, see) {
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
    notice("No connection; trying again", true);
    setTimeout(() => connect(hear, see), RETRY_MS[Math.min(tries++, RETRY_MS.length - 1)]);
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

export function enter() {
  joined = true;
  tries = 0;
  $("pairing").hidden = true;
  document.body.classList.remove("lost");
  notice("");
  look();
}

export function askForCode() {
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
