/** All tasks, over all runs: by state, family, parameters and text; with what can be done to several at once. */

import { address, useAnswer } from "../api.js";
import { changedTask } from "../changes.js";
import { grouped, inLine } from "../format.js";
import { html, useMemo, useState } from "../html.js";
import { useHappenings } from "../live.js";
import { Head } from "../parts/frame.js";
import { Empty, Moment, Search, TaskLink, Took, Trouble } from "../parts/pieces.js";
import { Rows } from "../parts/rows.js";
import { byLook, State, Strip, total } from "../parts/state.js";
import { Bulk, StateChips } from "../parts/tasks.js";
import { choose, href } from "../router.js";
import { useSparse } from "../sparse.js";
import { t } from "../words.js";

const COLUMNS = [
  {
    title: t("task"),
    width: "minmax(160px, 5fr)",
    sort: "task",
    cell: (/** @type {any} */ row) => html`<${TaskLink} id=${row.id} />`,
  },
  {
    title: t("state"),
    width: "112px",
    sort: "state",
    cell: (/** @type {any} */ row) => html`<${State} state=${row.state} />`,
  },
  {
    title: t("parameters"),
    width: "minmax(100px, 4fr)",
    sort: "parameters",
    class: "wide",
    cell: (/** @type {any} */ row) =>
      html`<span class="mono quiet" title=${inLine(row.params)}>${inLine(row.params)}</span>`,
  },
  {
    title: t("worker"),
    width: "minmax(112px, 2fr)",
    sort: "worker",
    class: "wide quiet",
    cell: (/** @type {any} */ row) => html`<span title=${row.worker}>${row.worker}</span>`,
  },
  {
    title: t("started"),
    width: "104px",
    sort: "started",
    class: "right wide",
    cell: (/** @type {any} */ row) => html`<${Moment} at=${row.started} />`,
  },
  {
    title: t("took"),
    width: "72px",
    sort: "seconds",
    class: "right wide",
    cell: (/** @type {any} */ row) =>
      html`<${Took} since=${row.started} seconds=${row.seconds} isOpen=${row.state === "running"} />`,
  },
  {
    title: t("runs"),
    width: "88px",
    sort: "runs",
    class: "right wide",
    cell: (/** @type {any} */ row) => grouped(row.runs),
  },
];

/** @param {{ place: import("../router.js").Place }} props */
export default function Tasks({ place }) {
  const { query } = place;
  const [family, search, worker, sort] = ["family", "search", "worker", "sort"].map((name) => query.get(name) ?? "");
  const [states, params] = [query.getAll("state"), query.getAll("param")];
  const [chosen, setChosen] = useState(/** @type {Set<string>} */ (new Set()));
  const counts = useAnswer("families/states", {}, 3000);
  const families = useMemo(
    () => Object.entries(/** @type {Record<string, Record<string, number>>} */ (counts.data ?? {})),
    [counts.data],
  );
  const sums = useMemo(() => summed(families, family), [families, family]);
  const isCounted = counts.data && !search && !worker && !params.length;
  const many = states.length ? states.reduce((sum, each) => sum + (sums[each] ?? 0), 0) : total(sums);
  const asked = { state: states, family, search, worker, param: params, sort };
  const list = useSparse("tasks", asked, isCounted ? many : undefined);
  useHappenings((events) => {
    counts.again();
    list.patch((row) => changedRow(row, events));
    if (events.some((each) => ["missed", "plan"].includes(each.kind) || (states.length && each.kind === "task")))
      list.again();
  });
  const isNarrow = family || search || worker || states.length || params.length;
  return html`<${Head}
      title=${t("place.tasks")}
      twin=${address("tasks", asked)}
      after=${html`<span class="quiet">${counts.data && grouped(total(sums))}</span>`}
    />
    <${Trouble} error=${list.error} />
    <div class="body flush">
      <div class="toolbar">
        <${Search}
          value=${search}
          label=${t("search.tasks")}
          onInput=${(/** @type {string} */ text) => choose({ search: text })}
        />
        <select
          class="field"
          aria-label=${t("family")}
          value=${family}
          onChange=${(/** @type {any} */ event) => choose({ family: event.target.value })}
        >
          <option value="">${t("all.families")}</option>
          ${families.map(([name, each]) => html`<option key=${name} value=${name}>${name} (${grouped(total(each))})</option>`)}
        </select>
        <${Narrow} params=${params} worker=${worker} />
        <div class="toolbar chips"><${StateChips} looks=${byLook(sums)} states=${states} /></div>
      </div>
      ${!isNarrow && families.length > 1 && html`<${Families} rows=${families} />`}
      ${
        list.isLoaded && !list.rows.length && !list.error
          ? html`<${Empty} title=${t("tasks.none")}><p>${t("tasks.none.text")}</p></${Empty}>`
          : html`<${Rows}
              label=${t("place.tasks")}
              columns=${COLUMNS}
              rows=${list.rows}
              keyOf=${(/** @type {any} */ row) => row.id}
              onShow=${list.show}
              sort=${sort}
              onSort=${(/** @type {string} */ next) => choose({ sort: next })}
              chosen=${chosen}
              onChoose=${setChosen}
            />`
      }
      <${Bulk}
        chosen=${chosen}
        clear=${() => setChosen(new Set())}
        done=${() => {
          list.again();
          counts.again();
        }}
      />
    </div>`;
}

