/** Lists that are longer than anybody reads: fetched page by page as somebody scrolls, refreshed where they are shown. */

import { address, ask, Refusal, whenSeen } from "./api.js";
import { useCallback, useEffect, useRef, useState } from "./html.js";

/**
 * @template T
 * @param {string | null} path
 * @param {import("./api.js").Query} query
 * @param {(row: T) => string} keyOf
 * @param {{ page: number, most: number }} [size] rows to a page, and how many may be asked for at once
 */
export function useListing(path, query, keyOf, size = { page: 200, most: 1000 }) {
  const [state, set] = useState(
    /** @type {{ rows: T[], next: string | null, error: Refusal | undefined, isLoaded: boolean }} */ ({
      rows: [],
      next: null,
      error: undefined,
      isLoaded: false,
    }),
  );
  const key = path === null ? "" : address(path, query);
  const work = useRef({ key: "", isAsking: false, timer: 0, took: 0, state });
  work.current.state = state;

  const fetchPage = useCallback(
    async (/** @type {string | null} */ after, /** @type {number} */ limit) => {
      if (path === null || work.current.isAsking) return;
      work.current.isAsking = true;
      const begun = performance.now();
      try {
        const page = await ask(path, { query: { ...query, after, limit } });
        if (work.current.key !== key) return;
        work.current.took = performance.now() - begun;
        set((old) =>
          after
            ? { rows: [...old.rows, ...page.rows], next: page.next, error: undefined, isLoaded: true }
            : { ...joined(old, page, keyOf), error: undefined, isLoaded: true },
        );
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        const refusal = error;
        if (work.current.key === key) set((old) => ({ ...old, error: refusal, isLoaded: true }));
      } finally {
        if (work.current.key === key) work.current.isAsking = false;
      }
    },
    [key],
  );

  useEffect(() => {
    work.current.key = key;
    work.current.isAsking = false;
    set({ rows: [], next: null, error: undefined, isLoaded: false });
    fetchPage(null, size.page);
    return () => {
      clearTimeout(work.current.timer);
      work.current.timer = 0;
      work.current.key = "";
    };
  }, [key]);

  const more = useCallback(() => {
    const { next } = work.current.state;
    if (next) fetchPage(next, size.page);
  }, [fetchPage]);

  const again = useCallback(() => {
    if (work.current.timer) return;
    work.current.timer = window.setTimeout(
      () => {
        work.current.timer = 0;
        whenSeen(() => fetchPage(null, Math.min(Math.max(work.current.state.rows.length, size.page), size.most)));
      },
      Math.max(1000, 12 * work.current.took),
    );
  }, [fetchPage]);

  const patch = useCallback((/** @type {(row: T) => T} */ change) => {
    set((old) => {
      let isChanged = false;
      const rows = old.rows.map((row) => {
        const changed = change(row);
        isChanged ||= changed !== row;
        return changed;
      });
      return isChanged ? { ...old, rows } : old;
    });
  }, []);
  return { ...state, more, again, patch };
}

/**
 * The beginning of a list, fetched anew, before what was loaded of the rest.
 * @template T
 * @param {{ rows: T[], next: string | null }} old
 * @param {{ rows: T[], next: string | null }} page
 * @param {(row: T) => string} keyOf
 */
function joined(old, page, keyOf) {
  if (page.next === null || old.rows.length <= page.rows.length) return page;
  const fresh = new Set(page.rows.map(keyOf));
  const last = keyOf(page.rows[page.rows.length - 1]);
  const from = old.rows.findIndex((row) => keyOf(row) === last);
  const rest = from < 0 ? [] : old.rows.slice(from + 1).filter((row) => !fresh.has(keyOf(row)));
  return rest.length ? { rows: [...page.rows, ...rest], next: old.next } : page;
}
