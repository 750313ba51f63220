// What this page knows: the portraits, which of them are in view and in what order, which is chosen.

export const items = new Map(); // by id
export const hall = { view: "", sort: "seed", fold: false, tag: "", order: [], chosen: null, pinned: null };
export const pictures = new Map(); // object URLs of small pictures by id
export const larges = new Map(); // and of large ones

const ranks = { sharp: [], strange: [] }; // all values, rising
let groups = new Map(); // ids by group

const VIEWS = {
  "": () => true, open: (item) => !item.verdict, kept: (item) => item.verdict === "kept",
  rejected: (item) => item.verdict === "rejected",
};
const last = (value, otherwise) => (value === null || value === undefined ? otherwise : value);
const bySeed = (a, b) => last(a.seed, Infinity) - last(b.seed, Infinity) || (a.id < b.id ? -1 : 1);
const SORTS = {
  seed: bySeed,
  sharp: (a, b) => last(b.sharp, -Infinity) - last(a.sharp, -Infinity) || bySeed(a, b),
  usual: (a, b) => last(a.strange, Infinity) - last(b.strange, Infinity) || bySeed(a, b),
  strange: (a, b) => last(b.strange, -Infinity) - last(a.strange, -Infinity) || bySeed(a, b),
  group: (a, b) => groups.get(b.group).length - groups.get(a.group).length || (a.group === b.group ? bySeed(a, b) : a.group < b.group ? -1 : 1),
  name: (a, b) => (a.name || "\uffff").localeCompare(b.name || "\uffff") || bySeed(a, b),
};

export function arrange() {
  groups = Map.groupBy ? Map.groupBy(items.values(), (item) => item.group) : grouped();
  for (const key of Object.keys(ranks)) {
    ranks[key] = [...items.values()].map((item) => item[key]).filter((value) => value !== null).sort((a, b) => a - b);
  }
  let chosen = [...items.values()].filter((item) => VIEWS[hall.view](item) && (!hall.tag || item.tags.includes(hall.tag)));
  if (hall.fold) chosen = folded(chosen);
  hall.order = chosen.sort(SORTS[hall.sort]).map((item) => item.id);
}

function grouped() {
  const found = new Map();
  for (const item of items.values()) found.set(item.group, [...(found.get(item.group) || []), item]);
  return found;
}

// Of each group the one that is kept, or the sharpest, stands for all.
function folded(all) {
  const best = new Map();
  const worth = (item) => (item.verdict === "kept" ? 1000 : 0) + last(item.sharp, -100);
  for (const item of all) {
    const other = best.get(item.group);
    if (!other || worth(item) > worth(other)) best.set(item.group, item);
  }
  return [...best.values()];
}

export function alike(item) { return groups.get(item.group) || [item]; }

export function counts() {
  const found = {};
  for (const view of Object.keys(VIEWS)) found[view] = 0;
  for (const item of items.values()) for (const [view, fits] of Object.entries(VIEWS)) found[view] += fits(item);
  return found;
}

export function tags() { return [...new Set([...items.values()].flatMap((item) => item.tags))].sort(); }

// How many of all have less of it, 0..1.
export function rank(key, value) {
  const all = ranks[key];
  if (value === null || value === undefined || all.length < 2) return 0;
  let low = 0, high = all.length;
  while (low < high) { const middle = (low + high) >> 1; if (all[middle] < value) low = middle + 1; else high = middle; }
  return low / (all.length - 1);
}

export function title(item) { return item.name || (item.seed === null ? item.id : `seed ${item.seed}`); }
