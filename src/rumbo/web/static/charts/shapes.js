/** The shapes of states on a canvas, the same as in tables, on a grid of 16 around a middle. */

import { colour } from "../theme.js";

const PATHS = /** @type {Record<string, Path2D>} */ ({});
const WRITTEN = /** @type {Record<string, string>} */ ({
  done: "M-5 .5-1.5 4 5-3.5",
  skipped: "M-5 .5-1.5 4 5-3.5",
  waiting: "M4.25 0a4.25 4.25 0 1 1-8.5 0a4.25 4.25 0 1 1 8.5 0",
  unknown: "M-4 0h2M-1 0h2M2 0h2",
  running: "M0-5.5A5.5 5.5 0 1 1-5.5 0",
  parked: "M-2.5-4.5v9M2.5-4.5v9",
  failed: "m-4-4 8 8M4-4l-8 8",
  retrying: "M5 0a5 5 0 1 1-1.6-3.7M5.2-6.2v3.4H1.8",
  disabled: "M-5-1.5h10v3h-10z",
  cancelled: "M-4 0h8",
});

/** @param {CanvasRenderingContext2D} context @param {string} look @param {number} x @param {number} y */
export function drawShape(context, look, x, y) {
  const path = (PATHS[look] ??= new Path2D(WRITTEN[look] ?? WRITTEN.unknown));
  context.save();
  context.translate(x, y);
  context.strokeStyle = colour(look);
  context.lineWidth = 1.75;
  context.lineCap = "round";
  context.stroke(path);
  context.restore();
}
