/** Resources that workers share: how much there is, how much is in use, and who holds it. */

import { address, path, useAnswer } from "../api.js";
import { html } from "../html.js";
import { useHappenings } from "../live.js";
import { act, confirm } from "../parts/dialog.js";
import { Head } from "../parts/frame.js";
import { Empty, Meter, TaskLink, Trouble } from "../parts/pieces.js";
import { t } from "../words.js";

export default function Resources() {
  const answer = useAnswer("resources", {}, 1000);
  useHappenings(answer.again);
  const rows = /** @type {any[]} */ (answer.data ?? []);
  /** @param {any} row */
  const setAmount = async (row) => {
    const value = await confirm({
      title: t("resources.title", { what: row.name }),
      yes: t("resources.change"),
      field: { label: t("resources.amount"), value: String(row.total) },
    });
    if (value === null) return;
    await act(
      path`resources/${row.name}`,
      { method: "PUT", body: { amount: Number(value) } },
      t("resources.said", { n: Number(value), what: row.name }),
    );
    answer.again();
  };
  return html`<${Head} title=${t("place.resources")} twin=${address("resources")} /><${Trouble} error=${answer.error} />
    <div class="body">
      ${answer.data && !rows.length && html`<${Empty} title=${t("resources.none")}><p>${t("resources.none.text")}</p></${Empty}>`}
      ${rows.map(
        (row) =>
          html`<section key=${row.name} class="section">
            <div class="section-head">
              <h2 class="cut mono">${row.name}</h2>
              <span class="quiet">${t("resources.free", { used: row.used, total: row.total })}</span
              ><span class="grow"></span>
              <button class="button small" type="button" onClick=${() => setAmount(row)}>
                ${t("resources.change")}
              </button>
            </div>
            <div style="padding: 10px 0 4px">
              <${Meter} name=${row.name} used=${row.used} total=${row.total} />
            </div>
            <ul class="list">
              ${row.held_by.map(
                (/** @type {any} */ held) =>
                  html`<li key=${held.task_id}>
                    <div class="line">
                      <span class="grow cut"><${TaskLink} id=${held.task_id} /></span
                      ><span class="aside">${held.amount}</span>
                    </div>
                  </li>`,
              )}
            </ul>
          </section>`,
      )}
    </div>`;
}
