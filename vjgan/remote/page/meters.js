// What is heard, the beat and frame times, drawn at this screen's own rate.

import { $, all, show } from "./state.js";

export function drawStats(stats) {
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

let beatAt = 0, beatPosition = 0;

export function hearBeat(position) {
  beatAt = performance.now();
  beatPosition = position;
}

const meters = $("meters"), draw = meters.getContext("2d");
const BANDS = ["band1", "band2", "band3", "band4", "band5", "band6", "band7", "band8"];
const levels = {};
const calm = matchMedia("(prefers-reduced-motion: reduce)");
let last = performance.now();

export function tick(now) {
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
