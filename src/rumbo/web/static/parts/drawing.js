/** A run as a graph: by family at first where it is large, then task by task, or around one of them. */

import { path, useAnswer } from "../api.js";
import { DiagramView } from "../charts/diagram.js";
import { grouped } from "../format.js";
import { html, useEffect, useMemo, useRef, useState } from "../html.js";
import { useHappenings } from "../live.js";
import { choose, go, href } from "../router.js";
import { named, t } from "../words.js";
import { Empty, Search, Trouble } from "./pieces.js";
import { byLook, ORDER, State, total } from "./state.js";

/** @param {{ run: any, place: import("../router.js").Place }} props */
export function Drawing({ run, place }) {
  const { query } = place;
  const all = total(run.counts);
  const by = query.get("by") || (all > 60 ? "family" : "task");
  const [focus, families, isDoneHidden] = [query.get("focus") ?? "", query.getAll("family"), query.has("hide_done")];
  const [up, down] = [query.get("up") ?? "2", query.get("down") ?? "2"];
  const isWhole = !focus;
  const answer = useAnswer(
    path`runs/${run.id}/diagram`,
    {
      by: isWhole ? by : "task",
      family: isWhole && by === "task" ? families : [],
      focus,
      up: focus ? up : null,
      down: focus ? down : null,
      hide_done: isDoneHidden,
    },
    3000,
  );
  const diagram = /** @type {import("../charts/diagram.js").Diagram | undefined} */ (answer.data);
  const states = useLiveStates(run.id, diagram, answer.again);
  const names = useRef(diagram);
  names.current = diagram;
  const open = (/** @type {number} */ number) => {
    const shown = names.current;
    if (!shown) return;
    if (shown.by === "family") choose({ by: "task", family: [shown.names[number]] });
    else if (shown.focus === shown.names[number]) go(href(["tasks", shown.names[number]]));
    else choose({ focus: shown.names[number] });
  };
  const describe = (/** @type {number} */ number) => {
    if (!diagram) return "";
    if (diagram.by === "task") return `${diagram.names[number]}: ${named("state", states[number])}`;
    return `${diagram.names[number]}: ${Object.entries(byLook(diagram.counts[number]))
      .map(([state, many]) => `${grouped(many)} ${named("state", state)}`)
      .join(", ")}`;
  };
  const title = run.roots.join(", ") || run.id;
  const seen = useMemo(
    () =>
      ORDER.filter((name) => Object.keys(byLook(Object.fromEntries(states.map((state) => [state, 1])))).includes(name)),
    [states],
  );
  return html`<div class="body flush">
    <div class="toolbar">
      <button
        class="chip"
        type="button"
        aria-pressed=${isWhole && by === "family"}
        onClick=${() => choose({ by: "family", focus: "", family: [] })}
      >
        ${t("graph.by.family")}
      </button>
      <button
        class="chip"
        type="button"
        aria-pressed=${isWhole && by === "task"}
        onClick=${() => choose({ by: "task", focus: "", family: [] })}
      >
        ${t("graph.by.task")}
      </button>
      ${isWhole && families.map((each) => html`<button key=${each} class="chip" type="button" aria-pressed="true" onClick=${() => choose({ family: families.filter((one) => one !== each) })}>${each} ✕</button>`)}
      <${Search}
        key=${focus}
        value=${focus}
        label=${t("graph.focus")}
        wait=${500}
        onInput=${(/** @type {string} */ text) => choose({ focus: text })}
      />
      ${
        focus &&
        html`<label class="state"
            >${t("graph.up")}
            <input
              class="field"
              style="width: 56px"
              type="number"
              min="0"
              max="100"
              value=${up}
              onChange=${(/** @type {any} */ event) => choose({ up: event.target.value })}
          /></label>
          <label class="state"
            >${t("graph.down")}
            <input
              class="field"
              style="width: 56px"
              type="number"
              min="0"
              max="100"
              value=${down}
              onChange=${(/** @type {any} */ event) => choose({ down: event.target.value })}
          /></label>
          <a class="button" href=${href(["tasks", diagram?.focus || focus])}>${t("task")}</a>`
      }
      <label class="state"
        ><input
          type="checkbox"
          checked=${isDoneHidden}
          onChange=${(/** @type {any} */ event) => choose({ hide_done: event.target.checked ? "true" : "" })}
        />${t("graph.hide.done")}</label
      >
      <span class="grow"></span
      ><span class="legend wide">${seen.map((name) => html`<${State} key=${name} state=${name} />`)}</span>
      <a href=${href(["runs", run.id], { tab: "tasks" })}>${t("graph.table")}</a>
    </div>
    <${Trouble} error=${answer.error} />
    ${diagram?.is_cut && html`<div class="notice mild">${t("graph.cut", { n: diagram.names.length })}</div>`}
    ${!diagram && !answer.error && html`<div class="empty">${t("graph.wait")}</div>`}
    ${diagram && (diagram.names.length ? html`<${DiagramView} diagram=${diagram} states=${states} focus=${diagram.focus} title=${title} onOpen=${open} describe=${describe} />` : html`<${Empty} title=${t("graph.none")}><p>${t("tasks.none.text")}</p></${Empty}>`)}
  </div>`;
}

/** The states of a diagram's boxes as they change; its structure stays. @param {string} run @param {import("../charts/diagram.js").Diagram | undefined} diagram @param {() => void} again */
function useLiveStates(run, diagram, again) {
  const [states, set] = useState(/** @type {string[]} */ ([]));
  const place = useMemo(() => new Map((diagram?.names ?? []).map((name, number) => [name, number])), [diagram]);
  useEffect(() => set(diagram?.states ?? []), [diagram]);
  useHappenings((events) => {
    const mine = events.filter((each) => each.run === run);
    if (
      events.some((each) => each.kind === "missed") ||
      mine.some((each) => each.kind === "plan") ||
      (diagram?.by === "family" && mine.length)
    )
      again();
    if (diagram?.by === "family") return;
    set((old) => {
      let next = old;
      for (const each of mine) {
        const number = each.kind === "task" && each.task !== undefined ? place.get(each.task) : undefined;
        if (number === undefined || !each.state || next[number] === each.state) continue;
        if (next === old) next = [...old];
        next[number] = each.state;
      }
      return next;
    });
  });
  return states.length === (diagram?.names.length ?? 0) ? states : (diagram?.states ?? []);
}
