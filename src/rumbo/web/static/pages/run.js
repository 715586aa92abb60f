/** One run: its tasks as a tree, a list, a graph, and over time; what failed; and how to step in. */

import { address, ask, path, useAnswer } from "../api.js";
import { changedRun, changedTask } from "../changes.js";
import { Gantt } from "../charts/gantt.js";
import { grouped, lasting } from "../format.js";
import { html, useEffect, useState } from "../html.js";
import { useListing } from "../listing.js";
import { useHappenings } from "../live.js";
import { Begin } from "../parts/begin.js";
import { confirm, say, sayRefused } from "../parts/dialog.js";
import { Drawing } from "../parts/drawing.js";
import { Head } from "../parts/frame.js";
import { Icon } from "../parts/icons.js";
import { Copy, Empty, Moment, Progress, Search, TaskLink, Took, Trace, Trouble } from "../parts/pieces.js";
import { Rows } from "../parts/rows.js";
import { byLook, lookOf, Shape, State, Strip, total } from "../parts/state.js";
import { Bulk, change, StateChips } from "../parts/tasks.js";
import { Branch } from "../parts/tree.js";
import { choose, go, href } from "../router.js";
import { named, t, told } from "../words.js";

const TABS = ["tree", "tasks", "graph", "timeline", "log"];
const FAILURES = ["failed", "disabled", "lost", "unknown", "cancelled"];

/** @param {{ place: import("../router.js").Place }} props */
export default function Run({ place }) {
  const id = place.path[1];
  const answer = useAnswer(path`runs/${id}`);
  const [run, setRun] = useState(/** @type {any} */ (undefined));
  const [ticks, setTicks] = useState(0);
  useEffect(() => setRun(answer.data), [answer.data]);
  const tab = place.query.get("tab") || "tree";
  useHappenings((events) => {
    const mine = events.filter((each) => each.kind === "missed" || each.run === (run?.id ?? id));
    if (!mine.length) return;
    if (mine.some((each) => ["missed", "run", "plan"].includes(each.kind))) answer.again();
    setRun((/** @type {any} */ old) => (old ? changedRun(old, mine) : old));
    setTicks((old) => old + 1);
  });
  const title = run?.roots.join(", ") || id;
  const isOpen = run?.status === "running";
  return html` <${Head}
      title=${title}
      twin=${address(twinOf(id, tab), tab === "log" ? { state: FAILURES } : {})}
      crumb=${html`<a href=${href(["runs"])}>${t("place.runs")}</a>`}
      after=${run && html`<${State} state=${run.status} word=${named("status", run.status)} />`}
      actions=${run && html`<${Actions} run=${run} />`}
      under=${
        run &&
        html`<div class="toolbar quiet" style="padding: 2px 0 6px">
            <span class="mono copied">${run.id}<${Copy} text=${run.id} /></span> <${Moment} at=${run.started} /><${Took}
              since=${run.started}
              seconds=${run.ended && run.ended - run.started}
              isOpen=${isOpen}
            />
            <span>${t("n.tasks", { n: total(run.counts) })}</span><span class="wide">${run.user}@${run.host}</span>
          </div>
          <${Strip} counts=${run.counts} />`
      }
    />
    <${Trouble} error=${answer.error} />
    ${
      run &&
      html`<nav class="tabs" aria-label=${title}>
          ${TABS.map((each) => html`<a key=${each} href=${href(["runs", id], { tab: each === "tree" ? "" : each })} aria-current=${tab === each ? "page" : undefined}>${named("tab", each)}</a>`)}
        </nav>
        ${tab === "tasks" && html`<${Tasks} run=${run} place=${place} />`}
        ${tab === "graph" && html`<${Drawing} run=${run} place=${place} />`}
        ${tab === "timeline" && html`<${Times} run=${run} ticks=${ticks} />`}
        ${tab === "log" && html`<${Failures} run=${run} />`}
        ${tab === "tree" && html`<div class="body"><${About} run=${run} ticks=${ticks} /></div>`}`
    }`;
}

