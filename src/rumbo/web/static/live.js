/** What happens on the server, as it happens: one stream for the whole page, which comes back by itself. */

import { address } from "./api.js";
import { useEffect, useRef, useState } from "./html.js";

/**
 * @typedef {{ kind: string, run?: string, task?: string, old?: string, state?: string, status?: string, attempt?: number,
 *   outcome?: string, what?: string, value?: string, at?: number, due?: number, worker?: string, tasks?: number }} Happening
 */

const KINDS = ["run", "plan", "task", "begin", "attempt", "note", "retry", "missed"];
/** @type {Set<(events: Happening[]) => void>} */
const listeners = new Set();
/** @type {Set<(isConnected: boolean) => void>} */
const watchers = new Set();
/** @type {Happening[]} */
let gathered = [];
let timer = 0;
let isConnected = true;
/** @type {EventSource | null} */
let source = null;
let retry = 0;

/** @param {Happening} event */
function gather(event) {
  gathered.push(event);
  if (!timer) timer = window.setTimeout(tell, 60);
}

function tell() {
  timer = 0;
  const events = gathered;
  gathered = [];
  for (const listen of listeners) listen(events);
}

/** @param {boolean} connected */
function note(connected) {
  if (connected === isConnected) return;
  isConnected = connected;
  for (const watch of watchers) watch(connected);
}

function connect() {
  source = new EventSource(address("events"));
  for (const kind of KINDS) {
    source.addEventListener(kind, (message) =>
      gather({ kind, ...JSON.parse(/** @type {MessageEvent} */ (message).data) }),
    );
  }
  source.onopen = () => {
    note(true);
    if (retry) gather({ kind: "missed" });
    retry = 0;
  };
  source.onerror = () => {
    note(false);
    // The browser tries again by itself, unless the answer was no stream at all.
    if (source?.readyState !== EventSource.CLOSED) return;
    retry = Math.min(retry + 1, 6);
    setTimeout(connect, 500 * 2 ** retry);
  };
}

/** Hear what happens; several things may come at once. @param {(events: Happening[]) => void} listen */
export function useHappenings(listen) {
  const latest = useRef(listen);
  latest.current = listen;
  useEffect(() => {
    /** @param {Happening[]} events */
    const hear = (events) => latest.current(events);
    if (!source) connect();
    listeners.add(hear);
    return () => void listeners.delete(hear);
  }, []);
}

// A browser may have let go of the stream of a page that nobody looked at: who comes back to it looks anew.
document.addEventListener("visibilitychange", () => document.hidden || !source || gather({ kind: "missed" }));

/** Whether the stream is open. */
export function useConnected() {
  const [connected, set] = useState(isConnected);
  useEffect(() => {
    watchers.add(set);
    return () => void watchers.delete(set);
  }, []);
  return connected;
}

/** The time in seconds, again and again while something is shown that grows with it. @param {number} every milliseconds */
export function useNow(every = 1000) {
  const [now, set] = useState(Date.now() / 1000);
  useEffect(() => {
    const clock = setInterval(() => document.hidden || set(Date.now() / 1000), every);
    return () => clearInterval(clock);
  }, [every]);
  return now;
}
