/** Small pieces that many pages show: moments, durations, names to copy, sections, empty places, what went wrong. */

import { html, useState } from "../html.js";
import { exactly, lasting, moment } from "../format.js";
import { useNow } from "../live.js";
import { href } from "../router.js";
import { t } from "../words.js";
import { Icon } from "./icons.js";

/** @param {{ at: number | null | undefined }} props */
export function Moment({ at }) {
  if (!at) return null;
  return html`<time class="nowrap" datetime=${new Date(at * 1000).toISOString()} title=${exactly(at)}
    >${moment(at)}</time
  >`;
}

/** How long ago something was, growing. @param {{ at: number }} props */
export function Ago({ at }) {
  const now = useNow(5000);
  return html`<time class="nowrap" title=${exactly(at)}>${t("ago", { time: roughly(Math.max(now - at, 0)) })}</time>`;
}

/** @param {number} seconds */
function roughly(seconds) {
  if (seconds < 60) return `${Math.round(seconds)}s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)}m`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)}h` : `${Math.round(seconds / 86_400)}d`;
}

/** How long something has taken, or takes so far. @param {{ since: number | null, seconds: number | null | undefined, isOpen?: boolean }} props */
export function Took({ since, seconds, isOpen = false }) {
  if (seconds != null) return html`<span class="nowrap">${lasting(seconds)}</span>`;
  return isOpen && since ? html`<${Growing} since=${since} />` : null;
}

/** @param {{ since: number }} props */
function Growing({ since }) {
  const now = useNow(1000);
  return html`<span class="nowrap">${lasting(Math.max(Math.floor(now - since), 0))}</span>`;
}

/** @param {{ text: string, label?: string }} props */
export function Copy({ text, label = "" }) {
  const [isDone, set] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    set(true);
    setTimeout(() => set(false), 1200);
  };
  return html`<button
    class="button plain small"
    type="button"
    title=${t("copy")}
    aria-label=${label || t("copy.what", { what: text.slice(0, 60) })}
    onClick=${copy}
  >
    ${isDone ? t("copied") : html`<${Icon} name="copy" />`}
  </button>`;
}

/** @param {{ title: any, count?: number | string, aside?: any, children?: any, class?: string }} props */
export function Section({ title, count, aside, children, class: more = "" }) {
  return html`<section class=${`section ${more}`}>
    <div class="section-head">
      <h2 class="grow">${title} ${count != null && html`<span class="count">${count}</span>`}</h2>
      ${aside}
    </div>
    ${children}
  </section>`;
}

/** @param {{ title: string, children?: any }} props */
export function Empty({ title, children }) {
  return html`<div class="empty">
    <h2>${title}</h2>
    ${children}
  </div>`;
}

/** @param {{ error: import("../api.js").Refusal | undefined }} props */
export function Trouble({ error }) {
  if (!error) return null;
  return html`<div class="notice" role="alert">${error.status ? error.message : t("no.server")}</div>`;
}

/** @param {{ id: string, family?: string, class?: string }} props */
export function TaskLink({ id, class: more = "" }) {
  return html`<a class=${`mono cut ${more}`} href=${href(["tasks", id])} title=${id}>${id}</a>`;
}

/** @param {{ id: string }} props */
export function RunLink({ id }) {
  return html`<a class="mono cut" href=${href(["runs", id])} title=${id}>${id}</a>`;
}

/** @param {{ value: number | null }} props per cent */
export function Progress({ value }) {
  if (value == null) return null;
  const part = Math.round(Math.min(Math.max(value, 0), 100));
  return html`<span
    class="progress"
    role="progressbar"
    aria-valuenow=${part}
    aria-valuemin="0"
    aria-valuemax="100"
    aria-label=${t("progress")}
    title=${`${part} %`}
  >
    <i style=${{ width: `${part}%` }}></i
  ></span>`;
}

/** How much of something is in use. @param {{ name: string, used: number, total: number }} props */
export function Meter({ name, used, total }) {
  return html`<div
    class=${`meter ${used >= total ? "full" : ""}`}
    role="meter"
    aria-label=${name}
    aria-valuenow=${used}
    aria-valuemin="0"
    aria-valuemax=${total}
  >
    <i style=${{ width: `${total ? Math.min((used / total) * 100, 100) : 0}%` }}></i>
  </div>`;
}

/** @param {{ value: string, onInput: (text: string) => void, label: string, wait?: number }} props */
export function Search({ value, onInput, label, wait = 250 }) {
  const [text, set] = useState(value);
  const [timer, setTimer] = useState(0);
  /** @param {Event} event */
  const input = (event) => {
    const now = /** @type {HTMLInputElement} */ (event.target).value;
    set(now);
    clearTimeout(timer);
    setTimer(window.setTimeout(() => onInput(now), wait));
  };
  return html`<label class="search"
    ><${Icon} name="search" /><input
      class="field"
      type="search"
      data-search
      value=${text}
      placeholder=${label}
      aria-label=${label}
      onInput=${input}
    /><kbd>/</kbd></label
  >`;
}

/** What went wrong, as its author sees it: without the frames that lie in Rumbo itself. @param {{ text: string }} props */
export function Trace({ text }) {
  return html`<pre class="trace grow" tabindex="0">${trimmed(text)}</pre>`;
}

/** @param {string} text */
export function trimmed(text) {
  const frames =
    /^ {2}File "[^"]*[/\\\\]rumbo[/\\\\](worker|executors|pipeline|server)[/\\\\][^\n]*\n( {4}[^\n]*\n)*/gm;
  const found = text.replace(frames, "");
  // If nothing of the author's is left, the mistake is ours, and every frame counts.
  return found.includes('  File "') ? found : text;
}
