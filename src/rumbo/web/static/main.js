/** Begins: finds out who is here, and shows the page that the address asks for. */

import { ask, Refusal, useAnswer, whenAsked } from "./api.js";
import { html, render, useErrorBoundary, useEffect, useState } from "./html.js";
import { useHappenings } from "./live.js";
import { act, Voice } from "./parts/dialog.js";
import { Frame, Head } from "./parts/frame.js";
import { KeyList, useKeys } from "./parts/keys.js";
import { Empty } from "./parts/pieces.js";
import { followLinks, go, href, translateLuigi, usePlace } from "./router.js";
import "./theme.js";
import { t, told } from "./words.js";

/** Pages by the first word of the address; each is fetched when it is first shown. @type {Record<string, () => Promise<any>>} */
const PAGES = {
  now: () => import("./pages/now.js"),
  runs: () => import("./pages/runs.js"),
  run: () => import("./pages/run.js"),
  tasks: () => import("./pages/tasks.js"),
  task: () => import("./pages/task.js"),
  graph: () => import("./pages/graph.js"),
  grid: () => import("./pages/grid.js"),
  workers: () => import("./pages/workers.js"),
  resources: () => import("./pages/resources.js"),
  history: () => import("./pages/history.js"),
  settings: () => import("./pages/settings.js"),
  "sign-in": () => import("./pages/sign-in.js"),
};

/** @typedef {{ user: string | null, role: string | null, asks: boolean }} Session */

/** @param {string[]} path */
function pageOf(path) {
  const [first = "now", second] = path;
  if (second !== undefined && first === "runs") return "run";
  if (second !== undefined && first === "tasks") return "task";
  return first in PAGES ? first : "";
}

/** @param {{ session: Session }} props */
function App({ session }) {
  const place = usePlace();
  const name = pageOf(place.path);
  const [pages, setPages] = useState(/** @type {Record<string, any>} */ ({}));
  const [areKeysShown, setKeysShown] = useState(false);
  useKeys(() => setKeysShown(true));
  useEffect(() => {
    if (name && !pages[name]) PAGES[name]().then((module) => setPages((old) => ({ ...old, [name]: module.default })));
  }, [name]);
  const Page = pages[name];
  if (name === "sign-in") return html`${Page && html`<${Page} />`}<${Voice} />`;
  const at = { run: "runs", task: "tasks" }[name] ?? name;
  return html`<${Frame} at=${at} page=${place.path.join("/")} user=${(session.asks && session.user) || ""} showKeys=${() => setKeysShown(true)}>
      <${Standing} />
      ${name === "" && html`<${Head} title=${t("no.page")} /><div class="body"><${Empty} title=${t("no.page")}><a href=${href([])}>${t("place.now")}</a></${Empty}></div>`}
      ${Page && html`<${Guarded} key=${place.path.join("/")}><${Page} key=${place.path.join("/")} place=${place} session=${session} /></${Guarded}>`}
    </${Frame}>
    ${areKeysShown && html`<${KeyList} close=${() => setKeysShown(false)} />`}
    <${Voice} />`;
}

/** What concerns everybody, whatever they look at: that nothing is given out, or that nothing can be written. */
function Standing() {
  const { data, again } = useAnswer("status", {}, 2000);
  useHappenings(again);
  useEffect(() => {
    addEventListener("rumbo:status", again);
    return () => removeEventListener("rumbo:status", again);
  }, [again]);
  if (!data) return null;
  return html`${data.trouble && html`<div class="notice" role="alert">${told(data.trouble)}</div>`}
  ${
    data.is_paused &&
    html`<div class="notice mild toolbar" role="status">
      <span class="grow">${t("paused.notice")}</span>
      <button
        class="button small"
        onClick=${async () => {
          await act("resume", {}, t("resumed"));
          dispatchEvent(new Event("rumbo:status"));
        }}
      >
        ${t("resume")}
      </button>
    </div>`
  }`;
}

/** @param {{ children?: any }} props */
function Guarded({ children }) {
  const [error] = useErrorBoundary((error) => console.error(error));
  return error
    ? html`<${Head} title=${t("broken")} />
        <div class="body"><pre class="trace">${String(error.stack ?? error)}</pre></div>`
    : children;
}

async function begin() {
  followLinks();
  translateLuigi();
  whenAsked(() => {
    const now = location.href;
    if (!location.pathname.endsWith("/sign-in")) go(href(["sign-in"], { then: now }));
  });
  /** @type {Session} */
  let session = { user: null, role: null, asks: false };
  try {
    session = await ask("session");
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (error.status === 401) go(href(["sign-in"], { then: location.href }), true);
  }
  if (session.asks && !session.role) go(href(["sign-in"], { then: location.href }), true);
  const root = document.getElementById("page");
  if (root) render(html`<${App} session=${session} />`, root);
}

begin();
