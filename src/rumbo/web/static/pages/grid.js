/** Tasks of a family by the values of one or two of their parameters: days by regions, say. Drag over cells to choose them. */

import { address, path, useAnswer } from "../api.js";
import { html, useEffect, useMemo, useRef, useState } from "../html.js";
import { useHappenings } from "../live.js";
import { ask } from "../api.js";
import { Head } from "../parts/frame.js";
import { Empty, Trouble } from "../parts/pieces.js";
import { byLook, Shape, State, WORST } from "../parts/state.js";
import { Bulk } from "../parts/tasks.js";
import { choose, go, href } from "../router.js";
import { named, t } from "../words.js";

/** Columns and rows that are drawn at once; the latest ones. */
const MOST = 120;

/** @typedef {{ x: string, y: string, state: string, tasks: number, task_id: string }} Cell */
/** @typedef {import("../parts/begin.js").NewTask} NewTask */
/** @typedef {{ counts: Record<string, number>, tasks: number, id: string }} Square */

/** @param {{ place: import("../router.js").Place }} props */
export default function Grid({ place }) {
  const families = useAnswer("families");
  const names = /** @type {string[]} */ (families.data ?? []);
  const family = place.query.get("family") ?? names[0] ?? "";
  const [x, y] = [place.query.get("x") ?? "", place.query.get("y") ?? ""];
  const answer = useAnswer(family ? path`families/${family}/grid` : null, { x, y }, 1500);
  useHappenings(answer.again);
  const grid = /** @type {any} */ (answer.data);
  useEffect(() => {
    // The most telling pair to begin with: a day across, if there is one, and the first other parameter down.
    if (!grid || x || grid.family !== family) return;
    const across =
      grid.parameters.find((/** @type {string} */ each) => /date|day|hour|month|week|time/.test(each)) ??
      grid.parameters[0];
    choose({ family, x: across, y: grid.parameters.find((/** @type {string} */ each) => each !== across) });
  }, [grid?.family, family, x]);
  /** @param {string} which */
  const axis = (which) => (/** @type {any} */ event) => choose({ [which]: event.target.value });
  return html`<${Head}
      title=${t("place.grid")}
      twin=${family ? address(path`families/${family}/grid`, { x, y }) : undefined}
    /><${Trouble} error=${answer.error} />
    <div class="body flush">
      <div class="toolbar">
        <select
          class="field"
          aria-label=${t("family")}
          value=${family}
          onChange=${(/** @type {any} */ event) => go(href(["grid"], { family: event.target.value }), true)}
        >
          ${names.map((each) => html`<option key=${each} value=${each}>${each}</option>`)}
        </select>
        ${
          grid &&
          html`<label class="state"
              >${t("grid.across")}
              <select class="field" value=${grid.x} onChange=${axis("x")}>
                ${grid.parameters.map((/** @type {string} */ each) => html`<option key=${each} value=${each}>${each}</option>`)}
              </select></label
            >
            <label class="state"
              >${t("grid.down")}
              <select class="field" value=${grid.y} onChange=${axis("y")}>
                <option value="">–</option>
                ${grid.parameters.map((/** @type {string} */ each) => html`<option key=${each} value=${each}>${each}</option>`)}
              </select></label
            >`
        }
        <span class="grow"></span
        ><span class="legend wide"
          >${["done", "running", "waiting", "failed"].map((each) => html`<${State} key=${each} state=${each} />`)}</span
        >
      </div>
      ${families.data && !names.length && html`<${Empty} title=${t("tasks.none")}><p>${t("runs.none.text")}</p><pre>rumbo run -m my_pipeline MyTask</pre></${Empty}>`}
      ${grid && (grid.cells.length ? html`<${Squares} grid=${grid} again=${answer.again} />` : html`<${Empty} title=${t("grid.none")} />`)}
    </div>`;
}

