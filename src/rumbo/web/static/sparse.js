/** A long list of which only what is looked at is fetched, wherever in it that is. */

import { address, ask, Refusal, whenSeen } from "./api.js";
import { useCallback, useEffect, useMemo, useRef, useState } from "./html.js";

const PAGE = 200;
const KEPT = 12;
/** Browsers cannot scroll through more pixels than these rows have. */
const MOST = 900_000;

/** @typedef {{ pages: Map<number, any[]>, end: number | null, error: Refusal | undefined, isLoaded: boolean }} Held */

/** @type {() => Held} */
const nothing = () => ({ pages: new Map(), end: null, error: undefined, isLoaded: false });

/**
 * @param {string} path of a list that takes `skip` and `limit`
 * @param {import("./api.js").Query} query
 * @param {number | undefined} total how many rows there are, if that is known before all were seen
 */
export function useSparse(path, query, total) {
  const [held, set] = useState(nothing);
  const key = address(path, query);
  const work = useRef({ key: "", range: [0, 0], isAsking: false, isStale: false, timer: 0, took: 0, held });
  const put = useCallback((/** @type {Held} */ next) => set((work.current.held = next)), []);

  const fetchMissing = useCallback(async () => {
    const mine = work.current;
    if (mine.isAsking || mine.key !== key) return;
    const number = missing(mine.held, mine.range, mine.isStale);
    if (number === null) return;
    mine.isAsking = true;
    const isFresh = mine.isStale;
    mine.isStale = false;
    const begun = performance.now();
    try {
      const page = await ask(path, { query: { ...query, skip: number * PAGE, limit: PAGE } });
      if (mine.key !== key) return;
      mine.took = performance.now() - begun;
      put(withPage(mine.held, number, page, isFresh));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (mine.key !== key) return;
      put({ ...mine.held, error, isLoaded: true });
    }
    mine.isAsking = false;
    if (!mine.held.error) fetchMissing();
  }, [key]);

  useEffect(() => {
    const mine = work.current;
    Object.assign(mine, { key, range: [0, 0], isAsking: false, isStale: false });
    put(nothing());
    fetchMissing();
    return () => {
      clearTimeout(mine.timer);
      mine.timer = 0;
      mine.key = "";
    };
  }, [key]);

  /** What is looked at, as the first row and the one after the last. */
  const show = useCallback(
    (/** @type {number} */ first, /** @type {number} */ last) => {
      work.current.range = [first, last];
      fetchMissing();
    },
    [fetchMissing],
  );

  const again = useCallback(() => {
    const mine = work.current;
    if (mine.timer) return;
    mine.timer = window.setTimeout(
      () => {
        mine.timer = 0;
        mine.isStale = true;
        whenSeen(fetchMissing);
      },
      Math.max(1000, 12 * mine.took),
    );
  }, [fetchMissing]);

  const patch = useCallback((/** @type {(row: any) => any} */ change) => {
    const old = work.current.held;
    let isChanged = false;
    const pages = new Map();
    for (const [number, rows] of old.pages) {
      const changed = rows.map(change);
      const isOther = changed.some((row, place) => row !== rows[place]);
      isChanged ||= isOther;
      pages.set(number, isOther ? changed : rows);
    }
    if (isChanged) put({ ...old, pages });
  }, []);

  const rows = useMemo(() => laidOut(held, total), [held, total]);
  return { rows, error: held.error, isLoaded: held.isLoaded, show, again, patch };
}

/** The first page that is looked at and not there, or all anew if they are stale. @param {Held} held @param {number[]} range @param {boolean} isStale */
function missing(held, [first, last], isStale) {
  const from = Math.floor(first / PAGE);
  if (isStale) return from;
  const to = Math.floor(Math.min(Math.max(last, first + 1), held.end ?? Infinity) / PAGE);
  for (let number = from; number <= to; number++)
    if (!held.pages.has(number) && (held.end === null || number * PAGE < held.end || !number)) return number;
  return null;
}

/** @param {Held} held @param {number} number @param {{ rows: any[], next: string | null }} page @param {boolean} isFresh whether the others are from before */
function withPage(held, number, page, isFresh) {
  const pages = new Map(isFresh ? [] : held.pages);
  pages.delete(number);
  pages.set(number, page.rows);
  for (const oldest of pages.keys()) if (pages.size > KEPT) pages.delete(oldest);
  const end = page.next === null ? number * PAGE + page.rows.length : isFresh ? null : held.end;
  return { pages, end, error: undefined, isLoaded: true };
}

/** All rows, with holes where none are loaded. @param {Held} held @param {number | undefined} total @returns {any[]} */
function laidOut(held, total) {
  const rows = [];
  let last = 0;
  for (const [number, page] of held.pages) {
    for (let place = 0; place < page.length; place++) rows[number * PAGE + place] = page[place];
    last = Math.max(last, number * PAGE + page.length);
  }
  const more = held.isLoaded && held.pages.size ? PAGE : 0;
  rows.length = Math.min(held.end ?? Math.max(total ?? 0, last + more), MOST);
  return rows;
}