/** Where the API answers with what a tab shows. @param {string} id @param {string} tab */
function twinOf(id, tab) {
  if (tab === "tasks" || tab === "log") return path`runs/${id}/tasks`;
  if (tab === "graph") return path`runs/${id}/diagram`;
  return tab === "timeline" ? path`runs/${id}/timeline` : path`runs/${id}`;
}

/** @param {{ run: any }} props */
function Actions({ run }) {
  const cancel = async () => {
    if (
      (await confirm({
        title: t("run.cancel.title"),
        text: t("run.cancel.text"),
        yes: t("run.cancel"),
        isHarm: true,
      })) === null
    )
      return;
    try {
      const { changed } = await ask(path`runs/${run.id}/cancel`, { method: "POST" });
      say(t("run.cancel.said", { n: Object.keys(changed).length }));
    } catch (error) {
      sayRefused(error);
    }
  };
  const retry = async () => {
    try {
      const page = await ask(path`runs/${run.id}/tasks`, { query: { state: ["failed", "cancelled"], limit: 1000 } });
      const ids = page.rows.map((/** @type {any} */ row) => row.task_id);
      if (ids.length) await change("forgive", ids);
    } catch (error) {
      sayRefused(error);
    }
  };
  const [isBeginning, setBeginning] = useState(false);
  return html`${(run.counts.failed > 0 || run.counts.cancelled > 0) && html`<button class="button" type="button" onClick=${retry}><${Icon} name="again" />${t("run.retry")}</button>`}
  ${run.roots.length > 0 && html`<button class="button" type="button" onClick=${() => setBeginning(true)}>${t("rerun")}</button>`}
  ${
    isBeginning &&
    html`<${Begin}
      title=${t("rerun")}
      tasks=${run.roots}
      again=${run.status === "done" ? "tasks" : "nothing"}
      command=${run.command && `cd ${run.folder} && ${run.command}`}
      close=${() => setBeginning(false)}
    />`
  }
  ${run.status === "running" && html`<button class="button harm" type="button" onClick=${cancel}><${Icon} name="close" />${t("run.cancel")}</button>`}`;
}

/** @param {{ run: any, ticks: number }} props */
function About({ run, ticks }) {
  const families = useAnswer(path`runs/${run.id}/families`, {}, 1500);
  useEffect(() => void (ticks && families.again()), [ticks]);
  const rows = Object.entries(families.data ?? {});
  return html`<div class="columns">
    <section class="section">
      <div class="section-head"><h2>${t("tab.tree")}</h2></div>
      <ul class="tree">
        ${run.roots.map((/** @type {string} */ root) => html`<${Branch} key=${root} run=${run.id} id=${root} ticks=${ticks} isFirst=${true} />`)}
      </ul>
    </section>
    <section class="section">
      <div class="section-head"><h2>${t("families")}</h2></div>
      ${
        rows.length
          ? html`<table class="table fixed">
              <tbody>
                ${rows.map(
                  ([family, counts]) =>
                    html`<tr key=${family}>
                      <td class="cut" style="width: 50%" title=${family}>
                        <a href=${href(["runs", run.id], { tab: "tasks", family })}>${family}</a>
                      </td>
                      <td class="right nowrap">${grouped(total(/** @type {any} */ (counts)))}</td>
                      <td style="width: 35%"><${Strip} counts=${counts} /></td>
                    </tr>`,
                )}
              </tbody>
            </table>`
          : html`<div class="empty">${families.data && t("tree.none")}</div>`
      }
      <dl class="facts" style="margin-top: 20px">
        ${
          run.summary &&
          html`<dt>${t("summary")}</dt>
            <dd class="mono" style="white-space: pre-wrap">${told(run.summary)}</dd>`
        }
        ${
          run.command &&
          html`<dt>${t("command")}</dt>
            <dd class="mono">${run.command} <${Copy} text=${run.command} /></dd>`
        }
        <dt>${t("folder")}</dt>
        <dd class="mono">${run.folder}</dd>
        <dt>${t("process")}</dt>
        <dd>${run.pid} · ${run.user}@${run.host} · ${run.workers} ${t("n.workers", { n: run.workers })}</dd>
      </dl>
    </section>
  </div>`;
}

