/** A table of any length: only the rows that can be seen exist. Arrows move, enter opens, space chooses. */

import { html, useEffect, useRef, useState } from "../html.js";
import { t } from "../words.js";

const HEIGHT = 34;
const SPARE = 12;

/**
 * @template T
 * @typedef {{ title: string, width: string, sort?: string, class?: string, cell: (row: T) => any }} Column
 */

/**
 * @param {{
 *   columns: Column<any>[], rows: any[], keyOf: (row: any) => string, narrow?: string, label: string,
 *   hasMore?: boolean, onEnd?: () => void, onShow?: (first: number, last: number) => void,
 *   sort?: string, onSort?: (sort: string) => void, chosen?: Set<string>, onChoose?: (chosen: Set<string>) => void,
 * }} props rows may have holes: what is not loaded yet
 */
export function Rows({
  columns,
  rows,
  keyOf,
  narrow = "minmax(0, 1fr) max-content",
  label,
  hasMore,
  onEnd,
  onShow,
  sort = "",
  onSort,
  chosen,
  onChoose,
}) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const [range, setRange] = useState([0, 60]);
  useEffect(() => {
    const look = () => {
      const top = box.current?.getBoundingClientRect().top ?? 0;
      const first = Math.max(Math.floor(-top / HEIGHT) - SPARE, 0);
      const last = Math.ceil((innerHeight - top) / HEIGHT) + SPARE;
      setRange((old) => (old[0] === first && old[1] === last ? old : [first, last]));
      if (hasMore && last >= rows.length - 30) onEnd?.();
      onShow?.(Math.min(first, rows.length), Math.min(last, rows.length));
    };
    look();
    addEventListener("scroll", look, { passive: true });
    addEventListener("resize", look);
    return () => {
      removeEventListener("scroll", look);
      removeEventListener("resize", look);
    };
  }, [rows.length, hasMore, onEnd, onShow]);

  const tracks = (onChoose ? "16px " : "") + columns.map((each) => each.width).join(" ");
  const style = { gridTemplateColumns: tracks, "--narrow": (onChoose ? "16px " : "") + narrow };
  const [first, last] = [Math.min(range[0], rows.length), Math.min(range[1], rows.length)];
  const anchor = useRef(-1);

  /** @param {number} index @param {boolean} isRange */
  const choose = (index, isRange) => {
    if (!onChoose || !chosen) return;
    const next = new Set(chosen);
    const from = isRange && anchor.current >= 0 ? anchor.current : index;
    const isOn = !chosen.has(keyOf(rows[index]));
    for (let at = Math.min(from, index); at <= Math.max(from, index); at++) {
      if (!rows[at]) continue;
      if (isOn) next.add(keyOf(rows[at]));
      else next.delete(keyOf(rows[at]));
    }
    anchor.current = index;
    onChoose(next);
  };

  /** @param {KeyboardEvent} event */
  const keys = (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    const row = /** @type {HTMLElement | null} */ (target.closest("[data-index]"));
    const move = { ArrowDown: 1, ArrowUp: -1, PageDown: 20, PageUp: -20 }[event.key];
    if (move) {
      event.preventDefault();
      const next = Math.min(Math.max((row ? Number(row.dataset.index) : -1) + move, 0), rows.length - 1);
      focusRow(next);
    } else if (event.key === " " && row && onChoose && target.tagName === "A") {
      event.preventDefault();
      choose(Number(row.dataset.index), event.shiftKey);
    }
  };

  /** @param {number} index */
  const focusRow = (index) => {
    const top = (box.current?.getBoundingClientRect().top ?? 0) + index * HEIGHT;
    if (top < 100 || top > innerHeight - 60) scrollBy(0, top - innerHeight / 2);
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        const link = box.current?.querySelector(`[data-index="${index}"] a`);
        if (link instanceof HTMLElement) link.focus({ preventScroll: true });
      }),
    );
  };

  const shown = Array.from(rows.slice(first, last));
  const loaded = onChoose ? rows.reduce((many) => many + 1, 0) : 0;
  return html`<div
    class="rows"
    role="table"
    aria-label=${label}
    aria-rowcount=${hasMore ? -1 : rows.length + 1}
    onKeyDown=${keys}
  >
    <div class="row titles wide-titles" role="row" style=${style}>
      ${
        onChoose &&
        chosen &&
        html`<span role="columnheader"
          ><input
            type="checkbox"
            aria-label=${t("choose.all")}
            checked=${chosen.size > 0 && chosen.size >= loaded}
            onChange=${() => onChoose(chosen.size >= loaded ? new Set() : new Set(rows.flatMap((row) => [keyOf(row)])))}
        /></span>`
      }
      ${columns.map(
        (each) =>
          html`<span
            key=${each.title}
            role="columnheader"
            class=${`cut ${each.class ?? ""}`}
            aria-sort=${each.sort && sort.replace("-", "") === each.sort ? (sort[0] === "-" ? "descending" : "ascending") : undefined}
          >
            ${
              each.sort && onSort
                ? html`<button
                    type="button"
                    onClick=${() => onSort(sort === each.sort ? `-${each.sort}` : /** @type {string} */ (each.sort))}
                  >
                    ${each.title}${sort === each.sort ? " ↑" : sort === `-${each.sort}` ? " ↓" : ""}
                  </button>`
                : each.title
            }</span
          >`,
      )}
    </div>
    <div
      ref=${box}
      role="rowgroup"
      style=${{ paddingTop: `${first * HEIGHT}px`, paddingBottom: `${(rows.length - last) * HEIGHT}px` }}
    >
      ${shown.map((row, place) => {
        const index = first + place;
        if (row === undefined)
          return html`<div key=${index} class="row unknown" role="row" aria-rowindex=${index + 2}>
            <span role="cell"><i></i></span>
          </div>`;
        const key = keyOf(row);
        return html`<div
          key=${key}
          class=${`row ${chosen?.has(key) ? "chosen" : ""}`}
          role="row"
          data-index=${index}
          aria-rowindex=${index + 2}
          style=${style}
        >
          ${onChoose && chosen && html`<span role="cell"><input type="checkbox" aria-label=${t("choose.one", { id: key })} checked=${chosen.has(key)} onClick=${(/** @type {MouseEvent} */ event) => choose(index, event.shiftKey)} /></span>`}
          ${columns.map((each) => html`<span key=${each.title} role="cell" class=${`cut ${each.class ?? ""}`}>${each.cell(row)}</span>`)}
        </div>`;
      })}
    </div>
  </div>`;
}
