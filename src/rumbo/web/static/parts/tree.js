/** A run as a tree: its roots, and below each task what it needs; fetched as it is opened. */

import { path, useAnswer } from "../api.js";
import { grouped, lasting } from "../format.js";
import { html, useEffect, useState } from "../html.js";
import { href } from "../router.js";
import { t } from "../words.js";
import { TaskLink } from "./pieces.js";
import { lookOf, Shape, Strip } from "./state.js";

/** So many tasks of one family are shown one by one; more are folded. */
const FEW = 6;

/** A task in the tree, with what it needs below it; fetched when it is opened. @param {{ run: string, id: string, task?: any, ticks: number, isFirst?: boolean }} props */
export function Branch({ run, id, task, ticks, isFirst = false }) {
  const [isOpen, setOpen] = useState(isFirst);
  const about = useAnswer(!task ? path`runs/${run}/tasks/${id}` : null, {}, 2000);
  const near = useAnswer(isOpen ? path`runs/${run}/tasks/${id}/neighbours` : null, { limit: 1000 }, 2500);
  useEffect(() => {
    if (!ticks) return;
    about.again();
    if (isOpen) near.again();
  }, [ticks]);
  const row = task ?? about.data;
  if (about.error?.status === 404)
    return html`<li class="leaf"><${Shape} state="unknown" /><span class="mono cut">${id}</span></li>`;
  if (!row) return null;
  const line = html`<${Shape} state=${lookOf(row)} /><${TaskLink}
      id=${id}
    />${row.seconds != null && html`<span class="quiet nowrap">${lasting(row.seconds)}</span>`}`;
  if (!row.dependencies.length) return html`<li><div class="leaf">${line}</div></li>`;
  return html`<li>
    <div class="line"><${Turn} isOpen=${isOpen} set=${setOpen} what=${id} />${line}</div>
    ${
      isOpen &&
      near.data &&
      html`<ul>
        ${grouping(near.data.needs).map(([family, rows]) =>
          rows.length > FEW
            ? html`<${Fold} key=${family} run=${run} family=${family} rows=${rows} ticks=${ticks} />`
            : rows.map(
                (each) =>
                  html`<${Branch} key=${each.task_id} run=${run} id=${each.task_id} task=${each} ticks=${ticks} />`,
              ),
        )}
        ${near.data.is_cut && html`<li class="leaf quiet">…</li>`}
      </ul>`
    }
  </li>`;
}

/** Opens and closes what is below a line of the tree. @param {{ isOpen: boolean, set: (isOpen: boolean) => void, what: string }} props */
function Turn({ isOpen, set, what }) {
  return html`<button
    class="turn"
    type="button"
    aria-expanded=${isOpen ? "true" : "false"}
    aria-label=${t("needs.of", { what })}
    onClick=${() => set(!isOpen)}
  ></button>`;
}

/** Many tasks of one family in one line. @param {{ run: string, family: string, rows: any[], ticks: number }} props */
function Fold({ run, family, rows, ticks }) {
  const [isOpen, setOpen] = useState(false);
  /** @type {Record<string, number>} */
  const counts = {};
  for (const row of rows) counts[lookOf(row)] = (counts[lookOf(row)] ?? 0) + 1;
  const sorted = [...rows].sort((a, b) => Number(a.state === "done") - Number(b.state === "done"));
  return html`<li>
    <div class="line">
      <${Turn} isOpen=${isOpen} set=${setOpen} what=${family} /><b>${family}</b
      ><span class="quiet">× ${grouped(rows.length)}</span
      ><span style="width: 120px"><${Strip} counts=${counts} /></span>
    </div>
    ${
      isOpen &&
      html`<ul>
        ${sorted.slice(0, 100).map((each) => html`<${Branch} key=${each.task_id} run=${run} id=${each.task_id} task=${each} ticks=${ticks} />`)}
        ${rows.length > 100 && html`<li class="leaf"><a href=${href(["runs", run], { tab: "tasks", family })}>${t("n.more", { n: rows.length - 100 })}</a></li>`}
      </ul>`
    }
  </li>`;
}

/** @param {any[]} rows @returns {[string, any[]][]} */
function grouping(rows) {
  /** @type {Record<string, any[]>} */
  const found = {};
  for (const row of rows) (found[row.family] ??= []).push(row);
  return Object.entries(found);
}
