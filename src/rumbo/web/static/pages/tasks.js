/** All tasks, over all runs: by state, family, parameters and text; with what can be done to several at once. */

import { useAnswer } from "../api.js";
import { changedTask } from "../changes.js";
import { grouped, inLine } from "../format.js";
import { html, useMemo, useState } from "../html.js";
import { useListing } from "../listing.js";
import { useHappenings } from "../live.js";
import { Head } from "../parts/frame.js";
import { Empty, Search, TaskLink, Trouble } from "../parts/pieces.js";
import { Rows } from "../parts/rows.js";
import { byLook, ORDER, Shape, State, Strip } from "../parts/state.js";
import { Bulk } from "../parts/tasks.js";
import { choose, href } from "../router.js";
import { named, t } from "../words.js";

const COLUMNS = [
  {
    title: t("task"),
    width: "minmax(160px, 3fr)",
    cell: (/** @type {any} */ row) => html`<${TaskLink} id=${row.id} />`,
  },
  { title: t("state"), width: "112px", cell: (/** @type {any} */ row) => html`<${State} state=${row.state} />` },
  {
    title: t("parameters"),
    width: "minmax(100px, 4fr)",
    class: "wide",
    cell: (/** @type {any} */ row) =>
      html`<span class="mono quiet" title=${inLine(row.params)}>${inLine(row.params)}</span>`,
  },
  {
    title: t("module"),
    width: "minmax(64px, 1fr)",
    class: "wide quiet",
    cell: (/** @type {any} */ row) => html`<span title=${row.module}>${row.module}</span>`,
  },
  { title: t("runs"), width: "84px", class: "right wide", cell: (/** @type {any} */ row) => grouped(row.runs) },
];

const FILTERS = /** @type {Record<string, string>} */ ({ waiting: "pending" });

/** @param {{ place: import("../router.js").Place }} props */
export default function Tasks({ place }) {
  const { query } = place;
  const [state, family, search, params] = [
    query.get("state") ?? "",
    query.get("family") ?? "",
    query.get("search") ?? "",
    query.getAll("param"),
  ];
  const [chosen, setChosen] = useState(/** @type {Set<string>} */ (new Set()));
  const counts = useAnswer("families/states", {}, 3000);
  const list = useListing("tasks", { state, family, search, param: params }, (/** @type {any} */ row) => row.id);
  useHappenings((events) => {
    counts.again();
    list.patch((row) => changedRow(row, events));
    if (events.some((each) => each.kind === "missed" || each.kind === "plan" || (state && each.kind === "task")))
      list.again();
  });
  const families = useMemo(
    () => Object.entries(/** @type {Record<string, Record<string, number>>} */ (counts.data ?? {})),
    [counts.data],
  );
  const looks = useMemo(() => {
    /** @type {Record<string, number>} */
    const sum = {};
    for (const [name, each] of families)
      if (!family || name === family)
        for (const [word, many] of Object.entries(byLook(each))) sum[word] = (sum[word] ?? 0) + many;
    return sum;
  }, [families, family]);
  return html`<${Head}
      title=${t("place.tasks")}
      after=${html`<span class="quiet">${counts.data && grouped(Object.values(looks).reduce((sum, many) => sum + many, 0))}</span>`}
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
          ${families.map(([name, each]) => html`<option key=${name} value=${name}>${name} (${grouped(Object.values(each).reduce((sum, many) => sum + many, 0))})</option>`)}
        </select>
        ${params.map((each) => html`<button key=${each} class="chip mono" type="button" aria-pressed="true" onClick=${() => choose({ param: params.filter((one) => one !== each) })}>${each} ✕</button>`)}
        ${ORDER.filter((name) => looks[name] || FILTERS[name] === state || name === state).map((name) => html`<button key=${name} class="chip" type="button" aria-pressed=${state === (FILTERS[name] ?? name)} onClick=${() => choose({ state: state === (FILTERS[name] ?? name) ? "" : (FILTERS[name] ?? name) })}><${Shape} state=${name} />${named("state", name)} <span class="many">${grouped(looks[name] ?? 0)}</span></button>`)}
      </div>
      ${!family && !search && !state && !params.length && families.length > 1 && html`<${Families} rows=${families} />`}
      ${
        list.isLoaded && !list.rows.length && !list.error
          ? html`<${Empty} title=${t("tasks.none")}><p>${t("tasks.none.text")}</p></${Empty}>`
          : html`<${Rows}
              label=${t("place.tasks")}
              columns=${COLUMNS}
              rows=${list.rows}
              keyOf=${(/** @type {any} */ row) => row.id}
              hasMore=${list.next !== null}
              onEnd=${list.more}
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
        html`<a key=${name} class="family" href=${href(["tasks"], { family: name })}>
          <span class="cut">${name}</span
          ><span class="quiet">${grouped(Object.values(counts).reduce((sum, many) => sum + many, 0))}</span
          ><${Strip} counts=${counts}
        /></a>`,
    )}
    ${rows.length > 12 && html`<button class="button plain" type="button" onClick=${() => setAll(!isAll)}>${isAll ? "−" : t("n.more", { n: rows.length - 12 })}</button>`}
  </div>`;
}

/** @param {Record<string, number>} counts */
function trouble(counts) {
  const looks = byLook(counts);
  return (looks.failed ?? 0) + (looks.disabled ?? 0);
}
