/** One task: its state and why, what it was given, what it printed and how it failed, what is around it, and what can be done. */

import { address, ask, path, useAnswer } from "../api.js";
import { lasting } from "../format.js";
import { html, useEffect, useState } from "../html.js";
import { useListing } from "../listing.js";
import { useHappenings, useNow } from "../live.js";
import { Artifacts } from "../parts/artifacts.js";
import { Begin } from "../parts/begin.js";
import { confirm, say, sayRefused } from "../parts/dialog.js";
import { Head } from "../parts/frame.js";
import { Log } from "../parts/log.js";
import { Ago, Copy, Empty, Moment, Progress, Section, TaskLink, Took, Trace, Trouble } from "../parts/pieces.js";
import { inWords } from "../parts/reason.js";
import { lookOf, Shape, State } from "../parts/state.js";
import { change, verbsFor } from "../parts/tasks.js";
import { choose, href } from "../router.js";
import { named, t, told } from "../words.js";

/** @param {{ place: import("../router.js").Place }} props */
export default function Task({ place }) {
  const id = place.path[1];
  const about = useAnswer(path`tasks/${id}`);
  const live = useAnswer(path`tasks/${id}/live`, {}, 500);
  const story = useListing(path`tasks/${id}/story`, {}, (/** @type {any} */ chapter) => chapter.run.id, {
    page: 20,
    most: 100,
  });
  const [notes, setNotes] = useState(/** @type {{ message?: string, progress?: number }} */ ({}));
  useHappenings((events) => {
    const mine = events.filter((each) => each.kind === "missed" || each.task === id);
    if (events.length) live.again();
    if (!mine.length) return;
    about.again();
    if (mine.some((each) => each.kind !== "note")) story.again();
    for (const each of mine) {
      if (each.kind === "note" && each.what === "progress")
        setNotes((old) => ({ ...old, progress: Number(each.value) }));
      if (each.kind === "note" && each.what === "message") setNotes((old) => ({ ...old, message: each.value }));
      if (each.kind === "begin") setNotes({});
    }
  });
  const chapter = story.rows[0];
  const now = live.error ? undefined : live.data;
  const state = now
    ? now.state === "failed" && now.retry_at
      ? "retrying"
      : now.state
    : chapter
      ? lookOf(chapter.task)
      : about.data?.state;
  const task = about.data;
  if (about.error)
    return html`<${Head} title=${id} isCode=${true} crumb=${html`<a href=${href(["tasks"])}>${t("place.tasks")}</a>`} />
      <${Trouble}
        error=${live.data ? undefined : about.error}
      />${now && html`<div class="body"><${Why} live=${now} state=${state} /></div>`}`;
  if (!task || !story.isLoaded) return html`<${Head} title=${id} isCode=${true} />`;
  const again = () => [about, live, story].forEach((each) => each.again());
  const last = chapter?.attempts.at(-1);
  return html`
    <${Head} title=${task.family} crumb=${html`<a href=${href(["tasks"], { family: task.family })}>${t("place.tasks")}</a>`} after=${state && html`<${State} state=${state} />`}
      actions=${html`<${Actions} task=${task} state=${state} live=${now} chapter=${chapter} done=${again} />`}
      under=${html`<span class="mono quiet copied">${id}<${Copy} text=${id} /></span>`} />
    <div class="body">
      <${Why} live=${now} state=${state} chapter=${chapter} notes=${notes} />
      <div class="columns">
        <${Section} title=${t("parameters")}><dl class="facts" style="padding-top: 10px">
          ${Object.entries(task.params).map(
            ([name, value]) =>
              html`<dt class="mono">${name}</dt>
                <dd class="mono">
                  <a href=${href(["tasks"], { family: task.family, param: `${name}=${value}` })}
                    >${/** @type {string} */ (value) || "''"}</a
                  >
                </dd>`,
          )}
          <dt>${t("module")}</dt><dd class="mono">${task.module}</dd>
          ${
            now &&
            html`${
                now.priority !== 0 &&
                html`<dt>${t("priority")}</dt>
                  <dd>${now.priority}</dd>`
              }
              <dt>${t("pool")}</dt>
              <dd class="mono">${now.pool}</dd>
              ${Object.entries(now.resources).map(
                ([name, amount]) =>
                  html`<dt>${t("resource")}</dt>
                    <dd><a href=${href(["resources"])}>${name}</a> ${amount}</dd>`,
              )}`
          }
          ${
            last?.tracking_url &&
            html`<dt>${t("tracking")}</dt>
              <dd><${Outside} url=${last.tracking_url} /></dd>`
          }
          <dt>JSON</dt><dd><a href=${address(path`tasks/${id}`)} target="_blank" rel="noopener">${t("task")}</a> · <a href=${address(path`tasks/${id}/story`)} target="_blank" rel="noopener">${t("story")}</a></dd></dl></${Section}>
        ${chapter && html`<${Around} run=${chapter.run.id} id=${id} state=${state} />`}
      </div>
      <${Artifacts} key=${id} id=${id} folder=${chapter?.run.folder ?? ""} state=${state} />
      ${chapter && html`<${Attempts} place=${place} id=${id} chapters=${story.rows} />`}
      <${Section} title=${t("story")} count=${task.runs}><ul class="list">${story.rows.map(
        (each) =>
          html`<li key=${each.run.id}>
            <div class="line">
              <${Shape} state=${lookOf(each.task)} />
              <a class="mono" href=${href(["runs", each.run.id])}>${each.run.id}</a
              ><span class="grow cut quiet"
                >${each.task.error.trimEnd().split("\n").at(-1) || told(each.task.reason)}</span
              >
              <span class="aside">${t("n.attempts", { n: each.attempts.length })}</span
              ><span class="aside right" style="width: 64px">${lasting(each.task.seconds)}</span
              ><span class="aside"><${Ago} at=${each.run.started} /></span>
            </div>
          </li>`,
      )}</ul>
        ${story.next && html`<button class="button plain" onClick=${story.more}>…</button>`}</${Section}>
    </div>`;
}

