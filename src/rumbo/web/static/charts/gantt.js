/** A run over time: a lane for each place of a worker, a bar for each attempt, and the critical path outlined. */

import { lasting, moment } from "../format.js";
import { html, useEffect, useRef, useState } from "../html.js";
import { Icon } from "../parts/icons.js";
import { look } from "../parts/state.js";
import { colour } from "../theme.js";
import { named, t } from "../words.js";
import { pilot, stage } from "./stage.js";

/**
 * @typedef {{ since: number, until: number, workers: string[], lanes: number[], tasks: string[], families: string[], numbers: number[],
 *   outcomes: string[], started: number[], seconds: (number | null)[], critical: string[], is_cut: boolean }} Timeline
 */

const LANE = 20;
const TOP = 28;
const LEFT = 120;

/** @param {{ timeline: Timeline, title: string, onOpen: (task: string) => void }} props */
export function Gantt({ timeline, title, onOpen }) {
  const canvas = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const [tip, setTip] = useState(/** @type {{ x: number, y: number, text: string } | null} */ (null));
  // What is shown: `x` in seconds after the beginning, `scale` in pixels a second, `y` in pixels.
  const mine = useRef({
    view: { x: 0, y: 0, scale: 0, least: 0, most: 1e5 },
    timeline,
    over: -1,
    pointer: LEFT,
    redraw: () => {},
    fit: () => {},
    open: onOpen,
  });
  mine.current.timeline = timeline;
  mine.current.open = onOpen;
  useEffect(() => mine.current.redraw(), [timeline]);

  useEffect(() => {
    const at = mine.current;
    const element = /** @type {HTMLCanvasElement} */ (canvas.current);
    const { view } = at;
    let isFitted = true;
    const scene = stage(element, (context, width, height) => {
      const length = Math.max(at.timeline.until - at.timeline.since, 0.001);
      const whole = (width - LEFT - 24) / length;
      view.least = whole / 2;
      if (isFitted) [view.x, view.y, view.scale] = [0, 0, whole];
      const lowest = at.timeline.workers.length * LANE + TOP + 16 - height;
      view.y = Math.min(Math.max(view.y, 0), Math.max(lowest, 0));
      draw(context, width, height, at.timeline, view, at.over);
    });
    at.redraw = scene.redraw;
    at.fit = () => {
      isFitted = true;
      scene.redraw();
    };
    // The pilot moves both directions alike; here the vertical one is in pixels, whatever the scale.
    const shared = { x: 0, y: 0, scale: 1, least: 1e-9, most: 1e9 };
    pilot(
      element,
      shared,
      () => {
        isFitted = false;
        if (shared.scale !== 1) {
          const middle = at.pointer - LEFT;
          const scale = Math.min(Math.max(view.scale * shared.scale, view.least), view.most);
          view.x += middle / view.scale - middle / scale;
          view.scale = scale;
        } else {
          view.x += shared.x / view.scale;
          view.y += shared.y;
        }
        Object.assign(shared, { x: 0, y: 0, scale: 1 });
        scene.redraw();
      },
      (x, y) => {
        const bar = hit(at.timeline, view, x, y);
        if (bar >= 0) at.open(at.timeline.tasks[bar]);
      },
    );
    /** @param {PointerEvent} event */
    const hover = (event) => {
      at.pointer = event.offsetX;
      const bar = event.buttons ? -1 : hit(at.timeline, view, event.offsetX, event.offsetY);
      element.style.cursor = bar >= 0 ? "pointer" : "default";
      if (bar === at.over) return;
      at.over = bar;
      setTip(
        bar < 0
          ? null
          : {
              x: Math.min(event.offsetX + 12, element.clientWidth - 260),
              y: event.offsetY + 16,
              text: describe(at.timeline, bar),
            },
      );
      scene.redraw();
    };
    element.addEventListener("pointermove", hover);
    return () => {
      scene.end();
      element.removeEventListener("pointermove", hover);
    };
  }, []);

  const height = Math.min(Math.max(timeline.workers.length * LANE + TOP + 48, 160), 640);
  return html`<div class="canvas-box" style=${{ flex: "none", height: `${height}px`, minHeight: "0" }}>
    <canvas ref=${canvas} tabindex="0" role="img" aria-label=${title}></canvas>
    <div class="corner" style="left: auto; right: 12px">
      <button class="button" type="button" title=${t("fit")} aria-label=${t("fit")} onClick=${() => mine.current.fit()}>
        <${Icon} name="fit" />
      </button>
    </div>
    ${tip && html`<div class="tip" style=${{ left: `${tip.x}px`, top: `${tip.y}px`, whiteSpace: "pre-line" }}>${tip.text}</div>`}
  </div>`;
}

