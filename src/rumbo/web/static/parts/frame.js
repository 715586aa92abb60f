/** The frame around every page: the rail with the places, and the column with a head that stays. */

import { html } from "../html.js";
import { useConnected } from "../live.js";
import { href } from "../router.js";
import { theme, turnTheme } from "../theme.js";
import { language, named, speak, t } from "../words.js";
import { useEffect, useRef, useState } from "../html.js";
import { Icon, Mark } from "./icons.js";

/** Places in the rail, each with the letter that leads there after `g`. */
export const PLACES = [
  { name: "now", path: [], key: "n" },
  { name: "runs", path: ["runs"], key: "r" },
  { name: "tasks", path: ["tasks"], key: "t" },
  { name: "graph", path: ["graph"], key: "h" },
  { name: "grid", path: ["grid"], key: "d" },
  { name: "workers", path: ["workers"], key: "w" },
  { name: "resources", path: ["resources"], key: "e" },
  { name: "history", path: ["history"], key: "y" },
  { name: "settings", path: ["settings"], key: "s" },
];

/** @param {{ at: string, page: string, user: string, showKeys: () => void, children?: any }} props page: the address without choices */
export function Frame({ at, page, user, showKeys, children }) {
  const [isOpen, setOpen] = useState(false);
  useEffect(() => setOpen(false), [page]);
  /** What darkens the page behind the menu belongs to the bar itself. @param {MouseEvent} event */
  const pressed = (event) => event.target === event.currentTarget && setOpen(false);
  return html`<a class="skip-link" href="#main" onClick=${skip}>${t("skip")}</a>
    <div class="frame">
      <nav
        class=${isOpen ? "rail open" : "rail"}
        aria-label=${t("places")}
        onClick=${pressed}
        onKeyDown=${(/** @type {KeyboardEvent} */ event) => event.key === "Escape" && setOpen(false)}
      >
        <a class="name" href=${href([])} aria-label="Rumbo"><${Mark} /><span>Rumbo</span></a>
        <${LinkState} />
        <button
          class="button plain turn-menu"
          type="button"
          aria-expanded=${isOpen}
          aria-controls="places"
          onClick=${() => setOpen(!isOpen)}
        >
          <${Icon} name=${isOpen ? "close" : "menu"} />${t("menu")}
        </button>
        <div id="places" class="menu">
          ${PLACES.map(
            (each) =>
              html`<a
                key=${each.name}
                class="to"
                href=${href(each.path)}
                title=${`g ${each.key}`}
                aria-current=${each.name === at ? "page" : undefined}
              >
                <${Icon} name=${each.name} />${named("place", each.name)}</a
              >`,
          )}
          ${
            user &&
            html`<a class="to who" href=${href(["settings"])} title=${user}
              ><${Icon} name="person" /><span class="cut">${user}</span></a
            >`
          }
          <div class="foot">
            <${ThemeButton} />
            <button
              class="button plain keys-button"
              type="button"
              title=${t("keys")}
              aria-label=${t("keys")}
              onClick=${showKeys}
            >
              <${Icon} name="keys" />
            </button>
            <button
              class="button plain"
              type="button"
              title=${t("language")}
              aria-label=${t("language")}
              onClick=${() => speak(language() === "en" ? "es" : "en")}
            >
              ${language().toUpperCase()}
            </button>
          </div>
        </div>
      </nav>
      <main id="main" tabindex="-1">${children}</main>
    </div>`;
}

/** @param {Event} event */
function skip(event) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

function LinkState() {
  const isConnected = useConnected();
  const text = t(isConnected ? "live" : "not.live");
  return html`<div class=${`link-state ${isConnected ? "" : "off"}`} role="status" title=${text}>
    <i></i><span>${text}</span>
  </div>`;
}

function ThemeButton() {
  const [now, set] = useState(theme());
  const turn = () => {
    turnTheme();
    set(theme());
  };
  const text = t("theme", { which: named("theme", now) });
  return html`<button class="button plain" type="button" title=${text} aria-label=${text} onClick=${turn}>
    <${Icon} name=${{ light: "sun", dark: "moon" }[now] ?? "system"} />
  </button>`;
}

/**
 * The head of a page: title, state and actions; it also names the browser's tab.
 * @param {{ title: string, crumb?: any, before?: any, after?: any, actions?: any, under?: any, isCode?: boolean, twin?: string }} props
 *   twin: where the API answers with what the page shows
 */
export function Head({ title, crumb, before, after, actions, under, isCode, twin }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    // What else stays in place while the page is moved begins below the head, however tall that is.
    const sizes = new ResizeObserver(() =>
      document.documentElement.style.setProperty("--head", `${box.current?.offsetHeight ?? 53}px`),
    );
    if (box.current) sizes.observe(box.current);
    return () => sizes.disconnect();
  }, []);
  useEffect(() => {
    document.title = `${title} · Rumbo`;
  }, [title]);
  return html`<header class="head" ref=${box}>
    <div class="title">
      ${crumb && html`<span class="crumb">${crumb} /</span>`}${before}
      <h1 class=${isCode ? "mono-title" : ""} title=${title}>${title}</h1>
      ${after}
    </div>
    <div class="actions">
      ${twin && html`<a class="button plain small twin wide" href=${twin} target="_blank" rel="noopener" title=${t("twin")}>JSON</a>`}${actions}
    </div>
    ${under && html`<div class="under">${under}</div>`}
  </header>`;
}
