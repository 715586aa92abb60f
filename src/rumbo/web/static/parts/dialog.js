/** Questions before something is done, and words after it. */

import { ask, Refusal } from "../api.js";
import { html, useEffect, useRef, useState } from "../html.js";
import { t } from "../words.js";

/** @typedef {{ title: string, text?: any, ids?: string[], yes: string, isHarm?: boolean, field?: { label: string, value?: string, kind?: string } }} Question */
/** @typedef {{ id: number, text: string, isBad: boolean }} Said */

/** @type {((question: { question: Question, answer: (value: string | null) => void }) => void) | null} */
let show = null;
/** @type {((said: Said) => void) | null} */
let utter = null;
let number = 0;

/**
 * Ask before something is done. Gives what was put into the field, an empty text if there is none; null when the answer is no.
 * @param {Question} question
 * @returns {Promise<string | null>}
 */
export function confirm(question) {
  return new Promise((answer) => show?.({ question, answer }));
}

/** Say what was done, or why it was not. @param {string} text */
export function say(text, isBad = false) {
  utter?.({ id: ++number, text, isBad });
}

/** Do something on the server, and say what came of it. @param {string} path @param {{ method?: string, body?: unknown }} how @param {string} done */
export async function act(path, how, done) {
  try {
    const answer = await ask(path, { method: "POST", ...how });
    say(done);
    return answer;
  } catch (error) {
    sayRefused(error);
    return null;
  }
}

/** @param {unknown} error */
export function sayRefused(error) {
  if (!(error instanceof Refusal)) throw error;
  if (error.status === 403) say(t("refused.role", { why: error.message }), true);
  else say(error.status ? error.message : t("no.server"), true);
}

/** Where questions and words appear; once on the page. */
export function Voice() {
  const [asked, setAsked] = useState(
    /** @type {{ question: Question, answer: (value: string | null) => void } | null} */ (null),
  );
  const [said, setSaid] = useState(/** @type {Said[]} */ ([]));
  useEffect(() => {
    show = setAsked;
    utter = (one) => {
      setSaid((all) => [...all.slice(-3), one]);
      setTimeout(() => setSaid((all) => all.filter((each) => each.id !== one.id)), one.isBad ? 12_000 : 5000);
    };
  }, []);
  return html` ${asked && html`<${Asking} key=${asked.question.title} ...${asked} close=${() => setAsked(null)} />`}
    <div class="words" role="status" aria-live="polite">
      ${said.map(
        (each) =>
          html`<div key=${each.id} class=${each.isBad ? "bad" : ""}>
            <span class="grow">${each.text}</span>
            <button
              type="button"
              aria-label=${t("close")}
              onClick=${() => setSaid((all) => all.filter((one) => one.id !== each.id))}
            >
              ✕
            </button>
          </div>`,
      )}
    </div>`;
}

/** @param {{ question: Question, answer: (value: string | null) => void, close: () => void }} props */
function Asking({ question, answer, close }) {
  const box = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const [value, set] = useState(question.field?.value ?? "");
  const result = useRef(/** @type {string | null} */ (null));
  useEffect(() => box.current?.showModal(), []);
  const closed = () => {
    answer(result.current);
    close();
  };
  /** @param {Event} event */
  const submit = (event) => {
    event.preventDefault();
    result.current = value;
    box.current?.close();
  };
  const { title, text, ids, yes, isHarm, field } = question;
  return html`<dialog ref=${box} onClose=${closed} aria-labelledby="question">
    <form method="dialog" onSubmit=${submit}>
      <h2 id="question">${title}</h2>
      ${text && html`<p class="quiet">${text}</p>`}
      ${
        ids &&
        html`<ul class="ids" tabindex="0">
          ${ids.slice(0, 200).map((id) => html`<li key=${id}>${id}</li>`)}
        </ul>`
      }
      ${
        field &&
        html`<label
          >${field.label}${
            field.kind === "text"
              ? html`<textarea
                  class="field"
                  rows="4"
                  required
                  value=${value}
                  onInput=${(/** @type {any} */ event) => set(event.target.value)}
                ></textarea>`
              : html`<input
                  class="field"
                  style="width: 100%"
                  type=${field.kind ?? "number"}
                  min="0"
                  step="any"
                  required
                  value=${value}
                  onInput=${(/** @type {any} */ event) => set(event.target.value)}
                />`
          }</label
        >`
      }
      <div class="choices">
        <button class="button" type="button" onClick=${() => box.current?.close()}>${t("no")}</button>
        <button class=${isHarm ? "button harm" : "button main"} type="submit">${yes}</button>
      </div>
    </form>
  </dialog>`;
}

/** A window over the page with something to read. @param {{ title: string, close: () => void, children?: any }} props */
export function Window({ title, close, children }) {
  const box = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => box.current?.showModal(), []);
  return html`<dialog ref=${box} onClose=${close} aria-label=${title}>
    <div class="inside">
      <h2>${title}</h2>
      ${children}
      <div class="choices"><button class="button" onClick=${() => box.current?.close()}>${t("close")}</button></div>
    </div>
  </dialog>`;
}