/** In which state it is, and why. @param {{ live: any, state: string, chapter?: any, notes?: any }} props */
function Why({ live, state, chapter, notes = {} }) {
  const now = useNow(1000);
  const task = chapter?.task;
  const last = chapter?.attempts.at(-1);
  const progress = notes.progress ?? task?.progress ?? null;
  const message = notes.message ?? task?.status;
  const why = live ? inWords(live.reason, now) : planned(task);
  const isBad = ["failed", "retrying", "disabled", "lost", "unknown"].includes(state);
  return html`<div class="why">
    <div class="toolbar"><${State} state=${state} /><span>${why}</span></div>
    ${state === "running" && html`<div class="toolbar">${last && html`<${Took} since=${last.started} seconds=${null} isOpen=${true} />`}<${Progress} value=${progress} /><span class="quiet">${message}</span></div>`}
    ${isBad && (last?.message || task?.error) && html`<div class="copied" style="align-items: start; width: 100%"><${Trace} text=${last?.message || task.error} /><${Copy} text=${last?.message || task.error} /></div>`}
  </div>`;
}

/** What the plan said of a task; of one that has run, why it did. @param {any} task */
function planned(task) {
  const why = told(task?.reason ?? "");
  return task?.verdict === "run" && task.attempt ? t("why.ran", { why }) : why;
}

/** An address that a task gave: a link only if it leads to the web. @param {{ url: string }} props */
function Outside({ url }) {
  return /^https?:\/\//i.test(url)
    ? html`<a href=${url} target="_blank" rel="noopener noreferrer">${url}</a>`
    : html`<span class="mono">${url}</span>`;
}

/** @param {{ task: any, state: string, live: any, chapter: any, done: () => void }} props */
function Actions({ task, state, live, chapter, done }) {
  const send = async () => {
    const text = await confirm({
      title: t("message.title", { task: task.family }),
      text: t("message.text"),
      yes: t("message.send"),
      field: { label: "", kind: "text" },
    });
    if (text === null) return;
    try {
      const { id } = await ask(path`tasks/${task.id}/messages`, { method: "POST", body: { content: text } });
      say(t("message.said"));
      await awaitReply(id);
    } catch (error) {
      sayRefused(error);
    }
  };
  const [isBeginning, setBeginning] = useState(false);
  const words = `-m ${task.module} ${task.family}${Object.entries(task.params)
    .map(([name, value]) => ` --${name.replaceAll("_", "-")} ${quoted(/** @type {string} */ (value))}`)
    .join("")}`;
  const command = `${chapter ? `cd ${quoted(chapter.run.folder)} && ` : ""}rumbo run ${words}`;
  return html`${state === "running" && live?.accepts_messages && html`<button class="button" type="button" onClick=${send}>${t("message.send")}</button>`}
    ${
      live &&
      verbsFor(live.state, live.retry_at !== null).map(
        (verb) =>
          html`<button
            key=${verb}
            type="button"
            class=${`button ${verb === "cancel" ? "harm" : ""}`}
            onClick=${async () => {
              if (await change(verb, [task.id])) done();
            }}
          >
            ${t(`${verb}.yes`, { n: 1 })}
          </button>`,
      )
    } <button class="button" type="button" onClick=${() => setBeginning(true)}>${t("rerun")}</button>${
      isBeginning &&
      html`<${Begin}
        title=${t("rerun.title", { task: task.family })}
        tasks=${[task.id]}
        again=${state === "done" ? "tasks" : "nothing"}
        command=${command}
        close=${() => setBeginning(false)}
      />`
    }`;
}