/** @param {Timeline} timeline @param {number} bar */
function describe(timeline, bar) {
  const took = timeline.seconds[bar];
  return `${timeline.tasks[bar]}\n${named("outcome", timeline.outcomes[bar])}, ${took === null ? t("state.running") : lasting(took)}, ${moment(timeline.started[bar])}\n${timeline.workers[timeline.lanes[bar]]}`;
}

/** @param {Timeline} timeline @param {number} bar */
function lengthOf(timeline, bar) {
  return timeline.seconds[bar] ?? Math.max(timeline.until - timeline.started[bar], 0);
}

/** @param {Timeline} timeline @param {any} view @param {number} x @param {number} y */
function hit(timeline, view, x, y) {
  const lane = Math.floor((y - TOP + view.y) / LANE);
  const at = timeline.since + view.x + (x - LEFT) / view.scale;
  const slack = 2 / view.scale;
  if (x < LEFT) return -1;
  for (let bar = 0; bar < timeline.tasks.length; bar++) {
    if (
      timeline.lanes[bar] === lane &&
      at >= timeline.started[bar] - slack &&
      at <= timeline.started[bar] + lengthOf(timeline, bar) + slack
    )
      return bar;
  }
  return -1;
}

/** @param {CanvasRenderingContext2D} context @param {number} width @param {number} height @param {Timeline} timeline @param {any} view @param {number} over */
function draw(context, width, height, timeline, view, over) {
  context.font = "11px system-ui, sans-serif";
  context.textBaseline = "middle";
  drawTimes(context, width, height, view);
  const critical = new Set(timeline.critical);
  const first = Math.floor(view.y / LANE);
  const last = Math.ceil((view.y + height - TOP) / LANE);
  context.save();
  context.beginPath();
  context.rect(LEFT, TOP - 4, width - LEFT, height);
  context.clip();
  for (let bar = 0; bar < timeline.tasks.length; bar++) {
    const lane = timeline.lanes[bar];
    if (lane < first || lane > last) continue;
    const x = LEFT + (timeline.started[bar] - timeline.since - view.x) * view.scale;
    const long = Math.max(lengthOf(timeline, bar) * view.scale, 1.5);
    if (x > width || x + long < LEFT) continue;
    const y = TOP + lane * LANE - view.y + 3;
    context.fillStyle = colour(look(timeline.outcomes[bar]));
    context.globalAlpha = bar === over ? 1 : 0.85;
    context.fillRect(x, y, long > 3 ? long - 1 : long, LANE - 6);
    context.globalAlpha = 1;
    if (critical.has(timeline.tasks[bar])) {
      context.strokeStyle = colour("ink");
      context.lineWidth = 1.5;
      context.strokeRect(x, y - 0.5, long - 1, LANE - 5);
    }
    if (long > 60) {
      context.save();
      context.beginPath();
      context.rect(x, y, long - 6, LANE);
      context.clip();
      context.fillStyle = colour("paper");
      context.fillText(timeline.families[bar], x + 5, y + LANE / 2 - 3);
      context.restore();
    }
  }
  context.restore();
  drawWorkers(context, height, timeline, view, first, last);
}

/** @param {CanvasRenderingContext2D} context @param {number} height @param {Timeline} timeline @param {any} view @param {number} first @param {number} last */
function drawWorkers(context, height, timeline, view, first, last) {
  context.save();
  context.beginPath();
  context.rect(0, TOP - 4, LEFT - 8, height);
  context.clip();
  for (let lane = Math.max(first, 0); lane <= Math.min(last, timeline.workers.length - 1); lane++) {
    const y = TOP + lane * LANE - view.y;
    if (lane === 0 || timeline.workers[lane] !== timeline.workers[lane - 1]) {
      context.fillStyle = colour("ink-2");
      context.fillText(timeline.workers[lane], 16, y + LANE / 2);
    }
  }
  context.restore();
}

const STEPS = [
  0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200,
  14_400, 21_600, 43_200, 86_400, 172_800, 604_800,
];

/** @param {CanvasRenderingContext2D} context @param {number} width @param {number} height @param {any} view */
function drawTimes(context, width, height, view) {
  const step = STEPS.find((each) => each * view.scale > 84) ?? STEPS[STEPS.length - 1];
  context.strokeStyle = colour("line-2");
  context.lineWidth = 1;
  context.fillStyle = colour("ink-2");
  for (let at = Math.max(Math.ceil(view.x / step) * step, 0); ; at += step) {
    const x = Math.round(LEFT + (at - view.x) * view.scale) + 0.5;
    if (x > width) break;
    context.beginPath();
    context.moveTo(x, 20);
    context.lineTo(x, height);
    context.stroke();
    context.fillText(`+${at === 0 ? "0s" : lasting(at)}`, x + 3, 12);
  }
}
