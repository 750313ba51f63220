// What this page knows of the show, and how its parts find their elements.

export const $ = (id) => document.getElementById(id);
export const all = (selector, root = document) => [...root.querySelectorAll(selector)];

export const show = {
  table: new Map(), commands: {}, cards: [], passes: [], changed: [], signals: {}, stats: {},
  told: {}, // the controls' own values, as the show says
  own: {}, // and as this page shows them, a hand on a fader going first
  out: {}, // what routes and crossfade make of them
  asked: null, // the preset that was asked for and is not there yet
};