const COLUMNS = [
  {
    title: t("task"),
    width: "minmax(160px, 4fr)",
    sort: "family",
    cell: (/** @type {any} */ row) => html`<${TaskLink} id=${row.task_id} />`,
  },
  {
    title: t("state"),
    width: "112px",
    sort: "state",
    cell: (/** @type {any} */ row) => html`<${State} state=${lookOf(row)} />`,
  },
  {
    title: t("progress"),
    width: "96px",
    sort: "progress",
    class: "wide",
    cell: (/** @type {any} */ row) => row.state === "running" && html`<${Progress} value=${row.progress} />`,
  },
  {
    title: t("reason"),
    sort: "reason",
    width: "minmax(80px, 3fr)",
    class: "wide quiet",
    cell: (/** @type {any} */ row) =>
      html`<span title=${row.error || row.status || told(row.reason)}
        >${row.error.trimEnd().split("\n").at(-1) || row.status || told(row.reason)}</span
      >`,
  },
  {
    title: t("priority"),
    width: "72px",
    sort: "priority",
    class: "right wide",
    cell: (/** @type {any} */ row) => row.priority || "",
  },
  {
    title: t("attempts"),
    width: "80px",
    sort: "attempts",
    class: "right wide",
    cell: (/** @type {any} */ row) => row.attempt || "",
  },
  {
    title: t("took"),
    width: "80px",
    sort: "seconds",
    class: "right wide",
    cell: (/** @type {any} */ row) =>
      html`<${Took} since=${row.started} seconds=${row.seconds} isOpen=${row.state === "running"} />`,
  },
  {
    title: t("started"),
    width: "112px",
    sort: "started",
    class: "right wide",
    cell: (/** @type {any} */ row) => html`<${Moment} at=${row.started} />`,
  },
];

/** @param {{ run: any, place: import("../router.js").Place }} props */
function Tasks({ run, place }) {
  const { query } = place;
  const [states, family, search, sort] = [
    query.getAll("state"),
    query.get("family") ?? "",
    query.get("search") ?? "",
    query.get("sort") ?? "",
  ];
  const [chosen, setChosen] = useState(/** @type {Set<string>} */ (new Set()));
  const list = useListing(
    path`runs/${run.id}/tasks`,
    { state: states, family, search, sort: sort || "plan" },
    (/** @type {any} */ row) => row.task_id,
  );
  useHappenings((events) => {
    const mine = events.filter((each) => each.kind === "missed" || each.run === run.id);
    if (!mine.length) return;
    list.patch((row) => changedTask(row, mine));
    list.again();
  });
  const looks = byLook(run.counts);
  return html`<div class="body flush">
    <div class="toolbar">
      <${Search}
        value=${search}
        label=${t("search.tasks")}
        onInput=${(/** @type {string} */ text) => choose({ search: text })}
      />
      ${family && html`<button class="chip" type="button" aria-pressed="true" onClick=${() => choose({ family: "" })}>${family} ✕</button>`}
      <${StateChips} looks=${looks} states=${states} />
    </div>
    <${Trouble} error=${list.error} />
    ${
      list.isLoaded && !list.rows.length
        ? html`<${Empty} title=${t("tasks.none")}><p>${t("tasks.none.text")}</p></${Empty}>`
        : html`<${Rows}
            label=${t("tasks")}
            columns=${COLUMNS}
            rows=${list.rows}
            keyOf=${(/** @type {any} */ row) => row.task_id}
            hasMore=${list.next !== null}
            onEnd=${list.more}
            sort=${sort}
            onSort=${(/** @type {string} */ next) => choose({ sort: next })}
            chosen=${chosen}
            onChoose=${setChosen}
          />`
    }
    <${Bulk} chosen=${chosen} clear=${() => setChosen(new Set())} done=${list.again} />
  </div>`;
}

