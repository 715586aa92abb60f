/** The graph of a run: the latest one, unless another is chosen. */

import { useAnswer } from "../api.js";
import { moment } from "../format.js";
import { html, useEffect } from "../html.js";
import { useHappenings } from "../live.js";
import { Drawing } from "../parts/drawing.js";
import { Head } from "../parts/frame.js";
import { Empty, Trouble } from "../parts/pieces.js";
import { State, Strip } from "../parts/state.js";
import { choose, href } from "../router.js";
import { named, t } from "../words.js";

/** @param {{ place: import("../router.js").Place }} props */
export default function Graph({ place }) {
  const runs = useAnswer("runs", { limit: 50 });
  useHappenings((events) => {
    if (events.some((each) => each.kind === "run" || each.kind === "missed" || each.kind === "plan")) runs.again();
  });
  const rows = /** @type {any[]} */ (runs.data?.rows ?? []);
  const wanted = place.query.get("run");
  const run = rows.find((each) => each.id === wanted) ?? rows[0];
  useEffect(() => {
    if (run && run.id !== wanted) choose({ run: run.id });
  }, [run?.id]);
  return html`<${Head}
      title=${t("place.graph")}
      after=${run && html`<${State} state=${run.status} word=${named("status", run.status)} />`}
      actions=${
        run &&
        html`<select
            class="field"
            style="max-width: min(420px, 70vw)"
            aria-label=${t("run")}
            value=${run.id}
            onChange=${(/** @type {any} */ event) => choose({ run: event.target.value, focus: "", family: [], by: "" })}
          >
            ${rows.map((each) => html`<option key=${each.id} value=${each.id}>${moment(each.started, false)} ${each.roots.join(", ")}</option>`)}</select
          ><a class="button" href=${href(["runs", run.id])}>${t("run")}</a>`
      }
      under=${run && html`<${Strip} counts=${run.counts} />`}
    />
    <${Trouble} error=${runs.error} />
    ${runs.data && !rows.length && html`<div class="body"><${Empty} title=${t("graph.none")}><p>${t("graph.none.text")}</p></${Empty}></div>`}
    ${run && html`<${Drawing} key=${run.id} run=${run} place=${place} />`}`;
}
