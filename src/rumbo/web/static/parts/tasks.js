/** What can be done to tasks: each action with the question before it and the words after it. */

import { ask, path } from "../api.js";
import { grouped } from "../format.js";
import { html, useState } from "../html.js";
import { choose } from "../router.js";
import { named, t, told } from "../words.js";
import { Begin } from "./begin.js";
import { confirm, say, sayRefused } from "./dialog.js";
import { ORDER, Shape, statesOf } from "./state.js";

/** @typedef {"forgive" | "enable" | "done" | "cancel"} Verb */

/** Which states an action makes sense in. @type {Record<Verb, string[]>} */
const FITS = {
  forgive: ["failed", "cancelled"],
  enable: ["disabled"],
  done: ["pending", "failed", "disabled", "cancelled", "running", "parked"],
  cancel: ["pending", "running", "parked", "batched"],
};
export const VERBS = /** @type {Verb[]} */ (Object.keys(FITS));

/** @param {string} state @param {boolean} isRetried whether it will be tried again by itself @returns {Verb[]} */
export function verbsFor(state, isRetried) {
  return VERBS.filter((verb) => FITS[verb].includes(state) || (verb === "cancel" && isRetried));
}

/**
 * Ask, do it to all of them, and say what came of it.
 * @param {Verb} verb @param {string[]} ids
 * @returns {Promise<boolean>} whether anything was done
 */
export async function change(verb, ids) {
  const isHarm = verb === "cancel" || verb === "done";
  const question = {
    title: t(`${verb}.title`, { n: ids.length }),
    text: t(`${verb}.text`),
    ids,
    yes: t(`${verb}.yes`, { n: ids.length }),
    isHarm,
  };
  if ((isHarm || ids.length > 1) && (await confirm(question)) === null) return false;
  try {
    const answer =
      ids.length === 1
        ? await ask(path`tasks/${ids[0]}/${verb}`, { method: "POST" })
        : await ask(`tasks/${verb}`, { method: "POST", body: { tasks: ids } });
    const refused = Object.entries(answer.refused ?? {});
    const many = ids.filter((id) => id in answer.changed).length;
    if (many) say(t(`${verb}.said`, { n: many }));
    else if (!refused.length) say(t("nothing.changed"));
    if (refused.length)
      say(`${t("refused.some", { n: refused.length })} ${refused[0][0]}: ${told(refused[0][1])}`, true);
    return many > 0;
  } catch (error) {
    sayRefused(error);
    return false;
  }
}

/**
 * Which states a list of tasks shows, to be turned on and off, with how many there are of each.
 * @param {{ looks: Record<string, number>, states: string[] }} props tasks by look; states in the address
 */
export function StateChips({ looks, states }) {
  const names = ORDER.filter((name) => looks[name] || states.includes(statesOf(name)[0]));
  return html`${names.map((name) => {
    const words = statesOf(name);
    const isOn = states.includes(words[0]);
    const turned = isOn ? states.filter((each) => !words.includes(each)) : [...states, ...words];
    return html`<button
      key=${name}
      class="chip"
      type="button"
      aria-pressed=${isOn}
      onClick=${() => choose({ state: turned })}
    >
      <${Shape} state=${name} />${named("state", name)} <span class="many">${grouped(looks[name] ?? 0)}</span>
    </button>`;
  })}`;
}

/**
 * The bar that comes with a choice of rows.
 * @param {{ chosen: Set<string>, fresh?: import("./begin.js").NewTask[], clear: () => void, done: () => void }} props fresh: tasks that nobody has run yet
 */
export function Bulk({ chosen, fresh = [], clear, done }) {
  const [isBeginning, setBeginning] = useState(false);
  const many = chosen.size + fresh.length;
  if (!many) return null;
  /** @param {Verb} verb */
  const all = async (verb) => {
    if (await change(verb, [...chosen])) {
      clear();
      done();
    }
  };
  return html`<div class="bulk" role="toolbar" aria-label=${t("chosen", { n: many })}>
    <span>${t("chosen", { n: many })}</span>
    <button type="button" class="button" onClick=${() => setBeginning(true)}>${t("begin")}</button>
    ${isBeginning && html`<${Begin} title=${t("begin")} tasks=${[...chosen]} fresh=${fresh} close=${() => setBeginning(false)} />`}
    ${chosen.size > 0 && VERBS.map((verb) => html`<button key=${verb} type="button" class=${`button ${verb === "cancel" ? "harm" : ""}`} onClick=${() => all(verb)}>${t(`${verb}.yes`, { n: chosen.size })}</button>`)}
    <span class="grow"></span><button type="button" class="button plain" onClick=${clear}>${t("choose.none")}</button>
  </div>`;
}