/** @param {{ run: any, ticks: number }} props */
function Times({ run, ticks }) {
  const answer = useAnswer(path`runs/${run.id}/timeline`, {}, 1500);
  useEffect(() => void (ticks && answer.again()), [ticks]);
  const timeline = /** @type {import("../charts/gantt.js").Timeline | undefined} */ (answer.data);
  const chain = new Set(timeline?.critical ?? []);
  const rows = timeline ? timeline.critical.map((task) => ({ task, bar: timeline.tasks.lastIndexOf(task) })) : [];
  return html`<${Trouble} error=${answer.error} />${
      timeline &&
      (timeline.tasks.length
        ? html`<div class="body flush">
            <div class="toolbar">
              <span class="quiet"
                >${t("timeline.of", { n: timeline.tasks.length, lanes: timeline.workers.length, time: lasting(timeline.until - timeline.since) })}</span
              >
              <span class="grow"></span
              ><span class="legend"
                ><${State} state="done" /><${State} state="failed" /><${State} state="running" /><span
                  >▭ ${t("critical")} (${chain.size})</span
                ></span
              >
            </div>
            ${timeline.is_cut && html`<div class="notice mild">${t("timeline.cut", { n: timeline.tasks.length })}</div>`}
            <${Gantt}
              timeline=${timeline}
              title=${run.id}
              onOpen=${(/** @type {string} */ task) => go(href(["tasks", task]))}
            />
            <div class="body">
              <section class="section">
                <div class="section-head"><h2>${t("critical")}</h2></div>
                <div class="scroll-x" tabindex="0">
                  <table class="table nowrap">
                    <thead>
                      <tr>
                        <th>${t("task")}</th>
                        <th class="right">+</th>
                        <th class="right">${t("took")}</th>
                        <th>${t("outcome")}</th>
                      </tr>
                    </thead>
                    <tbody>
                      ${rows.slice(-200).map(
                        ({ task, bar }) =>
                          html`<tr key=${task}>
                            <td><${TaskLink} id=${task} /></td>
                            <td class="right">${lasting(timeline.started[bar] - timeline.since)}</td>
                            <td class="right">${lasting(timeline.seconds[bar])}</td>
                            <td>${named("outcome", timeline.outcomes[bar])}</td>
                          </tr>`,
                      )}
                    </tbody>
                  </table>
                </div>
              </section>
            </div>
          </div>`
        : html`<${Empty} title=${t("timeline.none")}><p>${t("timeline.none.text")}</p></${Empty}>`)
    }`;
}

/** @param {{ run: any }} props */
function Failures({ run }) {
  const list = useListing(path`runs/${run.id}/tasks`, { state: FAILURES }, (/** @type {any} */ row) => row.task_id);
  useHappenings((events) => {
    if (
      events.some(
        (each) => each.kind === "missed" || (each.run === run.id && each.kind === "task" && each.state !== "done"),
      )
    )
      list.again();
  });
  if (list.isLoaded && !list.rows.length)
    return html`<div class="body"><${Empty} title=${t("now.nothing.failed")} /></div>`;
  return html`<div class="body">
    ${list.rows.slice(0, 100).map((row) => html`<${Failure} key=${row.task_id} run=${run.id} row=${row} />`)}
    ${list.rows.length > 100 && html`<a href=${href(["runs", run.id], { tab: "tasks", state: "failed" })}>${t("n.more", { n: list.rows.length - 100 })}</a>`}
  </div>`;
}

/** @param {{ run: string, row: any }} props */
function Failure({ run, row }) {
  const attempts = useAnswer(path`runs/${run}/tasks/${row.task_id}/attempts`);
  const last = attempts.data?.at(-1);
  return html`<section class="section">
    <div class="section-head">
      <${Shape} state=${lookOf(row)} />
      <h2 class="grow cut"><${TaskLink} id=${row.task_id} /></h2>
      <span class="quiet">${t("n.attempts", { n: row.attempt })}</span>
      <button class="button small" type="button" onClick=${() => change("forgive", [row.task_id])}>
        ${t("forgive.yes")}
      </button>
    </div>
    ${last?.message || row.error ? html`<${Trace} text=${last?.message || row.error} />` : html`<p class="quiet" style="padding: 8px 0">${told(row.reason)}</p>`}
  </section>`;
}
