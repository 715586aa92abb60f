/** What a task made and read: where, how large and how old, what has become of it since, and a look into it. */

import { address, ask, path, useAnswer } from "../api.js";
import { exactly, grouped } from "../format.js";
import { html, useEffect, useState } from "../html.js";
import { useHappenings } from "../live.js";
import { t } from "../words.js";
import { href } from "../router.js";
import { Ago, Copy, Section } from "./pieces.js";
import { Shape, State } from "./state.js";

/** Tasks whose things are shown before somebody asks for more. */
const FEW = 5;

/**
 * @typedef {{ address: string, size: number | null, modified: number | null, fate: "there" | "changed" | "gone" | "unknown",
 *   size_now: number | null, modified_now: number | null, shown_as: "text" | "table" | "image" | null }} Artifact
 * @typedef {{ task_id: string, family: string, state: string, run: string, attempt: number, at: number | null,
 *   artifacts: Artifact[], more: number }} Made
 * @typedef {{ kind: "text" | "table" | "image", text: string, columns: string[], rows: string[][], is_cut: boolean,
 *   total: number | null }} Preview
 */

/** @param {{ id: string, folder: string, state: string }} props */
export function Artifacts({ id, folder, state }) {
  const told = useAnswer(path`tasks/${id}/artifacts`, {}, 2000);
  const [isAll, setAll] = useState(false);
  const data = /** @type {{ outputs: Made, inputs: Made[], more_inputs: number } | undefined} */ (told.data);
  useEffect(() => told.again(), [state]);
  useHappenings((events) => {
    const near = new Set([id, ...(data?.inputs ?? []).map((each) => each.task_id)]);
    const is_news = (/** @type {import("../live.js").Happening} */ each) =>
      each.kind === "missed" || (each.kind === "attempt" && each.task !== undefined && near.has(each.task));
    if (events.some(is_news)) told.again();
  });
  if (!data) return null;
  const { outputs } = data;
  const inputs = data.inputs.filter((each) => each.artifacts.length);
  const count = inputs.reduce((all, each) => all + each.artifacts.length, outputs.artifacts.length);
  if (!count)
    return html`<${Section} title=${t("artifacts")}><div class="empty">${t("artifacts.none")}</div></${Section}>`;
  const shown = isAll ? inputs : inputs.slice(0, FEW);
  const left = inputs.length - shown.length;
  return html`<${Section} title=${t("artifacts")} count=${grouped(count)} aside=${html`<a href=${address(path`tasks/${id}/artifacts`)} target="_blank" rel="noopener">JSON</a>`}>
    <div class="scroll-x" tabindex="0"><table class="table artifacts">
      <thead><tr><th>${t("address")}</th><th>${t("task")}</th><th class="right">${t("size")}</th><th>${t("written")}</th><th>${t("since.then")}</th><th></th></tr></thead>
      <${Things} made=${outputs} folder=${folder} title=${t("outputs")} />
      ${shown.map(
        (each, place) =>
          html`<${Things}
            key=${each.task_id}
            made=${each}
            folder=${folder}
            title=${place ? null : t("inputs")}
            isOthers=${true}
          />`,
      )}
    </table></div>
    ${left > 0 && html`<button class="button plain" type="button" onClick=${() => setAll(true)}>${t("n.more", { n: left })}</button>`}
    ${data.more_inputs > 0 && html`<p class="quiet">${t("inputs.more", { n: data.more_inputs })}</p>`}
  </${Section}>`;
}

/** The rows of what one task made. @param {{ made: Made, folder: string, title: string | null, isOthers?: boolean }} props */
function Things({ made, folder, title, isOthers = false }) {
  if (!made.artifacts.length) return null;
  return html`<tbody>
    ${
      title !== null &&
      html`<tr class="group">
        <th colspan="6" scope="rowgroup">${title}</th>
      </tr>`
    }
    ${made.artifacts.map(
      (each, place) =>
        html`<${Thing}
          key=${each.address}
          thing=${each}
          made=${made}
          place=${place}
          folder=${folder}
          isNamed=${isOthers && !place}
        />`,
    )}
    ${
      made.more > 0 &&
      html`<tr class="group">
        <td colspan="6">${t("n.more", { n: made.more })}</td>
      </tr>`
    }
  </tbody>`;
}

