/** States as they look everywhere: a word, a shape and a colour each. */

import { html } from "../html.js";
import { named, t } from "../words.js";

/** From the words of the API to those of the looks. */
const LOOKS = /** @type {Record<string, string>} */ ({
  pending: "waiting",
  batched: "running",
  lost: "failed",
  crashed: "failed",
  timed_out: "failed",
  incomplete: "disabled",
  released: "cancelled",
  "held up": "waiting",
  external: "waiting",
  "not run": "cancelled",
  complete: "skipped",
  "done elsewhere": "done",
  run: "running",
  skip: "skipped",
  wait: "waiting",
  broken: "failed",
});

/** The words of the API, as filters take them, for those of the looks. @param {string} name */
export function statesOf(name) {
  return { waiting: ["pending"], running: ["running", "batched"], failed: ["failed", "lost"] }[name] ?? [name];
}

/** In which order strips and counters show states. */
export const ORDER = [
  "done",
  "skipped",
  "running",
  "parked",
  "retrying",
  "failed",
  "disabled",
  "cancelled",
  "waiting",
  "unknown",
];

/** Which state stands for several: the first of these that any of them has. */
export const WORST = [
  "failed",
  "retrying",
  "disabled",
  "running",
  "parked",
  "waiting",
  "cancelled",
  "unknown",
  "done",
  "skipped",
];

/** @param {string} state */
export function look(state) {
  const name = LOOKS[state] ?? state;
  return ORDER.includes(name) ? name : "unknown";
}

/** Counts by look. @param {Record<string, number>} counts */
export function byLook(counts) {
  /** @type {Record<string, number>} */
  const found = {};
  for (const [state, many] of Object.entries(counts))
    if (many > 0) found[look(state)] = (found[look(state)] ?? 0) + many;
  return found;
}

/** All tasks together. @param {Record<string, number>} counts */
export function total(counts) {
  return Object.values(counts).reduce((sum, many) => sum + many, 0);
}

/** The look of a task of a run. @param {any} row */
export function lookOf(row) {
  if (row.state === "failed" && row.due > Date.now() / 1000) return "retrying";
  return row.state === "done" && row.verdict === "skip" ? "skipped" : row.state;
}

const SHAPES = /** @type {Record<string, () => any>} */ ({
  done: () => html`<path d="M3 8.5 6.5 12 13 4.5" />`,
  skipped: () => html`<path d="M4.5 8.2 7 10.7l4.5-5.2" /><circle cx="8" cy="8" r="6.5" stroke-width="1" />`,
  running: () =>
    html`<circle cx="8" cy="8" r="5.75" opacity="0.3" /><path class="turns" d="M8 2.25A5.75 5.75 0 0 1 13.75 8" />`,
  waiting: () => html`<circle cx="8" cy="8" r="4.25" />`,
  parked: () => html`<path d="M5.5 3.5v9M10.5 3.5v9" />`,
  failed: () => html`<path d="m4 4 8 8M12 4l-8 8" />`,
  retrying: () => html`<path d="M13 8a5 5 0 1 1-1.6-3.7" /><path d="M13.2 1.8v3.4H9.8" />`,
  disabled: () => html`<path d="M2.5 8h11" stroke-width="4" stroke-linecap="butt" />`,
  cancelled: () => html`<path d="M4 8h8" />`,
  unknown: () => html`<circle cx="8" cy="8" r="5" stroke-dasharray="2.2 2.6" />`,
});

/** @param {{ state: string }} props */
export function Shape({ state }) {
  const name = look(state);
  return html`<svg class=${`shape is-${name}`} viewBox="0 0 16 16" aria-hidden="true">
    ${(SHAPES[name] ?? SHAPES.unknown)()}
  </svg>`;
}

/** @param {{ state: string, word?: string }} props */
export function State({ state, word }) {
  return html`<span class="state"><${Shape} state=${state} />${word ?? named("state", state)}</span>`;
}

/** The run strip: the tasks of a run as segments in the colours of their states. @param {{ counts: Record<string, number> }} props */
export function Strip({ counts }) {
  const looks = byLook(counts);
  const shown = ORDER.filter((name) => looks[name]);
  const told = shown.map((name) => `${looks[name].toLocaleString()} ${named("state", name)}`).join(", ");
  return html`<div class="strip" role="img" aria-label=${told || t("empty.strip")} title=${told}>
    ${shown.map((name) => html`<i key=${name} class=${`is-${name}`} style=${{ flexGrow: String(looks[name]), flexBasis: "0" }}></i>`)}
  </div>`;
}