/** @param {string} id */
async function awaitReply(id) {
  for (let pause = 500; pause < 20_000; pause *= 1.5) {
    await new Promise((go) => setTimeout(go, pause));
    const { text } = await ask(path`messages/${id}`);
    if (text !== null) return say(t("message.answer", { text }));
  }
  say(t("answer.none"));
}

/** @param {string} text */
function quoted(text) {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** @param {{ run: string, id: string, state: string }} props */
function Around({ run, id, state }) {
  const near = useAnswer(path`runs/${run}/tasks/${id}/neighbours`, { limit: 200 }, 2000);
  useEffect(() => near.again(), [state]);
  useHappenings((events) => {
    const names = new Set([...(near.data?.needs ?? []), ...(near.data?.needed_by ?? [])].map((each) => each.task_id));
    if (events.some((each) => each.kind === "task" && each.task !== undefined && names.has(each.task))) near.again();
  });
  if (!near.data) return null;
  const { needs, needed_by: above } = near.data;
  return html`<div class="stack"><${Section} title=${t("needs")} count=${needs.length || ""} aside=${html`<a href=${href(["runs", run], { tab: "graph", focus: id })}>${t("tab.graph")}</a>`}><${Near} rows=${needs} none=${t("needs.none")} /></${Section}>
    <${Section} title=${t("needed.by")} count=${above.length || ""}><${Near} rows=${above} none=${t("needed.none")} /></${Section}></div>`;
}

/** @param {{ rows: any[], none: string }} props */
function Near({ rows, none }) {
  const [isAll, setAll] = useState(false);
  if (!rows.length) return html`<div class="empty">${none}</div>`;
  const sorted = [...rows].sort((a, b) => Number(a.state === "done") - Number(b.state === "done"));
  return html`<ul class="list">
      ${(isAll ? sorted : sorted.slice(0, 8)).map(
        (row) =>
          html`<li key=${row.task_id}>
            <div class="line">
              <${Shape} state=${lookOf(row)} /><span class="grow cut"><${TaskLink} id=${row.task_id} /></span
              ><span class="aside">${row.state === "done" ? lasting(row.seconds) : named("state", lookOf(row))}</span>
            </div>
          </li>`,
      )}
    </ul>
    ${rows.length > 8 && !isAll && html`<button class="button plain" type="button" onClick=${() => setAll(true)}>${t("n.more", { n: rows.length - 8 })}</button>`}`;
}

/** Attempts of the runs that are shown, and what the chosen one printed. @param {{ place: import("../router.js").Place, id: string, chapters: any[] }} props */
function Attempts({ place, id, chapters }) {
  const all = chapters.flatMap((chapter) =>
    chapter.attempts.map((/** @type {any} */ each) => ({ ...each, run: chapter.run.id })).reverse(),
  );
  const wanted = place.query.get("attempt");
  const shown = all.find((each) => `${each.run} ${each.number}` === wanted) ?? all[0];
  if (!shown) return html`<${Section} title=${t("attempts")}><${Empty} title=${t("log.none")} /></${Section}>`;
  return html`<${Section} title=${t("attempts")} count=${all.length}><div class="scroll-x" tabindex="0"><table class="table nowrap"><thead><tr><th>#</th><th>${t("outcome")}</th><th>${t("started")}</th><th class="right">${t("took")}</th><th>${t("worker")}</th><th>${t("run")}</th><th></th></tr></thead>
      <tbody>${all.slice(0, 20).map(
        (each) =>
          html`<tr key=${`${each.run} ${each.number}`} class=${each === shown ? "at" : ""}>
            <td>${each.number}</td>
            <td><${State} state=${each.outcome} word=${named("outcome", each.outcome)} /></td>
            <td><${Moment} at=${each.started} /></td>
            <td class="right">
              <${Took} since=${each.started} seconds=${each.seconds} isOpen=${each.outcome === "running"} />
            </td>
            <td class="mono">${each.worker}</td>
            <td class="mono quiet">${each.run}</td>
            <td>
              <button
                class="button small"
                type="button"
                aria-pressed=${each === shown}
                onClick=${() => choose({ attempt: `${each.run} ${each.number}` })}
              >
                ${t("log")}
              </button>
            </td>
          </tr>`,
      )}</tbody></table></div></${Section}>
    ${shown.message && shown.outcome !== "done" && shown !== all[0] && html`<${Trace} text=${shown.message} />`}
    <${Section} title=${html`${t("log")} <span class="count">${t("attempt")} ${shown.number}, <span class="mono">${shown.run}</span></span>`} class="borderless"><${Log} key=${`${shown.run} ${shown.number}`} run=${shown.run} task=${id} attempt=${shown.number} isOpen=${shown.outcome === "running" || shown.outcome === "parked"} /></${Section}>`;
}
