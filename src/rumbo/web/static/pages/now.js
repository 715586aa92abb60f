/** Now: what runs, what waits and for what, what failed lately, and the pulse of the last hour. */

import { address, useAnswer } from "../api.js";
import { Bars, Line } from "../charts/spark.js";
import { grouped, lasting } from "../format.js";
import { html, useState } from "../html.js";
import { useHappenings, useNow } from "../live.js";
import { act, confirm } from "../parts/dialog.js";
import { Head } from "../parts/frame.js";
import { Icon } from "../parts/icons.js";
import { Ago, Copy, Empty, Progress, Section, TaskLink, Trouble } from "../parts/pieces.js";
import { byLook, ORDER, Shape, statesOf, Strip } from "../parts/state.js";
import { href } from "../router.js";
import { named, t } from "../words.js";

const STRETCHES = 90;

export default function Now() {
  const status = useAnswer("status");
  const runs = useAnswer("runs", { limit: 8 });
  const running = useAnswer("running", { limit: 50 });
  const waiting = useAnswer("waiting", {}, 1500);
  const failures = useAnswer("failures", { limit: 10 });
  const pulse = useAnswer("pulse", {}, 2000);
  const [notes, setNotes] = useState(/** @type {Record<string, { message?: string, progress?: number }>} */ ({}));
  useHappenings((events) => {
    for (const each of [status, runs, waiting, pulse]) each.again();
    if (events.some((each) => each.kind !== "note" && each.kind !== "task")) running.again();
    if (events.some((each) => each.kind === "missed" || (each.outcome && each.outcome !== "done"))) failures.again();
    const noted = events.filter((each) => each.kind === "note");
    if (noted.length) setNotes((old) => withNotes(old, noted));
  });
  const isPaused = status.data?.is_paused;
  const pause = async () => {
    if (!isPaused && (await confirm({ title: t("pause.title"), text: t("pause.text"), yes: t("pause") })) === null)
      return;
    await act(isPaused ? "resume" : "pause", {}, t(isPaused ? "resumed" : "paused"));
    status.again();
    dispatchEvent(new Event("rumbo:status"));
  };
  const isEmpty = runs.data && !runs.data.rows.length;
  return html` <${Head}
      title=${t("place.now")}
      twin=${address("status")}
      actions=${html`<button class="button" onClick=${pause}><${Icon} name=${isPaused ? "play" : "pause"} />${t(isPaused ? "resume" : "pause")}</button>`}
    />
    <${Trouble} error=${status.error} />
    <div class="body">
      ${
        isEmpty
          ? html`<${First} />`
          : runs.data &&
            html`
        <${Numbers} status=${status.data} />
        ${pulse.data && html`<${PulseOf} pulse=${pulse.data} />`}
        <${Section} title=${t("now.running")} count=${running.data && grouped(status.data?.tasks.running ?? running.data.length)}>
          ${
            running.data &&
            (running.data.length
              ? html`<${Running} rows=${running.data} notes=${notes} />
                  ${status.data?.tasks.running > running.data.length && html`<a href=${href(["tasks"], { state: statesOf("running") })}>${t("n.more.run", { n: status.data.tasks.running - running.data.length })}</a>`}`
              : html`<div class="empty">${t("now.nothing.runs")}</div>`)
          }</${Section}>
        <div class="columns">
          <div class="stack"><${Section} title=${t("now.waiting")}>${waiting.data && html`<${Waiting} rows=${waiting.data} />`}</${Section}>
          <${Section} title=${t("now.runs")} aside=${html`<a href=${href(["runs"])}>${t("all")}</a>`}>${runs.data && html`<${Latest} rows=${runs.data.rows} />`}</${Section}></div>
          <${Section} title=${t("now.failed")} aside=${html`<a href=${href(["tasks"], { state: statesOf("failed") })}>${t("all")}</a>`}>${failures.data && html`<${Failed} rows=${failures.data.rows} />`}</${Section}>
        </div>`
      }
    </div>`;
}

/** @param {Record<string, any>} old @param {import("../live.js").Happening[]} events */
function withNotes(old, events) {
  const found = Object.fromEntries(Object.entries(old).slice(-200));
  for (const { task = "", what, value = "" } of events) {
    if (what === "progress") found[task] = { ...found[task], progress: Number(value) };
    if (what === "message") found[task] = { ...found[task], message: value };
  }
  return found;
}

function First() {
  const command =
    "rumbo run -m my_pipeline MyTask --scheduler " + new URL(".", document.baseURI).href.replace(/\/$/, "");
  return html`<${Empty} title=${t("first.title")}><p>${t("first.text")}</p>
    <pre>${command}</pre><p><${Copy} text=${command} /> ${t("first.local")}</p><pre>rumbo run -m my_pipeline MyTask</pre></${Empty}>`;
}

/** @param {{ status: any }} props */
function Numbers({ status }) {
  if (!status) return null;
  const looks = byLook(status.tasks);
  const names = ORDER.filter((name) => looks[name] || ["running", "waiting", "failed", "done"].includes(name));
  return html`<div class="numbers">
    ${names.map(
      (name) =>
        html`<a key=${name} class="number" href=${href(["tasks"], { state: statesOf(name) })}
          ><b>${grouped(looks[name] ?? 0)}</b><span><${Shape} state=${name} />${named("state", name)}</span></a
        >`,
    )}
    <a class="number" href=${href(["workers"])}
      ><b>${grouped(status.workers)}</b><span>${t("n.workers", { n: status.workers })}</span></a
    >
    <a class="number" href=${href(["runs"], { status: "running" })}
      ><b>${grouped(status.runs)}</b><span>${t("n.open.runs", { n: status.runs })}</span></a
    >
  </div>`;
}