/** Fields for the value of a parameter and for a worker, and what was put into them. @param {{ params: string[], worker: string }} props */
function Narrow({ params, worker }) {
  const workers = useAnswer("workers", {}, 5000);
  /** @param {Event} event */
  const narrow = (event) => {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.target);
    const [param, name] = ["param", "worker"].map((each) => String(new FormData(form).get(each)).trim());
    form.reset();
    if (param) choose({ param: [...params, param] });
    if (name) choose({ worker: name });
  };
  return html`<form class="toolbar narrow" onSubmit=${narrow}>
      <input
        class="field mono"
        name="param"
        pattern="[^=]+=.*"
        title=${t("filter.param.how")}
        placeholder=${t("filter.param")}
        aria-label=${t("filter.param.how")}
      />
      <input
        class="field"
        name="worker"
        list="workers"
        placeholder=${t("worker")}
        aria-label=${t("worker")}
        onChange=${(/** @type {any} */ event) => event.target.form.requestSubmit()}
      />
      <datalist id="workers">
        ${/** @type {any[]} */ (workers.data ?? []).map((each) => html`<option key=${each.id} value=${each.id} />`)}
      </datalist>
      <button hidden type="submit"></button>
    </form>
    ${params.map((each) => html`<button key=${each} class="chip mono" type="button" aria-pressed="true" onClick=${() => choose({ param: params.filter((one) => one !== each) })}><span class="cut">${each}</span> ✕</button>`)}
    ${worker && html`<button class="chip" type="button" aria-pressed="true" onClick=${() => choose({ worker: "" })}><span class="cut">${t("worker")} ${worker}</span> ✕</button>`}`;
}

/** Tasks by state, of one family or of all. @param {[string, Record<string, number>][]} families @param {string} family */
function summed(families, family) {
  /** @type {Record<string, number>} */
  const sum = {};
  for (const [name, each] of families)
    if (!family || name === family)
      for (const [state, many] of Object.entries(each)) sum[state] = (sum[state] ?? 0) + many;
  return sum;
}

/** @param {any} row @param {import("../live.js").Happening[]} events */
function changedRow(row, events) {
  const state = changedTask({ task_id: row.id, state: row.state }, events).state;
  return state === row.state ? row : { ...row, state };
}

/** @param {{ rows: [string, Record<string, number>][] }} props */
function Families({ rows }) {
  const [isAll, setAll] = useState(false);
  const sorted = [...rows].sort((a, b) => trouble(b[1]) - trouble(a[1]));
  return html`<div class="toolbar families">
    ${(isAll ? sorted : sorted.slice(0, 12)).map(
      ([name, counts]) =>
        html`<a key=${name} class=${isAll ? "family all" : "family"} href=${href(["tasks"], { family: name })}>
          <span class="cut">${name}</span><span class="quiet">${grouped(total(counts))}</span
          ><${Strip} counts=${counts}
        /></a>`,
    )}
    ${rows.length > 12 && html`<button class="button plain" type="button" onClick=${() => setAll(!isAll)}>${isAll ? "−" : `${t("all.families")} (${rows.length})`}</button>`}
  </div>`;
}

/** @param {Record<string, number>} counts */
function trouble(counts) {
  const looks = byLook(counts);
  return (looks.failed ?? 0) + (looks.disabled ?? 0);
}
