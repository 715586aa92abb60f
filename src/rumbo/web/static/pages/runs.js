/** All runs, the latest first unless somebody wants them in another order. */

import { address } from "../api.js";
import { changedRun } from "../changes.js";
import { html } from "../html.js";
import { useListing } from "../listing.js";
import { grouped } from "../format.js";
import { useHappenings } from "../live.js";
import { Head } from "../parts/frame.js";
import { Ago, Empty, Search, Took, Trouble } from "../parts/pieces.js";
import { Rows } from "../parts/rows.js";
import { Shape, State, Strip, total } from "../parts/state.js";
import { choose, href } from "../router.js";
import { named, t } from "../words.js";

const STATUSES = ["running", "done", "failed", "incomplete", "cancelled", "crashed"];

const COLUMNS = [
  {
    title: t("run.what"),
    sort: "what",
    width: "minmax(140px, 3fr)",
    cell: (/** @type {any} */ run) =>
      html`<a href=${href(["runs", run.id])} title=${run.roots.join("\n")}>${run.roots.join(", ") || run.id}</a>`,
  },
  {
    title: t("status"),
    sort: "status",
    width: "108px",
    cell: (/** @type {any} */ run) => html`<${State} state=${run.status} word=${named("status", run.status)} />`,
  },
  {
    title: t("tasks"),
    width: "minmax(80px, 2fr)",
    class: "wide",
    cell: (/** @type {any} */ run) => html`<${Strip} counts=${run.counts} />`,
  },
  { title: "#", width: "64px", class: "right wide", cell: (/** @type {any} */ run) => grouped(total(run.counts)) },
  {
    title: t("took"),
    sort: "took",
    width: "84px",
    class: "right wide",
    cell: (/** @type {any} */ run) =>
      html`<${Took}
        since=${run.started}
        seconds=${run.ended && run.ended - run.started}
        isOpen=${run.status === "running"}
      />`,
  },
  {
    title: t("started"),
    sort: "new",
    width: "96px",
    class: "right wide",
    cell: (/** @type {any} */ run) => html`<${Ago} at=${run.started} />`,
  },
  {
    title: t("by"),
    sort: "by",
    width: "minmax(72px, 1fr)",
    class: "wide",
    cell: (/** @type {any} */ run) => html`<span title=${`${run.user}@${run.host}`}>${run.user}@${run.host}</span>`,
  },
  {
    title: "Id",
    width: "minmax(88px, 160px)",
    class: "wide",
    cell: (/** @type {any} */ run) => html`<span class="mono quiet" title=${run.id}>${run.id}</span>`,
  },
];

/** @param {{ place: import("../router.js").Place }} props */
export default function Runs({ place }) {
  const [status, search, sort] = ["status", "search", "sort"].map((name) => place.query.get(name) ?? "");
  const list = useListing("runs", { status, search, sort }, (/** @type {any} */ run) => run.id);
  useHappenings((events) => {
    if (events.some((each) => each.kind === "run" || each.kind === "missed" || each.kind === "plan")) list.again();
    list.patch((run) => changedRun(run, events));
  });
  const isEmpty = list.isLoaded && !list.rows.length;
  return html`<${Head} title=${t("place.runs")} twin=${address("runs", { status, search, sort })} />
    <${Trouble} error=${list.error} />
    <div class="body flush">
      <div class="toolbar">
        <${Search}
          value=${search}
          label=${t("search.runs")}
          onInput=${(/** @type {string} */ text) => choose({ search: text })}
        />
        ${STATUSES.map((each) => html`<button key=${each} type="button" class="chip" aria-pressed=${status === each} onClick=${() => choose({ status: status === each ? "" : each })}><${Shape} state=${each} />${named("status", each)}</button>`)}
      </div>
      ${
        isEmpty && !list.error
          ? html`<${Empty} title=${status || search ? t("runs.none.like") : t("runs.none")}><p>${t("runs.none.text")}</p><pre>rumbo run -m my_pipeline MyTask</pre></${Empty}>`
          : html`<${Rows}
              label=${t("place.runs")}
              columns=${COLUMNS}
              rows=${list.rows}
              keyOf=${(/** @type {any} */ run) => run.id}
              sort=${sort || "-new"}
              onSort=${(/** @type {string} */ next) => choose({ sort: next })}
              hasMore=${list.next !== null}
              onEnd=${list.more}
            />`
      }
    </div>`;
}
