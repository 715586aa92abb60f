/** History: how long tasks take and how often they fail, by family and over time; the slowest, the flakiest. */

import { address, useAnswer } from "../api.js";
import { Lines } from "../charts/lines.js";
import { grouped, lasting } from "../format.js";
import { html, useMemo, useState } from "../html.js";
import { Head } from "../parts/frame.js";
import { Empty, Moment, Search, Section, TaskLink, Trouble } from "../parts/pieces.js";
import { choose, href } from "../router.js";
import { t } from "../words.js";

const PERIODS = /** @type {Record<string, [number, number]>} */ ({
  "24h": [24, 1],
  "7d": [168, 6],
  "30d": [720, 24],
  "1y": [8760, 168],
});

/** @typedef {{ family: string, since: number, attempts: number, failed: number, mean: number, median: number, percentile_95: number, slowest: number }} Duration */
/** @typedef {{ family: string, attempts: number, failed: number, seconds: number, median: number, percentile_95: number, slowest: number, periods: Duration[] }} Total */

/** @param {{ place: import("../router.js").Place }} props */
export default function History({ place }) {
  const period = place.query.get("period") ?? "7d";
  const family = place.query.get("family") ?? "";
  const sort = place.query.get("sort") ?? "seconds";
  const [wanted, setWanted] = useState("");
  const [now] = useState(Math.floor(Date.now() / 1000 / 60) * 60);
  const [hours, step] = PERIODS[period] ?? PERIODS["7d"];
  const since = now - hours * 3600;
  const answer = useAnswer("statistics", { since, hours: step });
  const slowest = useAnswer("slowest", { since, family, limit: 15 });
  const totals = useMemo(() => sums(answer.data ?? []), [answer.data]);
  const order = /** @type {Record<string, (each: Total) => number>} */ ({
    seconds: (each) => each.seconds,
    attempts: (each) => each.attempts,
    failed: (each) => each.failed / each.attempts,
    median: (each) => each.median,
    p95: (each) => each.percentile_95,
    slowest: (each) => each.slowest,
  });
  const rows = totals
    .filter((each) => each.family.toLowerCase().includes(wanted.toLowerCase()))
    .sort((a, b) => (order[sort] ?? order.seconds)(b) - (order[sort] ?? order.seconds)(a));
  const shown = totals.find((each) => each.family === family) ?? rows[0];
  /** @param {string} name @param {string} title */
  const head = (name, title) =>
    html`<th class="right" aria-sort=${sort === name ? "descending" : undefined}>
      <button class="sorts" type="button" onClick=${() => choose({ sort: name })}>
        ${title}${sort === name ? " ↓" : ""}
      </button>
    </th>`;
  return html`<${Head}
      title=${t("place.history")}
      twin=${address("statistics", { since, hours: step })}
      actions=${Object.keys(PERIODS).map((each) => html`<button key=${each} class="chip" type="button" aria-pressed=${period === each} onClick=${() => choose({ period: each })}>${each}</button>`)}
    />
    <${Trouble} error=${answer.error} />
    <div class="body">
      ${answer.data && !totals.length && html`<${Empty} title=${t("history.none")}><p>${t("history.none.text")}</p></${Empty}>`}
      ${shown && html`<${Chart} total=${shown} since=${since} until=${now + 1800} />`}
      ${
        totals.length > 0 &&
        html`<${Section} title=${t("families")} count=${totals.length} aside=${totals.length > 8 && html`<${Search} value="" label=${t("search.history")} onInput=${setWanted} wait=${60} />`}><div class="scroll-x" tabindex="0"><table class="table">
        <thead><tr><th>${t("family")}</th>${head("attempts", t("history.attempts"))}${head("failed", t("history.failed"))}${head("median", t("history.median"))}${head("p95", t("history.p95"))}${head("slowest", t("history.slowest"))}${head("seconds", "Σ")}</tr></thead>
        <tbody>${rows.slice(0, 200).map(
          (each) =>
            html`<tr key=${each.family} class=${each === shown ? "at" : ""}>
              <td><a href=${href(["history"], { period, sort, family: each.family })}>${each.family}</a></td>
              <td class="right">${grouped(each.attempts)}</td>
              <td class=${`right ${each.failed ? "is-failed" : "quiet"}`}>${percent(each.failed / each.attempts)}</td>
              <td class="right">${lasting(each.median)}</td>
              <td class="right">${lasting(each.percentile_95)}</td>
              <td class="right">${lasting(each.slowest)}</td>
              <td class="right">${lasting(each.seconds)}</td>
            </tr>`,
        )}</tbody></table></div></${Section}>`
      }
      ${
        slowest.data?.length > 0 &&
        html`<${Section} title=${t("history.slow")}><ul class="list">${slowest.data.map(
          (/** @type {any} */ each) =>
            html`<li key=${`${each.run} ${each.task_id} ${each.number}`}>
              <div class="line">
                <span class="grow cut"><${TaskLink} id=${each.task_id} /></span
                ><span class="aside"><${Moment} at=${each.started} /></span
                ><b style="width: 72px" class="right">${lasting(each.seconds)}</b>
              </div>
            </li>`,
        )}</ul></${Section}>`
      }
    </div>`;
}

/** @param {number} part */
function percent(part) {
  return part ? `${part < 0.1 ? (part * 100).toFixed(1) : Math.round(part * 100)} %` : "0";
}

/** @param {Duration[]} rows @returns {Total[]} */
function sums(rows) {
  /** @type {Map<string, Total>} */
  const found = new Map();
  for (const row of rows) {
    const sum = found.get(row.family) ?? {
      family: row.family,
      attempts: 0,
      failed: 0,
      seconds: 0,
      median: 0,
      percentile_95: 0,
      slowest: 0,
      periods: [],
    };
    // Medians of periods are weighed by their attempts: near enough, and said to be within a factor of two anyway.
    sum.median = (sum.median * sum.attempts + row.median * row.attempts) / (sum.attempts + row.attempts);
    sum.percentile_95 = Math.max(sum.percentile_95, row.percentile_95);
    sum.slowest = Math.max(sum.slowest, row.slowest);
    sum.attempts += row.attempts;
    sum.failed += row.failed;
    sum.seconds += row.mean * row.attempts;
    sum.periods.push(row);
    found.set(row.family, sum);
  }
  return [...found.values()];
}

/** @param {{ total: Total, since: number, until: number }} props */
function Chart({ total, since, until }) {
  const times = useMemo(() => total.periods.map((each) => each.since), [total]);
  const durations = useMemo(
    () => [
      { label: t("history.median"), colour: "accent", values: total.periods.map((each) => each.median) },
      { label: t("history.p95"), colour: "ink-3", values: total.periods.map((each) => each.percentile_95) },
    ],
    [total],
  );
  const attempts = useMemo(
    () => [
      { label: t("history.attempts"), colour: "done", values: total.periods.map((each) => each.attempts), isBar: true },
      { label: t("history.failed"), colour: "failed", values: total.periods.map((each) => each.failed), isBar: true },
    ],
    [total],
  );
  return html`<div class="columns"><${Section} title=${t("history.over", { family: total.family })}><${Lines} times=${times} series=${durations} since=${since} until=${until} label=${total.family} /></${Section}>
    <${Section} title=${t("history.attempts")}><${Lines} times=${times} series=${attempts} since=${since} until=${until} label=${t("history.attempts")} isDuration=${false} /></${Section}></div>`;
}
