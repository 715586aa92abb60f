/** Light, dark, or as the system has it; and the colours in force, for what draws by itself. */

import { stored, store } from "./memory.js";

/** @type {Set<() => void>} */
const listeners = new Set();
/** @type {Map<string, string>} */
let known = new Map();

function apply() {
  const wanted = stored("theme");
  if (wanted) document.documentElement.dataset.theme = wanted;
  else delete document.documentElement.dataset.theme;
  known = new Map();
  for (const listen of listeners) listen();
}

apply();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", apply);

export function theme() {
  return stored("theme") || "system";
}

/** From one to the next: system, light, dark. */
export function turnTheme() {
  const next = { system: "light", light: "dark", dark: "" }[theme()] ?? "";
  store("theme", next);
  apply();
}

/** Be told when colours change; gives what ends that. @param {() => void} listen */
export function onTheme(listen) {
  listeners.add(listen);
  return () => void listeners.delete(listen);
}

/** The colour behind one of the names in the style sheet, such as `done`. @param {string} name */
export function colour(name) {
  let found = known.get(name);
  if (!found) {
    const probe = document.createElement("i");
    probe.style.color = `var(--${name})`;
    document.body.append(probe);
    found = getComputedStyle(probe).color;
    probe.remove();
    known.set(name, found);
  }
  return found;
}
