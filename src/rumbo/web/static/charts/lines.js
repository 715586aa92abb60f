/** Lines over time with axes, by uPlot; a table beside each says the same. */

import { html, useEffect, useRef } from "../html.js";
import { lasting } from "../format.js";
import { colour, onTheme } from "../theme.js";
import { language } from "../words.js";
import uPlot from "../vendor/uplot.js";

const style = document.createElement("link");
style.rel = "stylesheet";
style.href = new URL("../vendor/uplot.css", import.meta.url).href;
document.head.append(style);

/** @typedef {{ label: string, colour: string, values: (number | null)[], isBar?: boolean, scale?: string }} Series */

/** @param {{ times: number[], series: Series[], label: string, since: number, until: number, isDuration?: boolean }} props */
export function Lines({ times, series, label, since, until, isDuration = true }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    const element = /** @type {HTMLElement} */ (box.current);
    /** @type {any} */
    let plot = null;
    const paint = () => {
      plot?.destroy();
      plot = new uPlot(
        options(element, series, [since, until], isDuration),
        /** @type {any} */ ([times, ...series.map((each) => each.values)]),
        element,
      );
    };
    paint();
    const sizes = new ResizeObserver(() => plot?.setSize({ width: element.clientWidth, height: 200 }));
    sizes.observe(element);
    const forget = onTheme(paint);
    return () => {
      sizes.disconnect();
      forget();
      plot?.destroy();
    };
  }, [times, series, since, until]);
  return html`<div class="chart" ref=${box} role="img" aria-label=${label}></div>`;
}

/** Moments below the axis: of a day as times, of many as days; the year where it begins. @param {any} _ @param {number[]} moments @param {number} _axis @param {number} _space @param {number} step */
function dated(_, moments, _axis, _space, step) {
  return moments.map((at) => {
    const date = new Date(at * 1000);
    if (step < 86_400)
      return date.toLocaleTimeString(language(), { hour: "2-digit", minute: "2-digit", hour12: false });
    const isNewYear = date.getMonth() === 0 && date.getDate() <= 7;
    return date.toLocaleDateString(language(), {
      day: "numeric",
      month: "short",
      year: isNewYear && step > 86_400 ? "numeric" : undefined,
    });
  });
}

/** @param {HTMLElement} element @param {Series[]} series @param {[number, number]} range @param {boolean} isDuration */
function options(element, series, range, isDuration) {
  const axis = {
    stroke: colour("ink-2"),
    grid: { stroke: colour("line-2"), width: 1 },
    ticks: { stroke: colour("line"), width: 1 },
    font: "11px system-ui, sans-serif",
  };
  const written = (/** @type {any} */ _, /** @type {(number | null)[]} */ values) =>
    values.map((value) => (value == null ? "" : isDuration ? lasting(value) || "0s" : String(value)));
  return /** @type {any} */ ({
    width: element.clientWidth || 300,
    height: 200,
    legend: { live: false },
    cursor: { drag: { x: false, y: false } },
    scales: {
      x: { range: () => range },
      y: {
        range: (/** @type {any} */ _, /** @type {number} */ _least, /** @type {number} */ most) => [
          0,
          (most || 1) * 1.08,
        ],
      },
    },
    axes: [
      { ...axis, values: dated },
      { ...axis, size: 56, values: written },
    ],
    series: [
      {},
      ...series.map((each) => ({
        label: each.label,
        stroke: colour(each.colour),
        width: 1.5,
        fill: each.isBar ? colour(each.colour) : undefined,
        paths: each.isBar ? uPlot.paths.bars?.({ size: [0.7, 24] }) : undefined,
        points: { show: !each.isBar && each.values.length < 40, size: 5 },
      })),
    ],
  });
}