/** @param {{ thing: Artifact, made: Made, place: number, folder: string, isNamed: boolean }} props */
function Thing({ thing, made, place, folder, isNamed }) {
  const [isOpen, setOpen] = useState(false);
  const name = `look-${made.task_id}-${place}`;
  const since =
    thing.modified_now != null && thing.size_now != null
      ? t("artifact.now", { size: grouped(thing.size_now), time: exactly(thing.modified_now) })
      : undefined;
  return html`<tr class="thing">
      <td class="address">
        <span class="copied"
          ><span class="mono cut" title=${thing.address}>${within(thing.address, folder)}</span
          ><${Copy} text=${thing.address}
        /></span>
      </td>
      <td class="maker">
        ${
          isNamed &&
          html`<span class="state"
            ><${Shape} state=${made.state} /><a class="cut" href=${href(["tasks", made.task_id])} title=${made.task_id}
              >${made.family}</a
            ></span
          >`
        }
      </td>
      <td class="right nowrap">${thing.size != null && `${grouped(thing.size)} B`}</td>
      <td>${thing.modified != null && html`<${Ago} at=${thing.modified} />`}</td>
      <td title=${since}><${Fate} fate=${thing.fate} /></td>
      <td class="right">
        ${
          thing.shown_as &&
          html`<button
            class="button small"
            type="button"
            aria-expanded=${isOpen}
            aria-controls=${name}
            aria-label=${t(isOpen ? "look.close.at" : "look.at", { what: thing.address })}
            onClick=${() => setOpen(!isOpen)}
          >
            ${t(isOpen ? "close" : "look")}
          </button>`
        }
      </td>
    </tr>
    ${
      isOpen &&
      html`<tr class="look" id=${name}>
        <td colspan="6"><${Look} task=${made.task_id} place=${place} thing=${thing} /></td>
      </tr>`
    }`;
}

/** What has become of it: nothing is said of what nobody sees. @param {{ fate: Artifact["fate"] }} props */
function Fate({ fate }) {
  if (fate === "unknown") return html`<span class="quiet" title=${t("fate.unknown")}>–</span>`;
  if (fate === "there") return html`<span class="quiet nowrap">${t("fate.there")}</span>`;
  return fate === "changed"
    ? html`<${State} state="disabled" word=${t("fate.changed")} />`
    : html`<${State} state="failed" word=${t("fate.gone")} />`;
}

/** A look into a file. @param {{ task: string, place: number, thing: Artifact }} props */
function Look({ task, place, thing }) {
  const [found, set] = useState(/** @type {{ preview?: Preview, error?: import("../api.js").Refusal }} */ ({}));
  const where = path`tasks/${task}/artifacts/${place}`;
  useEffect(() => {
    const control = new AbortController();
    ask(where, { signal: control.signal }).then(
      (preview) => set({ preview }),
      (error) => error.name === "AbortError" || set({ error }),
    );
    return () => control.abort();
  }, [where, thing.modified_now]);
  const { preview, error } = found;
  if (error) return html`<div class="quiet" role="alert">${error.message || t("no.server")}</div>`;
  if (!preview) return html`<div class="quiet">…</div>`;
  const many =
    preview.kind === "table" && preview.total != null
      ? t("look.rows.of", { n: preview.rows.length, all: preview.total })
      : preview.is_cut && t("look.cut");
  return html`<div>
    ${preview.kind === "image" ? html`<${Picture} task=${task} place=${place} thing=${thing} />` : preview.kind === "table" ? html`<${Rows} preview=${preview} what=${thing.address} />` : html`<${Lines} text=${preview.text} what=${thing.address} />`}
    ${many && html`<p class="quiet">${many}</p>`}
  </div>`;
}

/** @param {{ task: string, place: number, thing: Artifact }} props */
function Picture({ task, place, thing }) {
  const [isBroken, setBroken] = useState(false);
  if (isBroken) return html`<div class="quiet">${t("look.no.picture")}</div>`;
  // The moment in the address brings the picture anew when it was changed.
  const source = address(path`tasks/${task}/artifacts/${place}/image`, { at: thing.modified_now });
  return html`<img class="picture" src=${source} alt=${thing.address} onError=${() => setBroken(true)} />`;
}

/** @param {{ preview: Preview, what: string }} props */
function Rows({ preview, what }) {
  const numbers = preview.columns.map((_, place) =>
    preview.rows.every((row) => /^(-?\d[\d,.]*(e[+-]?\d+)?)?$/i.test(row[place] ?? "")),
  );
  const side = (/** @type {number} */ place) => (numbers[place] ? "right" : "");
  return html`<div class="looked" tabindex="0" role="region" aria-label=${what}>
    <table class="table">
      <thead>
        <tr>
          ${preview.columns.map((name, place) => html`<th key=${place} class=${side(place)}>${name}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${preview.rows.map(
          (row, number) =>
            html`<tr key=${number}>
              ${row.map((value, place) => html`<td key=${place} class=${side(place)}>${value}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

/** @param {{ text: string, what: string }} props */
function Lines({ text, what }) {
  if (!text) return html`<div class="quiet">${t("look.empty")}</div>`;
  return html`<div class="log">
    <pre class="lines" tabindex="0" role="region" aria-label=${what}>${text}</pre>
  </div>`;
}

/** An address as from the folder of the run, where it lies below that. @param {string} address @param {string} folder */
function within(address, folder) {
  return folder && address.startsWith(`${folder}/`) ? address.slice(folder.length + 1) : address;
}
