/** Keys that work on every page. */

import { html, useEffect } from "../html.js";
import { go, href } from "../router.js";
import { named, t } from "../words.js";
import { Window } from "./dialog.js";
import { PLACES } from "./frame.js";

/** @param {() => void} showKeys */
export function useKeys(showKeys) {
  useEffect(() => {
    let isGoing = 0;
    /** @param {KeyboardEvent} event */
    const press = (event) => {
      const target = /** @type {HTMLElement} */ (event.target);
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (target.matches("input, textarea, select, dialog *")) {
        if (event.key === "Escape") target.blur();
        return;
      }
      if (isGoing && isGoing > performance.now() - 1500) {
        isGoing = 0;
        const place = PLACES.find((each) => each.key === event.key);
        if (place) go(href(place.path));
      } else if (event.key === "g") isGoing = performance.now();
      else if (event.key === "?") showKeys();
      else if (event.key === "/") {
        const field = document.querySelector("[data-search]");
        if (field instanceof HTMLElement) {
          event.preventDefault();
          field.focus();
        }
      }
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [showKeys]);
}

/** @param {{ close: () => void }} props */
export function KeyList({ close }) {
  return html`<${Window} title=${t("keys")} close=${close}><div class="keys">
    ${PLACES.map(
      (each) =>
        html`<span key=${each.name}><kbd>g</kbd> <kbd>${each.key}</kbd></span
          ><span>${named("place", each.name)}</span>`,
    )}
    <span><kbd>/</kbd></span><span>${t("keys.search")}</span>
    <span><kbd>↑</kbd> <kbd>↓</kbd> <kbd>↵</kbd></span><span>${t("keys.rows")}</span>
    <span><kbd>␣</kbd></span><span>${t("keys.choose")}</span>
    <span><kbd>esc</kbd></span><span>${t("keys.close")}</span>
  </div></${Window}>`;
}