/** Values in their natural order: numbers as numbers. @param {Iterable<string>} values */
function sorted(values) {
  return [...new Set(values)].sort((a, b) => a.localeCompare(b, undefined, { numeric: true }));
}

const DAY = 86_400_000;

/** Days between others that nobody has run are shown too: they are what is missing. @param {string[]} values in order */
function withoutGaps(values) {
  if (values.length < 2 || !values.every((each) => /^\d{4}-\d{2}-\d{2}$/.test(each))) return values;
  const moments = values.map((each) => Date.parse(`${each}T00:00:00Z`));
  const steps = moments.slice(1).map((each, place) => each - moments[place]);
  const step = Math.min(...steps);
  // A family that runs by the week has a day in seven; one that runs now and then has no step at all.
  if (!(step > 0) || step % DAY || steps.some((each) => each % step)) return values;
  const [first, last] = [moments[0], moments[moments.length - 1]];
  const many = Math.min((last - first) / step + 1, MOST);
  return Array.from({ length: many }, (_, place) =>
    new Date(last - (many - 1 - place) * step).toISOString().slice(0, 10),
  );
}

/** @param {{ grid: any, again: () => void }} props */
function Squares({ grid, again }) {
  const cells = /** @type {Cell[]} */ (grid.cells);
  const across = useMemo(() => withoutGaps(sorted(cells.map((each) => each.x))).slice(-MOST), [cells]);
  const down = useMemo(() => withoutGaps(sorted(cells.map((each) => each.y))).slice(-MOST), [cells]);
  const squares = useMemo(() => {
    /** @type {Map<string, Square>} */
    const found = new Map();
    for (const each of cells) {
      const key = `${each.x}\n${each.y}`;
      const square = found.get(key) ?? { counts: {}, tasks: 0, id: each.task_id };
      square.counts[each.state] = each.tasks;
      square.tasks += each.tasks;
      found.set(key, square);
    }
    return found;
  }, [cells]);
  const [corner, setCorner] = useState(/** @type {[number, number] | null} */ (null));
  const [end, setEnd] = useState(/** @type {[number, number] | null} */ (null));
  const isDragging = useRef(false);
  const [chosen, setChosen] = useState(/** @type {Set<string>} */ (new Set()));
  const [fresh, setFresh] = useState(/** @type {NewTask[]} */ ([]));
  /** @param {number} column @param {number} row */
  const isIn = (column, row) =>
    corner &&
    end &&
    column >= Math.min(corner[0], end[0]) &&
    column <= Math.max(corner[0], end[0]) &&
    row >= Math.min(corner[1], end[1]) &&
    row <= Math.max(corner[1], end[1]);
  const clear = () => {
    setCorner(null);
    setEnd(null);
    setChosen(new Set());
    setFresh([]);
  };
  const finish = async () => {
    if (!isDragging.current) return;
    isDragging.current = false;
    if (!corner || !end || (corner[0] === end[0] && corner[1] === end[1])) return;
    await take();
  };
  const take = async () => {
    /** @type {string[]} */
    const found = [];
    /** @type {[string, string][]} */
    const empty = [];
    for (let row = 0; row < down.length; row++) {
      for (let column = 0; column < across.length; column++) {
        if (!isIn(column, row)) continue;
        const square = squares.get(`${across[column]}\n${down[row]}`);
        if (!square) empty.push([across[column], down[row]]);
        else found.push(...(square.tasks === 1 ? [square.id] : await idsOf(grid, across[column], down[row])));
      }
    }
    setChosen(new Set(found));
    setFresh(empty.length ? await likeOthers(grid, found[0] ?? cells[0].task_id, empty) : []);
  };
  /** @param {KeyboardEvent} event @param {number} column @param {number} row */
  const key = (event, column, row) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!step) return event.key === "Escape" ? clear() : undefined;
    event.preventDefault();
    const cell = /** @type {HTMLElement} */ (event.currentTarget)
      .closest("table")
      ?.querySelector(`[data-cell="${column + step[0]},${row + step[1]}"]`);
    if (cell instanceof HTMLElement) cell.focus();
    if (event.shiftKey) {
      isDragging.current = true;
      if (!corner) setCorner([column, row]);
      setEnd([column + step[0], row + step[1]]);
    }
  };
  const query = (/** @type {string} */ column, /** @type {string} */ row) => ({
    family: grid.family,
    param: [`${grid.x}=${column}`, ...(grid.y ? [`${grid.y}=${row}`] : [])],
  });
  return html`<div
      class="scroll-x"
      style="padding: 16px 24px; flex: 1"
      onPointerUp=${finish}
      onKeyUp=${(/** @type {KeyboardEvent} */ event) => event.key === "Shift" && finish()}
    >
      <table class="cells" aria-label=${grid.family}>
        <thead>
          <tr>
            <th></th>
            ${across.map((each) => html`<th key=${each} scope="col"><span title=${each}>${each || t("grid.nothing")}</span></th>`)}
          </tr>
        </thead>
        <tbody>
          ${down.map(
            (line, row) =>
              html`<tr key=${line}>
                <th scope="row" title=${line}>${grid.y ? line || t("grid.nothing") : ""}</th>
                ${across.map((each, column) => {
                  const square = squares.get(`${each}\n${line}`);
                  const looks = byLook(square?.counts ?? {});
                  const state = WORST.find((name) => looks[name]) ?? "unknown";
                  const counted = Object.entries(looks).map(([name, many]) => `${many} ${named("state", name)}`);
                  const what = square ? counted.join(", ") : t("grid.never");
                  const told = `${grid.x}=${each}${grid.y ? `, ${grid.y}=${line}` : ""}: ${what}`;
                  return html`<td key=${each} class=${square ? `is-${state}` : "none"}>
                    <button
                      type="button"
                      data-cell=${`${column},${row}`}
                      title=${told}
                      aria-label=${told}
                      aria-pressed=${isIn(column, row) ? "true" : "false"}
                      tabindex=${row === 0 && column === 0 ? 0 : -1}
                      onPointerDown=${() => {
                        isDragging.current = true;
                        setChosen(new Set());
                        setFresh([]);
                        setCorner([column, row]);
                        setEnd([column, row]);
                      }}
                      onPointerEnter=${() => isDragging.current && setEnd([column, row])}
                      onKeyDown=${(/** @type {KeyboardEvent} */ event) => key(event, column, row)}
                      onClick=${() => {
                        if (chosen.size || fresh.length) return;
                        const many = corner && end && (corner[0] !== end[0] || corner[1] !== end[1]);
                        if (!square) take();
                        else if (!many)
                          go(square.tasks === 1 ? href(["tasks", square.id]) : href(["tasks"], query(each, line)));
                      }}
                    >
                      ${square && html`<${Shape} state=${state} />`}
                    </button>
                  </td>`;
                })}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    <${Bulk} chosen=${chosen} fresh=${fresh} clear=${clear} done=${again} />`;
}

/** The ids of the tasks behind a square of several. @param {any} grid @param {string} x @param {string} y @returns {Promise<string[]>} */
async function idsOf(grid, x, y) {
  const page = await ask("tasks", {
    query: { family: grid.family, param: [`${grid.x}=${x}`, ...(grid.y ? [`${grid.y}=${y}`] : [])], limit: 1000 },
  });
  return page.rows.map((/** @type {any} */ row) => row.id);
}

/**
 * Tasks that nobody has run: like one that somebody has, but for the values at the sides of the grid.
 * @param {any} grid @param {string} like id of that task @param {[string, string][]} places
 * @returns {Promise<NewTask[]>}
 */
async function likeOthers(grid, like, places) {
  const task = await ask(path`tasks/${like}`);
  return places.map(([x, y]) => ({
    family: grid.family,
    params: { ...task.params, [grid.x]: x, ...(grid.y ? { [grid.y]: y } : {}) },
  }));
}
