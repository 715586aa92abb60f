/** Workers: who is alive, with how many slots, what each runs; and how to take one out. */

import { address, path, useAnswer } from "../api.js";
import { lasting, size } from "../format.js";
import { html } from "../html.js";
import { useHappenings, useNow } from "../live.js";
import { act, confirm } from "../parts/dialog.js";
import { Head } from "../parts/frame.js";
import { Ago, Copy, Empty, Meter, TaskLink, Trouble } from "../parts/pieces.js";
import { Shape } from "../parts/state.js";
import { named, t } from "../words.js";

export default function Workers() {
  const answer = useAnswer("workers", {}, 1000);
  useHappenings(answer.again);
  useNow(5000);
  const rows = /** @type {any[]} */ (answer.data ?? []);
  const command = `rumbo worker --scheduler ${new URL(".", document.baseURI).href.replace(/\/$/, "")}`;
  const busy = rows.reduce((sum, each) => sum + each.running.length, 0);
  const slots = rows.reduce((sum, each) => sum + each.slots, 0);
  return html`<${Head}
      title=${t("place.workers")}
      twin=${address("workers")}
      after=${answer.data && html`<span class="quiet">${rows.length}${slots ? ` · ${t("resources.free", { used: busy, total: slots })}` : ""}</span>`}
    />
    <${Trouble} error=${answer.error} />
    <div class="body">
      ${answer.data && !rows.length && html`<${Empty} title=${t("workers.none")}><p>${t("workers.none.text")}</p><pre>${command}</pre><p><${Copy} text=${command} /></p></${Empty}>`}
      ${rows.map((each) => html`<${Worker} key=${each.id} worker=${each} again=${answer.again} />`)}
    </div>`;
}

/** How much is in use of how much; memory is counted in bytes. @param {string} name @param {number} used @param {number} total */
function inUse(name, used, total) {
  return name === "memory" ? { used: size(used), total: size(total) } : { used, total };
}

/** @param {{ worker: any, again: () => void }} props */
function Worker({ worker, again }) {
  const where = path`workers/${worker.id}`;
  /** @param {string} verb @param {{ title: string, text: string, yes: string }} question @param {string} said */
  const step = async (verb, question, said) => {
    if ((await confirm({ ...question, isHarm: true })) === null) return;
    await act(`${where}/${verb}`, {}, said);
    again();
  };
  const setSlots = async () => {
    const value = await confirm({
      title: t("slots.title", { worker: worker.id }),
      yes: t("resources.change"),
      field: { label: t("slots.field"), value: String(worker.slots) },
    });
    if (value === null) return;
    await act(
      `${where}/slots`,
      { method: "PUT", body: { slots: Math.round(Number(value)) } },
      t("slots.said", { worker: worker.id, n: Math.round(Number(value)) }),
    );
    again();
  };
  const isOut = worker.is_disabled || worker.is_draining;
  const mark = worker.is_disabled
    ? "disabled"
    : worker.is_draining
      ? "parked"
      : worker.running.length
        ? "running"
        : "waiting";
  const word = worker.is_disabled
    ? t("worker.disabled")
    : worker.is_draining
      ? t("worker.draining")
      : worker.running.length
        ? t("state.running")
        : t("worker.idle");
  return html`<section class="section">
    <div class="section-head">
      <${Shape} state=${mark} />
      <h2 class="cut mono">${worker.id}</h2>
      <span class="quiet">${word}</span><span class="grow"></span> ${
        worker.kind !== "luigi" &&
        html`<button class="button small" type="button" onClick=${setSlots}>${t("slots")}: ${worker.slots}</button>
          ${!worker.is_draining && html`<button class="button small" type="button" onClick=${() => step("drain", { title: t("drain.title", { worker: worker.id }), text: t("drain.text"), yes: t("drain") }, t("drain.said"))}>${t("drain")}</button>`}`
      }
      ${!worker.is_disabled && html`<button class="button small harm" type="button" onClick=${() => step("disable", { title: t("disable.title", { worker: worker.id }), text: t("disabled.worker"), yes: t("disable") }, t("disabled.worker"))}>${t("disable")}</button>`}
    </div>
    <div class="columns" style="padding-top: 10px">
      <dl class="facts">
        <dt>${t("host")}</dt>
        <dd>
          ${worker.user && `${worker.user}@`}${worker.host || "?"} · ${t("process")} ${worker.pid || "?"} ·${" "}
          ${named("worker", worker.kind)}
        </dd>
        ${
          worker.started > 0 &&
          html`<dt>${t("started")}</dt>
            <dd><${Ago} at=${worker.started} /></dd>`
        }
        <dt>${t("silent")}</dt>
        <dd>${t("ago", { time: lasting(worker.silent) })}</dd>
        <dt>${t("pools")}</dt>
        <dd class="mono">${worker.pools.join(", ")}</dd>
        <dt>${t("wants")}</dt>
        <dd>${t("n.tasks", { n: worker.wants })}</dd>
        ${Object.entries(worker.capacity).map(
          ([name, amount]) =>
            html`<dt>${name}</dt>
              <dd>
                <${Meter} name=${name} used=${worker.used[name] ?? 0} total=${amount} />
                ${t("resources.free", inUse(name, worker.used[name] ?? 0, /** @type {number} */ (amount)))}
              </dd>`,
        )}
        ${
          worker.refused.length > 0 &&
          html`<dt></dt>
            <dd class="is-failed">${t("worker.refused", { modules: worker.refused.join(", ") })}</dd>`
        }
        ${
          worker.folder &&
          html`<dt>${t("folder")}</dt>
            <dd class="mono">${worker.folder}</dd>`
        }
      </dl>
      <ul class="list">
        ${worker.running.map(
          (/** @type {any} */ held) =>
            html`<li key=${held.task_id}>
              <div class="line">
                <${Shape} state="running" /><span class="grow cut"><${TaskLink} id=${held.task_id} /></span
                ><span class="aside">${t("attempt")} ${held.attempt}</span>
              </div>
            </li>`,
        )}
        ${!worker.running.length && html`<li class="quiet">${isOut ? word : t("now.nothing.runs")}</li>`}
      </ul>
    </div>
  </section>`;
}
