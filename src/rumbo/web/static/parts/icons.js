/** The icons of the frame and of buttons: lines of one weight on a grid of 16. */

import { html } from "../html.js";

const PATHS = /** @type {Record<string, string>} */ ({
  now: "M1.5 8.5h3l2-5 3 9 2-4h3",
  runs: "M2 4h12M2 8h8M2 12h10",
  tasks: "M2.5 4.5 4 6l2.5-3M2.5 11.5 4 13l2.5-3M9 4.5h5M9 11.5h5",
  graph: "M2 6h4v4H2zM10 2h4v4h-4zM10 10h4v4h-4zM6 8h2V4h2M8 8v4h2",
  grid: "M2.5 2.5h11v11h-11zM2.5 6.2h11M2.5 9.8h11M6.2 2.5v11M9.8 2.5v11",
  workers: "M2 3h12v7H2zM6 13h4M8 10v3",
  resources: "M3 13V6M8 13V2.5M13 13V9",
  history: "M2.5 8A5.5 5.5 0 1 0 4.3 4M2.2 2.5V5h2.6M8 5v3.2l2.2 1.4",
  settings: "M2 4.5h7M12.5 4.5H14M2 11.5h1.5M7 11.5h7M9 2.8v3.4h3.2V2.8zM3.7 9.8v3.4h3.2V9.8z",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.3 10.3 14 14",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  sun: "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6zM8 1.5v1.3M8 13.2v1.3M1.5 8h1.3M13.2 8h1.3M3.4 3.4l.9.9M11.7 11.7l.9.9M3.4 12.6l.9-.9M11.7 4.3l.9-.9",
  moon: "M13.2 9.6A5.6 5.6 0 0 1 6.4 2.8a5.6 5.6 0 1 0 6.8 6.8z",
  system: "M8 2.2a5.8 5.8 0 1 0 0 11.6zM8 2.2a5.8 5.8 0 0 1 0 11.6",
  keys: "M1.5 4h13v8h-13zM4 6.5h.01M6.5 6.5h.01M9 6.5h.01M11.5 6.5h.01M5 9.5h6",
  close: "m4 4 8 8M12 4l-8 8",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  play: "M5 3.2v9.6L12.5 8z",
  again: "M13 8a5 5 0 1 1-1.6-3.7M13.2 1.8v3.4H9.8",
  fit: "M2 5.5V2h3.5M10.5 2H14v3.5M14 10.5V14h-3.5M5.5 14H2v-3.5",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  down: "M8 2.5v8M4.5 7.5 8 11l3.5-3.5M3 13.5h10",
  person: "M8 2.5a2.7 2.7 0 1 0 0 5.4 2.7 2.7 0 0 0 0-5.4zM2.8 13.5c.6-2.6 2.6-3.8 5.2-3.8s4.6 1.2 5.2 3.8",
  menu: "M2.5 4h11M2.5 8h11M2.5 12h11",
  out: "M6.5 3H3v10h10V9.5M9 3h4v4M13 3 7.5 8.5",
});

/** @param {{ name: string }} props */
export function Icon({ name }) {
  return html`<svg
    viewBox="0 0 16 16"
    width="16"
    height="16"
    fill="none"
    stroke="currentColor"
    stroke-width="1.4"
    stroke-linecap="round"
    stroke-linejoin="round"
    aria-hidden="true"
  >
    <path d=${PATHS[name]} />
  </svg>`;
}

export function Mark() {
  return html`<svg viewBox="0 0 24 24" aria-hidden="true">
    <rect width="24" height="24" rx="5" fill="#0969da" />
    <path d="M6 17.5 12 5l6 12.5-6-3.2z" fill="#fff" />
  </svg>`;
}
