/** A canvas that is as large as its place, sharp on every screen, and drawn again when something changed. */

import { onTheme } from "../theme.js";

/**
 * Keep a canvas in shape.
 * @param {HTMLCanvasElement} canvas
 * @param {(context: CanvasRenderingContext2D, width: number, height: number) => void} draw in pixels of the page
 * @returns {{ redraw: () => void, end: () => void }}
 */
export function stage(canvas, draw) {
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  let frame = 0;
  const paint = () => {
    frame = 0;
    const ratio = devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = canvas;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    draw(context, width, height);
  };
  const redraw = () => {
    frame ||= requestAnimationFrame(paint);
  };
  const sizes = new ResizeObserver(redraw);
  sizes.observe(canvas);
  const forget = onTheme(redraw);
  return {
    redraw,
    end() {
      cancelAnimationFrame(frame);
      sizes.disconnect();
      forget();
    },
  };
}

/**
 * Move and enlarge what a canvas shows: drag or wheel, two fingers, and keys.
 * @param {HTMLElement} element
 * @param {{ x: number, y: number, scale: number, least: number, most: number }} view is changed
 * @param {() => void} changed
 * @param {(x: number, y: number) => void} clicked
 */
export function pilot(element, view, changed, clicked) {
  /** @type {Map<number, { x: number, y: number }>} */
  const fingers = new Map();
  let far = 0;
  /** @param {number} x @param {number} y @param {number} factor */
  const zoom = (x, y, factor) => {
    const scale = Math.min(Math.max(view.scale * factor, view.least), view.most);
    view.x += x / view.scale - x / scale;
    view.y += y / view.scale - y / scale;
    view.scale = scale;
    changed();
  };
  /** @param {PointerEvent} event */
  const down = (event) => {
    fingers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
    far = 0;
    element.setPointerCapture(event.pointerId);
  };
  /** @param {PointerEvent} event */
  const move = (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const now = { x: event.offsetX, y: event.offsetY };
    far += Math.abs(now.x - before.x) + Math.abs(now.y - before.y);
    if (fingers.size === 2) {
      const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1] ?? before;
      const was = Math.hypot(before.x - other.x, before.y - other.y);
      const is = Math.hypot(now.x - other.x, now.y - other.y);
      if (was > 0) zoom((now.x + other.x) / 2, (now.y + other.y) / 2, is / was);
    } else if (far > 3) {
      view.x -= (now.x - before.x) / view.scale;
      view.y -= (now.y - before.y) / view.scale;
      changed();
    }
    fingers.set(event.pointerId, now);
  };
  /** @param {PointerEvent} event */
  const up = (event) => {
    if (fingers.delete(event.pointerId) && far <= 3) clicked(event.offsetX, event.offsetY);
  };
  /** @param {PointerEvent} event */
  const lost = (event) => void fingers.delete(event.pointerId);
  /** @param {WheelEvent} event */
  const wheel = (event) => {
    event.preventDefault();
    const lines = event.deltaMode ? 16 : 1;
    if (event.ctrlKey || !event.shiftKey) zoom(event.offsetX, event.offsetY, Math.exp(-event.deltaY * lines * 0.0015));
    else {
      view.x += ((event.deltaX || event.deltaY) * lines) / view.scale;
      changed();
    }
  };
  /** @param {KeyboardEvent} event */
  const key = (event) => {
    const steps = /** @type {Record<string, [number, number]>} */ ({
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
    });
    const step = steps[event.key];
    if (step) {
      view.x += (step[0] * 80) / view.scale;
      view.y += (step[1] * 80) / view.scale;
      changed();
    } else if (event.key === "+" || event.key === "=") zoom(element.clientWidth / 2, element.clientHeight / 2, 1.25);
    else if (event.key === "-") zoom(element.clientWidth / 2, element.clientHeight / 2, 0.8);
    else return;
    event.preventDefault();
  };
  element.addEventListener("pointerdown", down);
  element.addEventListener("pointermove", move);
  element.addEventListener("pointerup", up);
  element.addEventListener("pointercancel", lost);
  element.addEventListener("wheel", wheel, { passive: false });
  element.addEventListener("keydown", key);
  return { zoom };
}
