/** Addresses of pages: what is shown, and with which choices. Every view has one, relative to wherever the server lies. */

import { useEffect, useState } from "./html.js";

/** @typedef {{ path: string[], query: URLSearchParams }} Place */

const base = new URL(document.baseURI);
/** @type {Set<(place: Place) => void>} */
const listeners = new Set();

/** @returns {Place} */
function read() {
  const path = location.pathname.slice(base.pathname.length);
  return { path: path.split("/").filter(Boolean).map(decodeURIComponent), query: new URLSearchParams(location.search) };
}

let place = read();

function tell() {
  place = read();
  for (const listen of listeners) listen(place);
}

/**
 * The address of a page.
 * @param {string[]} path
 * @param {Record<string, string | number | string[] | undefined | null>} [query] empty values are left out
 */
export function href(path, query = {}) {
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const each of Array.isArray(value) ? value : [value])
      if (each != null && each !== "") found.append(name, String(each));
  }
  const text = found.toString();
  return new URL(path.map(encodeURIComponent).join("/") + (text ? `?${text}` : ""), base).href;
}

/** @param {string} address */
export function go(address, replace = false) {
  if (replace) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
  tell();
  if (!replace) scrollTo(0, 0);
}

/**
 * Change some choices of the page that is shown, without a new entry in the browser's history.
 * @param {Record<string, string | number | string[] | undefined | null>} changes
 */
export function choose(changes) {
  /** @type {Record<string, string[]>} */
  const all = {};
  for (const name of place.query.keys()) all[name] = place.query.getAll(name);
  go(href(place.path, { ...all, ...changes }), true);
}

/** @returns {Place} */
export function usePlace() {
  const [current, set] = useState(place);
  useEffect(() => {
    listeners.add(set);
    set(place);
    return () => void listeners.delete(set);
  }, []);
  return current;
}

/** Links within the pages change what is shown, and load nothing. */
export function followLinks() {
  addEventListener("popstate", tell);
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
      return;
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (!link || link.target || link.hasAttribute("download") || link.origin !== base.origin) return;
    if (
      !link.pathname.startsWith(base.pathname) ||
      /\/(api|metrics|static)\b/.test(link.pathname.slice(base.pathname.length - 1))
    )
      return;
    event.preventDefault();
    go(link.href);
  });
}

/** What Luigi's pages had in their addresses leads to where it is now. */
export function translateLuigi() {
  const wanted = new URLSearchParams(location.hash.slice(1));
  const tab = wanted.get("tab");
  const task = wanted.get("taskId");
  if (!tab) return;
  const path =
    tab === "graph" && task
      ? ["tasks", task]
      : tab === "workers"
        ? ["workers"]
        : tab.startsWith("resource")
          ? ["resources"]
          : ["tasks"];
  go(href(path), true);
}