/** @param {{ pulse: any }} props */
function PulseOf({ pulse }) {
  const now = useNow(20_000);
  const length = pulse.length * 2;
  const start = (Math.floor(now / length) - STRETCHES + 1) * length;
  const bars = Array.from({ length: STRETCHES }, () => ({ good: 0, bad: 0 }));
  /** @type {number[]} */
  const queue = Array(STRETCHES).fill(-1);
  for (const beat of pulse.beats) {
    const place = Math.floor((beat.at - start) / length);
    if (!bars[place]) continue;
    bars[place].good += beat.done;
    bars[place].bad += beat.failed;
    queue[place] = beat.waiting + beat.running;
  }
  let last = 0;
  for (let place = 0; place < STRETCHES; place++) last = queue[place] = queue[place] < 0 ? last : queue[place];
  const done = bars.reduce((sum, each) => sum + each.good, 0);
  const bad = bars.reduce((sum, each) => sum + each.bad, 0);
  const told = t("pulse.ended", { done, bad });
  const left = t("pulse.left", { n: last });
  return html`<div class="pulse">
    <div><${Bars} bars=${bars} label=${told} /><span class="quiet">${told}</span></div>
    <div><${Line} values=${queue} label=${left} /><span class="quiet">${left}</span></div>
  </div>`;
}

/** @param {{ rows: any[], notes: Record<string, any> }} props */
function Running({ rows, notes }) {
  const now = useNow(1000);
  return html`<ul class="list">
    ${rows.map((row) => {
      const note = notes[row.task_id] ?? {};
      const progress = note.progress ?? row.progress;
      const message = note.message ?? row.status;
      const taken = Math.max(now - row.started, 0);
      const left = remaining(taken, progress, row.expected);
      return html`<li key=${`${row.run} ${row.task_id}`}>
        <div class="line">
          <${Shape} state="running" /><span class="grow cut"><${TaskLink} id=${row.task_id} /></span>
          ${message && html`<span class="cut quiet wide" title=${message}>${message}</span>`}
          <${Progress} value=${progress} />
          <span class="aside time" title=${t("now.taken")}
            >${lasting(Math.floor(taken))}${left === null ? "" : ` · ${left > 0 ? t("left", { time: lasting(left) }) : t("soon")}`}</span
          >
          <span class="aside cut mono wide who" title=${row.worker}>${row.worker}</span>
        </div>
      </li>`;
    })}
  </ul>`;
}

/** Seconds that are left: by what the task says of itself, or else by what its like take. @param {number} taken @param {number | null} progress per cent @param {number | null} expected */
function remaining(taken, progress, expected) {
  if (progress && progress > 1) return (taken * (100 - progress)) / progress;
  return expected && expected > 2 ? expected - taken : null;
}

/** @param {{ rows: any[] }} props */
function Waiting({ rows }) {
  if (!rows.length) return html`<div class="empty">${t("now.nothing.waits")}</div>`;
  return html`<ul class="list">
    ${rows.slice(0, 12).map(
      (row) =>
        html`<li key=${`${row.family} ${row.kind} ${row.what}`}>
          <div class="line">
            <${Shape}
              state=${{ retry: "retrying", held_up: "disabled" }[/** @type {string} */ (row.kind)] ?? "waiting"}
            />
            <a
              class="grow cut"
              href=${href(["tasks"], { family: row.family, state: row.kind === "retry" ? "failed" : "pending" })}
              >${row.family}</a
            >
            <span class="aside">${waitsFor(row)}</span><span class="aside many">${grouped(row.tasks)}</span>
          </div>
        </li>`,
    )}
  </ul>`;
}

/** @param {any} row */
function waitsFor(row) {
  if (row.kind === "resources") return t("waits.resource", { what: row.what });
  if (row.kind === "retry" && row.next)
    return t("waits.retry", { time: lasting(Math.max(row.next - Date.now() / 1000, 0)) });
  return named("waits", row.kind);
}

/** @param {{ rows: any[] }} props */
function Failed({ rows }) {
  if (!rows.length) return html`<div class="empty">${t("now.nothing.failed")}</div>`;
  return html`<ul class="list">
    ${rows.map(
      (row) =>
        html`<li key=${`${row.run} ${row.task_id} ${row.number}`}>
          <div class="line">
            <${Shape} state=${row.outcome} /><span class="grow cut"><${TaskLink} id=${row.task_id} /></span
            ><span class="aside"><${Ago} at=${row.started} /></span>
          </div>
          <div class="below cut" title=${row.message}>${lastLine(row.message) || named("outcome", row.outcome)}</div>
        </li>`,
    )}
  </ul>`;
}

/** What happened, without the way there. @param {string} message */
export function lastLine(message) {
  return message.trimEnd().split("\n").at(-1) ?? "";
}

/** @param {{ rows: any[] }} props */
function Latest({ rows }) {
  return html`<ul class="list">
    ${rows.map(
      (row) =>
        html`<li key=${row.id}>
          <div class="line">
            <${Shape} state=${row.status} /><span class="grow cut"
              ><a href=${href(["runs", row.id])} title=${row.roots.join(", ")}
                >${row.roots.join(", ") || row.id}</a
              ></span
            ><span class="aside"><${Ago} at=${row.started} /></span>
          </div>
          <div class="below"><${Strip} counts=${row.counts} /></div>
        </li>`,
    )}
  </ul>`;
}
