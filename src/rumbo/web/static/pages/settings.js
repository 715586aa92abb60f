/** Settings: who you are, how the pages look, which version this is, and the configuration in force. */

import { address, ask, useAnswer } from "../api.js";
import { exactly } from "../format.js";
import { html, useState } from "../html.js";
import { useListing } from "../listing.js";
import { Head } from "../parts/frame.js";
import { sayRefused } from "../parts/dialog.js";
import { Ago, Moment, RunLink, Search, Section, TaskLink, Trouble } from "../parts/pieces.js";
import { State } from "../parts/state.js";
import { href } from "../router.js";
import { theme, turnTheme } from "../theme.js";
import { LANGUAGES, language, named, speak, t, told } from "../words.js";
import { settings as spanish } from "../words/settings.es.js";

/** What a setting is for. @param {any} row */
function helpOf(row) {
  return (language() === "es" && spanish[`${row.section}.${row.key}`]) || row.help;
}

/** Who may ask this server for what. */
function Tokens() {
  const answer = useAnswer("tokens");
  const rows = /** @type {any[]} */ (answer.data ?? []);
  return html`<${Section} title=${t("tokens")} count=${rows.length}>${
    rows.length
      ? html`<div class="scroll-x" tabindex="0">
          <table class="table">
            <thead>
              <tr>
                <th>${t("who")}</th>
                <th>${t("role")}</th>
                <th>${t("created")}</th>
                <th>${t("expires")}</th>
              </tr>
            </thead>
            <tbody>
              ${rows.map(
                (row) =>
                  html`<tr key=${row.id}>
                    <td>${row.name}</td>
                    <td>${row.role}</td>
                    <td><${Moment} at=${row.created} /></td>
                    <td>${row.revoked ? t("revoked") : html`<${Moment} at=${row.expires} />`}</td>
                  </tr>`,
              )}
            </tbody>
          </table>
        </div>`
      : html`<div class="empty">${answer.data && t("tokens.none")}</div>`
  }</${Section}>`;
}

/** What could not be told yet, and to whom. */
function Alerts() {
  const answer = useAnswer("alerts");
  const rows = /** @type {any[]} */ (answer.data ?? []);
  if (!answer.data) return null;
  return html`<${Section} title=${t("alerts")} count=${rows.length || ""}>${
    rows.length
      ? html`<div class="scroll-x" tabindex="0">
          <table class="table">
            <thead>
              <tr>
                <th>${t("run.what")}</th>
                <th>${t("task")}</th>
                <th>${t("alerts.receiver")}</th>
                <th>${t("alerts.next")}</th>
                <th class="right">${t("alerts.tries")}</th>
                <th>${t("reason")}</th>
              </tr>
            </thead>
            <tbody>
              ${rows.map(
                (row) =>
                  html`<tr key=${`${row.receiver} ${row.event} ${row.at} ${row.task}`}>
                    <td class="nowrap" title=${exactly(row.at)}>
                      <${State}
                        state=${row.status === "waiting" ? "retrying" : "failed"}
                        word=${named("event", row.event)}
                      />
                    </td>
                    <td>
                      ${row.task ? html`<${TaskLink} id=${row.task} />` : row.run ? html`<${RunLink} id=${row.run} />` : html`<span class="mono">${row.worker}</span>`}
                    </td>
                    <td class="mono">${row.receiver}</td>
                    <td class="nowrap">
                      ${row.status === "given_up" ? t("alerts.given_up") : html`<${Moment} at=${row.due} />`}
                    </td>
                    <td class="right">${row.tries}</td>
                    <td class="mono quiet" style="overflow-wrap: anywhere">${row.error}</td>
                  </tr>`,
              )}
            </tbody>
          </table>
        </div>`
      : html`<div class="empty">${t("alerts.none")}</div>`
  }</${Section}>`;
}

