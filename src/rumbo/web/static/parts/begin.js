/** Beginning a run: a worker plans it first and tells what would happen, and then it is begun or not. */

import { ask, path, Refusal } from "../api.js";
import { grouped, lasting } from "../format.js";
import { html, useEffect, useRef, useState } from "../html.js";
import { go, href } from "../router.js";
import { t, told } from "../words.js";
import { say, sayRefused } from "./dialog.js";
import { Copy } from "./pieces.js";
import { Shape } from "./state.js";

/** @typedef {{ family: string, params: Record<string, string> }} NewTask */
/** @typedef {"nothing" | "tasks" | "below"} Again */
/** @typedef {{ title: string, tasks?: string[], fresh?: NewTask[], again?: Again, command?: string }} Wish */
/** @typedef {{ family: string, run: number, skip: number, wait: number, broken: number, seconds: number | null }} FamilyForecast */

const CHOICES = /** @type {Again[]} */ (["nothing", "tasks", "below"]);
/** So many of the removed outputs and of the tasks are shown. */
const SHOWN = 200;

/**
 * A window that shows what a run would do, and begins it.
 * @param {Wish & { close: () => void }} props
 */
export function Begin({ title, tasks = [], fresh = [], again: first = "nothing", command, close }) {
  const box = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const [again, choose] = useState(first);
  const [forecast, setForecast] = useState(/** @type {any} */ (null));
  const [refused, setRefused] = useState(/** @type {Refusal | null} */ (null));
  const [isBusy, setBusy] = useState(false);
  useEffect(() => box.current?.showModal(), []);
  useEffect(() => {
    const stop = new AbortController();
    setForecast(null);
    setRefused(null);
    ask("plans", { method: "POST", body: { tasks, new: fresh, again }, signal: stop.signal }).then(
      setForecast,
      (error) => {
        if (error instanceof Refusal) setRefused(error);
      },
    );
    return () => stop.abort();
  }, [again]);
  /** @param {Event} event */
  const begin = async (event) => {
    event.preventDefault();
    setBusy(true);
    try {
      const { run } = await ask("runs", { method: "POST", body: { tasks, new: fresh, again } });
      say(t("begin.said"));
      box.current?.close();
      await known(run);
      go(href(["runs", run]));
    } catch (error) {
      setBusy(false);
      sayRefused(error);
    }
  };
  const many = sum(forecast?.families, "run");
  return html`<dialog ref=${box} class="broad" onClose=${close} aria-labelledby="begin">
    <form method="dialog" onSubmit=${begin}>
      <h2 id="begin">${title}</h2>
      <fieldset class="options">
        <legend class="hidden-text">${t("begin.what")}</legend>
        ${CHOICES.filter((each) => tasks.length || each === "nothing").map(
          (each) =>
            html`<label key=${each}
              ><input
                type="radio"
                name="again"
                value=${each}
                checked=${again === each}
                disabled=${isBusy}
                onChange=${() => choose(each)}
              /><span>${t(`begin.${each}`, { n: tasks.length })}</span></label
            >`,
        )}
      </fieldset>
      <div class="forecast" aria-live="polite" aria-busy=${!forecast && !refused}>
        ${
          forecast
            ? html`<${Told} forecast=${forecast} />`
            : refused
              ? html`<${NotTold} refused=${refused} command=${command} />`
              : html`<p class="quiet">${t("begin.asks")}</p>
                  <${There} command=${command} />`
        }
      </div>
      <div class="choices">
        <button class="button" type="button" onClick=${() => box.current?.close()}>${t("no")}</button>
        <button
          class=${forecast?.removed_count ? "button harm" : "button main"}
          type="submit"
          disabled=${!many || isBusy}
        >
          ${many ? t("begin.yes", { n: many }) : t("rerun")}
        </button>
      </div>
    </form>
  </dialog>`;
}

/** @param {{ forecast: any }} props */
function Told({ forecast }) {
  const families = /** @type {FamilyForecast[]} */ (forecast.families);
  const many = sum(families, "run");
  const held = sum(families, "wait") + sum(families, "broken");
  const about = forecast.seconds > 0 ? ` ${t("begin.takes", { time: lasting(forecast.seconds) })}` : "";
  return html`<p>
      ${many ? t("begin.runs", { n: many }) + about : t("begin.idle")}${held ? ` ${t("begin.held", { n: held })}` : ""}
    </p>
    <div class="scroll-x" tabindex="0">
      <table class="table">
        <thead>
          <tr>
            <th>${t("family")}</th>
            <th class="right">${t("begin.run")}</th>
            <th class="right">${t("begin.skip")}</th>
            <th class="right">${t("begin.stuck")}</th>
            <th class="right">${t("begin.each")}</th>
          </tr>
        </thead>
        <tbody>
          ${families.map(
            (each) =>
              html`<tr key=${each.family}>
                <td>${each.family}</td>
                <td class="right">${count(each.run)}</td>
                <td class="right">${count(each.skip)}</td>
                <td class="right">${count(each.wait + each.broken)}</td>
                <td class="right">${lasting(each.seconds)}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    ${
      forecast.removed_count > 0 &&
      html`<details>
        <summary>${t("begin.removed", { n: forecast.removed_count })}</summary>
        <ul class="ids" tabindex="0">
          ${forecast.removed.slice(0, SHOWN).map((/** @type {string} */ each) => html`<li key=${each}>${each}</li>`)}
        </ul>
      </details>`
    }
    ${
      forecast.kept.length > 0 &&
      html`<details>
        <summary>${t("begin.kept", { n: forecast.kept.length })}</summary>
        <ul class="ids" tabindex="0">
          ${forecast.kept.map((/** @type {string} */ each) => html`<li key=${each}>${each}</li>`)}
        </ul>
      </details>`
    }
    ${
      forecast.tasks.length > 0 &&
      html`<details>
        <summary>${t("begin.why")}</summary>
        <ul class="list short" tabindex="0">
          ${forecast.tasks.map(
            (/** @type {any} */ each) =>
              html`<li key=${each.task_id}>
                <div class="line">
                  <${Shape} state=${LOOKS[each.verdict]} /><span class="grow cut" title=${each.name}>${each.name}</span>
                </div>
                <div class="quiet">${told(each.reason)}</div>
              </li>`,
          )}
        </ul>
      </details>`
    }
    <p class="quiet">${t("begin.by", { worker: forecast.worker })}</p>`;
}

/** @param {{ refused: Refusal, command?: string }} props */
function NotTold({ refused, command }) {
  return html`<p>${refused.status ? told(refused.message) : t("no.server")}</p>
    <${There} command=${command} />`;
}

/** How to do it without a worker. @param {{ command?: string }} props */
function There({ command }) {
  if (!command) return null;
  return html`<span class="command"
    ><span class="quiet">${t("begin.there")}</span
    ><span class="copied"><code>${command}</code><${Copy} text=${command} /></span
  ></span>`;
}

/** @type {Record<string, string>} */
const LOOKS = { run: "waiting", wait: "waiting", broken: "failed" };

/** @param {FamilyForecast[] | undefined} families @param {"run" | "wait" | "broken"} verdict */
function sum(families, verdict) {
  return (families ?? []).reduce((all, each) => all + each[verdict], 0);
}

/** @param {number} many */
function count(many) {
  return many ? grouped(many) : "";
}

/** Wait until the history knows of a run that has just begun; it follows within a second. @param {string} run */
async function known(run) {
  for (let tries = 0; tries < 20; tries++) {
    try {
      await ask(path`runs/${run}`);
      return;
    } catch {
      await new Promise((after) => setTimeout(after, 150));
    }
  }
}
