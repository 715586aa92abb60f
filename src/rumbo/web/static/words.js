/** What the pages say, in the reader's language. */

import { en } from "./words/en.js";
import { es } from "./words/es.js";
import { stored, store } from "./memory.js";

/** @typedef {keyof typeof en} Word */

const ALL = { en, es };
/** Languages by code, each under its own name. */
export const LANGUAGES = { en: "English", es: "Español" };

/** @returns {"en" | "es"} */
function choose() {
  const wanted = [stored("language"), ...navigator.languages].map((each) => each.slice(0, 2));
  return /** @type {"en" | "es"} */ (wanted.find((each) => each in ALL) ?? "en");
}

const current = choose();
document.documentElement.lang = current;

export function language() {
  return current;
}

/** Show everything in another language. @param {string} code */
export function speak(code) {
  store("language", code);
  location.reload();
}

/**
 * A text, with its gaps filled. Where it has a singular and a plural, apart by `|`, the number `n` decides.
 * @param {Word} word
 * @param {Record<string, string | number>} [values]
 */
export function t(word, values = {}) {
  const [one, many = one] = ALL[current][word].split("|");
  const text = Number(values.n) === 1 ? one : many;
  return text.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name] ?? "";
    return typeof value === "number" ? value.toLocaleString(current) : value;
  });
}

/** A word that is put together, such as one for each state. @param {string} group @param {string} name @param {Record<string, any>} [values] */
export function named(group, name, values) {
  const word = `${group}.${name}`;
  return word in en ? t(/** @type {Word} */ (word), values) : name;
}

/** The sentences that the server writes in English, each as what it is recognised by. @type {[Word, RegExp][]} */
const TOLD = Object.entries(en)
  .filter(([word]) => word.startsWith("told."))
  .map(([word, text]) => [
    /** @type {Word} */ (word),
    new RegExp(`^${text.replace(/[.*+?^$()|[\]\\]/g, "\\$&").replace(/\{(\w+)\}/g, "(?<$1>[^]+?)")}$`),
  ]);

/** What the server said or wrote down in English, in the reader's language if it is one of its usual sentences. @param {string} text @returns {string} */
export function told(text) {
  if (current === "en" || !text) return text;
  for (const [word, pattern] of TOLD) {
    const found = pattern.exec(text);
    if (!found) continue;
    const { why = "", state = "", ...values } = found.groups ?? {};
    return t(word, { ...values, why: told(why), state: named("state", state.toLowerCase()) });
  }
  return text;
}
