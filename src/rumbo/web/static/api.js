/** Questions to the server's API, and what to do with its answers. */

import { useCallback, useEffect, useRef, useState } from "./html.js";
import { told } from "./words.js";

/** An answer that says what went wrong. */
export class Refusal extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** @typedef {Record<string, string | number | boolean | string[] | null | undefined>} Query */

/** @param {string} path @param {Query} [query] */
export function address(path, query = {}) {
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each != null && each !== "" && each !== false) found.append(name, String(each));
    }
  }
  const text = found.toString();
  return new URL(`api/v1/${path}${text ? `?${text}` : ""}`, document.baseURI).href;
}

/** A path of the API with names in it, each made safe. @param {TemplateStringsArray} strings @param {...(string | number)} names */
export function path(strings, ...names) {
  return strings.reduce((all, part, place) => all + encodeURIComponent(names[place - 1]) + part);
}

/** @type {(() => void) | null} */
let onStranger = null;

/** What to do when the server wants to know who asks. @param {() => void} action */
export function whenAsked(action) {
  onStranger = action;
}

/**
 * @param {string} path
 * @param {{ query?: Query, method?: string, body?: unknown, signal?: AbortSignal }} [more]
 * @returns {Promise<any>}
 */
export async function ask(path, { query, method = "GET", body, signal } = {}) {
  const headers = { Accept: "application/json", ...(method === "GET" ? {} : { "Content-Type": "application/json" }) };
  const sent = method === "GET" ? undefined : JSON.stringify(body ?? {});
  let answer;
  try {
    answer = await fetch(address(path, query), { method, headers, body: sent, signal, credentials: "same-origin" });
  } catch (error) {
    if (/** @type {Error} */ (error).name === "AbortError") throw error;
    throw new Refusal(0, "");
  }
  if (answer.ok) return answer.status === 204 ? null : answer.json();
  if (answer.status === 401 && onStranger && !path.startsWith("session")) onStranger();
  const said = await answer.json().catch(() => ({}));
  throw new Refusal(answer.status, told(said.detail || answer.statusText));
}

/** Do something now, or when somebody looks at this page again. @param {() => void} action */
export function whenSeen(action) {
  if (!document.hidden) return action();
  document.addEventListener("visibilitychange", () => whenSeen(action), { once: true });
}

/**
 * An answer that follows its question: asked again when the question changes, or when `again` is called. Calls in quick
 * succession become one, and what was shown stays until the new answer is there.
 * @template T
 * @param {string | null} path null: nothing is asked
 * @param {Query} [query]
 * @param {number} [pause] milliseconds that lie between two answers at least
 * @returns {{ data: T | undefined, error: Refusal | undefined, again: () => void, asked: string }}
 */
export function useAnswer(path, query = {}, pause = 700) {
  const key = path === null ? "" : address(path, query);
  const [state, set] = useState(
    /** @type {{ data: T | undefined, error: Refusal | undefined, asked: string }} */ ({
      data: undefined,
      error: undefined,
      asked: "",
    }),
  );
  const work = useRef({
    key: "",
    timer: 0,
    last: 0,
    pause,
    isAsking: false,
    isStale: false,
    control: new AbortController(),
  });

  const fetchNow = useCallback(async () => {
    const mine = work.current;
    if (path === null) return;
    if (mine.isAsking) {
      mine.isStale = true;
      return;
    }
    mine.isAsking = true;
    mine.isStale = false;
    const asked = mine.key;
    const begun = performance.now();
    try {
      const data = await ask(path, { query, signal: mine.control.signal });
      if (asked === mine.key) set({ data, error: undefined, asked });
    } catch (error) {
      if (asked === mine.key && error instanceof Refusal) set((old) => ({ ...old, error, asked }));
    }
    if (asked !== mine.key) return;
    mine.isAsking = false;
    mine.last = performance.now();
    // What takes long to answer is asked for more seldom, so that those who watch stay a small part of the server's work.
    mine.pause = Math.max(pause, 12 * (mine.last - begun));
    if (mine.isStale) again();
  }, [key]);

  const again = useCallback(() => {
    const mine = work.current;
    if (mine.isAsking) {
      mine.isStale = true;
      return;
    }
    if (mine.timer) return;
    mine.timer = window.setTimeout(
      () => {
        mine.timer = 0;
        whenSeen(fetchNow);
      },
      Math.max(0, mine.last + mine.pause - performance.now()),
    );
  }, [fetchNow, pause]);

  useEffect(() => {
    const mine = work.current;
    mine.control.abort();
    mine.control = new AbortController();
    clearTimeout(mine.timer);
    mine.timer = 0;
    mine.isAsking = false;
    mine.key = key;
    fetchNow();
    return () => {
      clearTimeout(mine.timer);
      mine.timer = 0;
      mine.control.abort();
      mine.key = "";
    };
  }, [key]);
  return { ...state, again };
}