/** Who changed what, or was refused. */
function Audit() {
  const list = useListing("audit", {}, (/** @type {any} */ row) => row.id, { page: 100, most: 100 });
  return html`<${Section} title=${t("audit")}>${
    list.rows.length
      ? html`<div class="scroll-x" tabindex="0">
            <table class="table">
              <thead>
                <tr>
                  <th>${t("started")}</th>
                  <th>${t("who")}</th>
                  <th>${t("role")}</th>
                  <th></th>
                  <th></th>
                  <th class="right">${t("outcome")}</th>
                </tr>
              </thead>
              <tbody>
                ${list.rows.map(
                  (row) =>
                    html`<tr key=${row.id}>
                      <td><${Moment} at=${row.at} /></td>
                      <td>${told(row.who)}</td>
                      <td>${row.role}</td>
                      <td class="mono">${row.method} ${row.path}</td>
                      <td class="mono quiet">${row.summary}</td>
                      <td class=${`right ${row.outcome >= 400 ? "is-failed" : ""}`}>${row.outcome}</td>
                    </tr>`,
                )}
              </tbody>
            </table>
          </div>
          ${list.next && html`<button class="button plain" type="button" onClick=${list.more}>…</button>`}`
      : html`<div class="empty">${list.isLoaded && t("audit.none")}</div>`
  }</${Section}>`;
}

/** @param {{ session: import("../main.js").Session }} props */
export default function Settings({ session }) {
  const status = useAnswer("status");
  const rows = useAnswer("configuration");
  const [look, setLook] = useState(theme());
  const [wanted, setWanted] = useState("");
  const out = async () => {
    try {
      await ask("session", { method: "DELETE" });
      location.href = href(["sign-in"]);
    } catch (error) {
      sayRefused(error);
    }
  };
  const turn = () => {
    turnTheme();
    setLook(theme());
  };
  const found = /** @type {any[]} */ (rows.data ?? []).filter((row) =>
    `${row.section}.${row.key} ${row.value} ${helpOf(row)}`.toLowerCase().includes(wanted.toLowerCase()),
  );
  const sections = [...new Set(found.map((row) => row.section))];
  return html`<${Head} title=${t("place.settings")} twin=${address("configuration")} /><${Trouble} error=${rows.error} />
    <div class="body"><div class="columns">
      <${Section} title=${t("settings.you")}><dl class="facts" style="padding-top: 10px; align-items: center">
        ${
          session.user &&
          html`<dt>${t("user")}</dt>
            <dd>
              ${told(session.user)} ${session.role && `(${session.role})`}
              ${session.asks && html`<button class="button small" type="button" onClick=${out}>${t("session.out")}</button>`}
            </dd>`
        }
        <dt>Language · Idioma</dt><dd><select class="field" aria-label="Language" value=${language()} onChange=${(/** @type {any} */ event) => speak(event.target.value)}>${Object.entries(LANGUAGES).map(([code, name]) => html`<option key=${code} value=${code}>${name}</option>`)}</select></dd>
        <dt>${t("theme", { which: "" })}</dt><dd><button class="button" type="button" onClick=${turn}>${named("theme", look)}</button></dd></dl></${Section}>
      <${Section} title=${t("version")}><dl class="facts" style="padding-top: 10px"><dt>Rumbo</dt><dd>${status.data?.version}</dd>
        <dt>${t("started")}</dt><dd>${status.data && html`<${Ago} at=${status.data.started} />`}</dd>
        <dt>API</dt><dd><a href=${address("docs")} target="_blank" rel="noopener">api/v1/docs</a> · <a href=${address("openapi.json")} target="_blank" rel="noopener">openapi.json</a> · <a href=${new URL("metrics", document.baseURI).href} target="_blank" rel="noopener">metrics</a></dd></dl></${Section}></div>
      <${Alerts} />
      ${session.role === "admin" && session.asks && html`<${Tokens} /><${Audit} />`}
      <${Section} title=${t("settings.in.force")} aside=${html`<${Search} value="" label=${t("search.settings")} onInput=${setWanted} wait=${60} />`}>
        <div class="scroll-x" tabindex="0"><table class="table"><thead><tr><th>${t("setting")}</th><th>${t("value")}</th><th>${t("origin")}</th><th class="wide"></th></tr></thead>
        ${sections.map(
          (section) =>
            html`<tbody key=${section}>
              ${found
                .filter((row) => row.section === section)
                .map(
                  (row) =>
                    html`<tr key=${row.key}>
                      <td class="mono nowrap">${section}.${row.key}</td>
                      <td class="mono" style="overflow-wrap: anywhere">${row.value}</td>
                      <td class=${row.origin === "default" ? "quiet" : "mono"}>${named("origin", row.origin)}</td>
                      <td class="quiet wide">${helpOf(row)}</td>
                    </tr>`,
                )}
            </tbody>`,
        )}</table></div></${Section}></div>`;
}
