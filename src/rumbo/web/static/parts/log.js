/** What an attempt printed: the end of it at once, the rest as it comes; in its colours, and searched. */

import { address, path } from "../api.js";
import { size } from "../format.js";
import { html, useEffect, useMemo, useRef, useState } from "../html.js";
import { t } from "../words.js";
import { Icon } from "./icons.js";
import { Copy, Search } from "./pieces.js";

const MOST = 400_000;
/** Lines that are shown at once; the last ones. */
const LINES = 3000;

/**
 * @typedef {{ text: string, classes: string }} Piece
 */

/** The pieces of a line between its escape sequences for colours; others are left out. @param {string} line @returns {Piece[]} */
export function pieces(line) {
  /** @type {Piece[]} */
  const found = [];
  const style = { colour: "", marks: new Set() };
  let from = 0;
  // A carriage return begins the line anew, as progress bars do.
  const text = line.slice(line.replace(/\r$/, "").lastIndexOf("\r") + 1).replace(/\r$/, "");
  for (const match of text.matchAll(
    /\x1b\[([0-9;]*)m|\x1b\[[0-9;?]*[A-Za-ln-z]|\x1b\][^\x07]*\x07|[\x00-\x08\x0b-\x1a\x7f]/g,
  )) {
    if (match.index > from)
      found.push({ text: text.slice(from, match.index), classes: [style.colour, ...style.marks].join(" ").trim() });
    from = match.index + match[0].length;
    if (match[1] !== undefined) turn(style, match[1]);
  }
  if (from < text.length)
    found.push({ text: text.slice(from), classes: [style.colour, ...style.marks].join(" ").trim() });
  return found;
}

/** @param {{ colour: string, marks: Set<string> }} style @param {string} codes */
function turn(style, codes) {
  const numbers = codes.split(";").map(Number);
  const marks = /** @type {Record<number, string>} */ ({ 1: "bold", 2: "faint", 3: "italic", 4: "underline" });
  for (let place = 0; place < numbers.length; place++) {
    const code = numbers[place];
    if (code === 0) [style.colour, style.marks] = ["", new Set()];
    else if (code in marks) style.marks.add(marks[code]);
    else if (code === 22) ["bold", "faint"].forEach((mark) => style.marks.delete(mark));
    else if (code === 39) style.colour = "";
    else if (code >= 30 && code <= 37) style.colour = `c${code - 30}`;
    else if (code >= 90 && code <= 97) style.colour = `c${code - 90}`;
    else if (code === 38 || code === 48) {
      if (code === 38 && numbers[place + 1] === 5 && numbers[place + 2] < 16)
        style.colour = `c${numbers[place + 2] % 8}`;
      place += numbers[place + 1] === 5 ? 2 : 4;
    }
  }
}

/** @param {{ run: string, task: string, attempt: number, isOpen: boolean }} props */
export function Log({ run, task, attempt, isOpen }) {
  const [text, setText] = useState(/** @type {string | null} */ (null));
  const [wanted, setWanted] = useState("");
  const [isFollowing, setFollowing] = useState(true);
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const where = path`runs/${run}/tasks/${task}/attempts/${attempt}/log`;

  useEffect(() => {
    const control = new AbortController();
    setText(null);
    read(address(where, { follow: isOpen }), control.signal, (now) => setText(now)).catch((error) => {
      if (error.name !== "AbortError") setText((old) => old ?? "");
    });
    return () => control.abort();
  }, [where, isOpen]);

  const lines = useMemo(() => {
    if (!text) return [];
    const all = text.replace(/\n$/, "").split("\n");
    const found = wanted ? all.filter((line) => plain(line).toLowerCase().includes(wanted.toLowerCase())) : all;
    return found.slice(-LINES);
  }, [text, wanted]);

  useEffect(() => {
    if (isFollowing && !wanted && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [lines, isFollowing, wanted]);

  const scrolled = () => {
    const at = box.current;
    if (at) setFollowing(at.scrollTop + at.clientHeight > at.scrollHeight - 24);
  };
  return html`<div class="log">
    <div class="toolbar">
      <${Search} value="" label=${t("log.search")} onInput=${setWanted} wait=${100} />
      ${wanted && html`<span class="quiet">${t("matches", { n: lines.length })}</span>`}<span class="grow"></span>
      ${text && text.length >= MOST && html`<span class="quiet">${t("log.truncated", { size: size(MOST) })}</span>`}
      ${isOpen && html`<label class="state"><input type="checkbox" checked=${isFollowing} onChange=${(/** @type {any} */ event) => setFollowing(event.target.checked)} />${t("follow")}</label>`}
      ${text && html`<${Copy} text=${lines.map(plain).join("\n")} label=${t("copy.what", { what: t("log") })} />`}
      <a class="button small" href=${address(where)} download=${`${task}.${attempt}.log`}
        ><${Icon} name="down" />${t("log.plain")}</a
      >
    </div>
    <div class="lines" ref=${box} onScroll=${scrolled} tabindex="0" role="log" aria-label=${t("log")}>
      ${text === null ? html`<div class="quiet">…</div>` : lines.length ? lines.map((line, place) => html`<div key=${place}>${pieces(line).map((each) => html`<span class=${each.classes}>${marked(each.text, wanted)}</span>`)}</div>`) : html`<div class="quiet">${t("log.none")}</div>`}
    </div>
  </div>`;
}

/** @param {string} line */
function plain(line) {
  return pieces(line)
    .map((each) => each.text)
    .join("");
}

/** @param {string} text @param {string} wanted */
function marked(text, wanted) {
  const at = wanted ? text.toLowerCase().indexOf(wanted.toLowerCase()) : -1;
  if (at < 0) return text;
  return html`${text.slice(0, at)}<mark>${text.slice(at, at + wanted.length)}</mark>${text.slice(at + wanted.length)}`;
}

/** Read a stream to its end, and tell its last part now and then. @param {string} url @param {AbortSignal} signal @param {(text: string) => void} tell */
async function read(url, signal, tell) {
  const answer = await fetch(url, { signal, credentials: "same-origin" });
  if (!answer.ok || !answer.body) return tell("");
  const decoder = new TextDecoder();
  const reader = answer.body.getReader();
  let text = "";
  let timer = 0;
  tell("");
  signal.addEventListener("abort", () => clearTimeout(timer));
  while (true) {
    const { done, value } = await reader.read();
    text = (text + decoder.decode(value, { stream: !done })).slice(-MOST);
    if (done) break;
    timer ||= window.setTimeout(() => {
      timer = 0;
      tell(text);
    }, 100);
  }
  clearTimeout(timer);
  tell(text);
}
