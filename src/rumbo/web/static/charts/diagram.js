/** A diagram on a canvas: the server has laid it out, here it is only drawn, and only what can be seen of it. */

import { shortId } from "../format.js";
import { html, useEffect, useRef, useState } from "../html.js";
import { Icon } from "../parts/icons.js";
import { byLook, look, ORDER } from "../parts/state.js";
import { colour, onTheme } from "../theme.js";
import { t } from "../words.js";
import { save, savePicture } from "./keep.js";
import { drawShape } from "./shapes.js";
import { pilot, stage } from "./stage.js";

/**
 * @typedef {{ by: "task" | "family", width: number, height: number, names: string[], families: string[], states: string[],
 *   counts: Record<string, number>[], boxes: number[], arrows: number[][], needs: number[][], focus: string, is_cut: boolean }} Diagram
 */

const CELL = 512;

/** Which boxes and arrows lie in which square of the plane, so that drawing looks at those in sight only. */
class Index {
  /** @param {Diagram} diagram */
  constructor(diagram) {
    /** @type {Map<number, number[]>} */
    this.boxes = new Map();
    /** @type {Map<number, number[]>} */
    this.arrows = new Map();
    this.across = Math.ceil(diagram.width / CELL) + 2;
    this.down = Math.ceil(diagram.height / CELL) + 2;
    const { boxes, arrows } = diagram;
    for (let place = 0; place < boxes.length; place += 4)
      this.add(
        this.boxes,
        place / 4,
        boxes[place],
        boxes[place + 1],
        boxes[place] + boxes[place + 2],
        boxes[place + 1] + boxes[place + 3],
      );
    arrows.forEach((arrow, place) => {
      for (let at = 2; at + 3 < arrow.length; at += 2) {
        this.add(
          this.arrows,
          place,
          Math.min(arrow[at], arrow[at + 2]),
          Math.min(arrow[at + 1], arrow[at + 3]),
          Math.max(arrow[at], arrow[at + 2]),
          Math.max(arrow[at + 1], arrow[at + 3]),
          200,
        );
      }
    });
  }

  /** @param {Map<number, number[]>} map @param {number} item @param {number} x1 @param {number} y1 @param {number} x2 @param {number} y2 */
  add(map, item, x1, y1, x2, y2, most = 1e9) {
    let many = 0;
    for (let y = Math.floor(y1 / CELL); y <= Math.floor(y2 / CELL); y++) {
      for (let x = Math.floor(x1 / CELL); x <= Math.floor(x2 / CELL); x++) {
        if (++many > most) return;
        const key = y * this.across + x;
        const list = map.get(key);
        if (!list) map.set(key, [item]);
        else if (list[list.length - 1] !== item) list.push(item);
      }
    }
  }

  /** @param {Map<number, number[]>} map @param {number} x1 @param {number} y1 @param {number} x2 @param {number} y2 @param {number} most @returns {Iterable<number>} */
  within(map, x1, y1, x2, y2, most) {
    /** @type {Set<number>} */
    const found = new Set();
    for (let y = Math.max(Math.floor(y1 / CELL), 0); y <= Math.min(Math.floor(y2 / CELL), this.down - 1); y++) {
      for (let x = Math.max(Math.floor(x1 / CELL), 0); x <= Math.min(Math.floor(x2 / CELL), this.across - 1); x++) {
        for (const item of map.get(y * this.across + x) ?? []) found.add(item);
        if (found.size > most) return found;
      }
    }
    return found;
  }
}

/**
 * @param {{ diagram: Diagram, states: string[], focus?: string, title: string,
 *   onOpen: (place: number) => void, describe: (place: number) => string, actions?: any }} props
 */
export function DiagramView({ diagram, states, focus = "", title, onOpen, describe, actions }) {
  const canvas = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const small = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const [tip, setTip] = useState(/** @type {{ x: number, y: number, text: string } | null} */ (null));
  const mine = useRef({
    view: { x: 0, y: 0, scale: 1, least: 0.005, most: 3 },
    index: /** @type {Index | null} */ (null),
    states,
    over: -1,
    redraw: () => {},
    fit: () => {},
    zoom: (/** @type {number} */ _) => {},
    open: onOpen,
    describe,
  });
  mine.current.states = states;
  mine.current.open = onOpen;
  mine.current.describe = describe;
  useEffect(() => mine.current.redraw(), [states]);

  useEffect(() => {
    const at = mine.current;
    const { view } = at;
    const element = /** @type {HTMLCanvasElement} */ (canvas.current);
    const map = /** @type {HTMLCanvasElement} */ (small.current);
    at.index = new Index(diagram);
    const near = neighbours(diagram);
    const scene = stage(element, (context, width, height) => {
      draw(
        context,
        width,
        height,
        diagram,
        /** @type {Index} */ (at.index),
        at.states,
        view,
        at.over,
        near,
        diagram.names.indexOf(focus),
      );
      overview.redraw();
    });
    const backdrop = new Backdrop(diagram);
    const overview = stage(map, (context, width, height) =>
      backdrop.draw(context, width, height, at.states, view, element),
    );
    at.redraw = () => {
      backdrop.isStale = true;
      scene.redraw();
    };
    at.fit = () => {
      fit(view, diagram, element, diagram.names.indexOf(focus));
      scene.redraw();
    };
    const forget = onTheme(() => (backdrop.isStale = true));
    const { zoom } = pilot(element, view, scene.redraw, (x, y) => {
      const box = hit(diagram, /** @type {Index} */ (at.index), view, x, y);
      if (box >= 0) at.open(box);
    });
    at.zoom = (factor) => zoom(element.clientWidth / 2, element.clientHeight / 2, factor);
    /** @param {PointerEvent} event */
    const hover = (event) => {
      const box = event.buttons
        ? -1
        : hit(diagram, /** @type {Index} */ (at.index), view, event.offsetX, event.offsetY);
      element.style.cursor = box >= 0 ? "pointer" : "grab";
      if (box === at.over) return;
      at.over = box;
      setTip(
        box < 0
          ? null
          : {
              x: Math.min(event.offsetX + 12, element.clientWidth - 240),
              y: event.offsetY + 16,
              text: at.describe(box),
            },
      );
      scene.redraw();
    };
    const leave = () => {
      at.over = -1;
      setTip(null);
      scene.redraw();
    };
    /** @param {PointerEvent} event */
    const jump = (event) => {
      const scale = Math.min(map.clientWidth / diagram.width, map.clientHeight / diagram.height);
      view.x =
        (event.offsetX - (map.clientWidth - diagram.width * scale) / 2) / scale - element.clientWidth / view.scale / 2;
      view.y =
        (event.offsetY - (map.clientHeight - diagram.height * scale) / 2) / scale -
        element.clientHeight / view.scale / 2;
      scene.redraw();
    };
    element.addEventListener("pointermove", hover);
    element.addEventListener("pointerleave", leave);
    map.addEventListener("pointerdown", jump);
    at.fit();
    return () => {
      scene.end();
      overview.end();
      forget();
      element.removeEventListener("pointermove", hover);
      element.removeEventListener("pointerleave", leave);
      map.removeEventListener("pointerdown", jump);
    };
  }, [diagram, focus]);

  return html`<div class="canvas-box">
    <canvas ref=${canvas} tabindex="0" role="img" aria-label=${title}></canvas>
    <canvas
      ref=${small}
      class=${`minimap wide ${diagram.names.length > 40 ? "" : "small"}`}
      aria-hidden="true"
    ></canvas>
    <div class="corner">
      <button class="button" type="button" title=${t("fit")} aria-label=${t("fit")} onClick=${() => mine.current.fit()}>
        <${Icon} name="fit" />
      </button>
      <button
        class="button"
        type="button"
        title=${t("zoom.in")}
        aria-label=${t("zoom.in")}
        onClick=${() => mine.current.zoom(1.5)}
      >
        <${Icon} name="plus" />
      </button>
      <button
        class="button"
        type="button"
        title=${t("zoom.out")}
        aria-label=${t("zoom.out")}
        onClick=${() => mine.current.zoom(1 / 1.5)}
      >
        <${Icon} name="minus" />
      </button>
      <button class="button" type="button" onClick=${() => save(diagram, states, title)}>
        <${Icon} name="down" />SVG
      </button>
      <button class="button wide" type="button" onClick=${() => savePicture(canvas.current, title)}>
        <${Icon} name="down" />PNG</button
      >${actions}
    </div>
    ${tip && html`<div class="tip" style=${{ left: `${tip.x}px`, top: `${tip.y}px` }}>${tip.text}</div>`}
  </div>`;
}

/** For each box, what it needs and what needs it. @param {Diagram} diagram */
function neighbours(diagram) {
  /** @type {Set<number>[]} */
  const near = diagram.names.map(() => new Set());
  diagram.needs.forEach((needs, place) => {
    for (const each of needs) {
      near[place].add(each);
      near[each].add(place);
    }
  });
  for (const [from, to] of diagram.by === "family" ? diagram.arrows : []) {
    near[from].add(to);
    near[to].add(from);
  }
  return near;
}

/** @param {any} view @param {Diagram} diagram @param {HTMLCanvasElement} element @param {number} focus */
function fit(view, diagram, element, focus) {
  const { clientWidth: width, clientHeight: height } = element;
  view.least = Math.min(0.02, (width - 48) / diagram.width, (height - 48) / diagram.height) / 2;
  view.scale = Math.min((width - 48) / Math.max(diagram.width, 1), (height - 48) / Math.max(diagram.height, 1), 1);
  view.x = diagram.width / 2 - width / 2 / view.scale;
  view.y = diagram.height / 2 - height / 2 / view.scale;
  if (focus >= 0 && view.scale < 0.6) {
    view.scale = 0.8;
    view.x = diagram.boxes[4 * focus] + diagram.boxes[4 * focus + 2] / 2 - width / 2 / view.scale;
    view.y = diagram.boxes[4 * focus + 1] + diagram.boxes[4 * focus + 3] / 2 - height / 2 / view.scale;
  }
}

/** @param {Diagram} diagram @param {Index} index @param {any} view @param {number} x @param {number} y */
function hit(diagram, index, view, x, y) {
  const [at, to] = [view.x + x / view.scale, view.y + y / view.scale];
  const { boxes } = diagram;
  for (const place of index.within(index.boxes, at, to, at, to, 1e9)) {
    const box = 4 * place;
    if (
      at >= boxes[box] &&
      at <= boxes[box] + boxes[box + 2] &&
      to >= boxes[box + 1] &&
      to <= boxes[box + 1] + boxes[box + 3]
    )
      return place;
  }
  return -1;
}

/**
 * @param {CanvasRenderingContext2D} context @param {number} width @param {number} height @param {Diagram} diagram @param {Index} index
 * @param {string[]} states @param {any} view @param {number} over @param {Set<number>[]} near @param {number} focus
 */
function draw(context, width, height, diagram, index, states, view, over, near, focus) {
  const { scale } = view;
  const [x1, y1, x2, y2] = [view.x, view.y, view.x + width / scale, view.y + height / scale];
  context.save();
  context.scale(scale, scale);
  context.translate(-view.x, -view.y);
  drawArrows(context, diagram, index.within(index.arrows, x1, y1, x2, y2, 12_000), scale, over, near);
  const isDetailed = scale > 0.45;
  const inSight = index.within(index.boxes, x1, y1, x2, y2, 1e9);
  if (!isDetailed) drawSpecks(context, diagram, inSight, states);
  else for (const place of inSight) drawBox(context, diagram, place, states, over, near, place === focus);
  context.restore();
}

/** @param {CanvasRenderingContext2D} context @param {Diagram} diagram @param {Iterable<number>} inSight @param {number} scale @param {number} over @param {Set<number>[]} near */
function drawArrows(context, diagram, inSight, scale, over, near) {
  context.lineWidth = Math.max(1, 0.6 / scale);
  const lines = [new Path2D(), new Path2D()];
  for (const place of inSight) {
    const arrow = diagram.arrows[place];
    const isNear =
      over >= 0 && (arrow[0] === over || arrow[1] === over || (near[over].has(arrow[0]) && near[over].has(arrow[1])));
    const line = lines[isNear ? 1 : 0];
    line.moveTo(arrow[2], arrow[3]);
    for (let at = 4; at < arrow.length; at += 2) {
      const middle = (arrow[at - 2] + arrow[at]) / 2;
      if (scale > 0.12) line.bezierCurveTo(middle, arrow[at - 1], middle, arrow[at + 1], arrow[at], arrow[at + 1]);
      else line.lineTo(arrow[at], arrow[at + 1]);
    }
  }
  context.strokeStyle = colour("ink-3");
  context.globalAlpha = over >= 0 ? 0.25 : 0.6;
  context.stroke(lines[0]);
  context.globalAlpha = 1;
  context.strokeStyle = colour("accent");
  context.stroke(lines[1]);
}

/** From far away: boxes as specks in the colours of their states. @param {CanvasRenderingContext2D} context @param {Diagram} diagram @param {Iterable<number>} inSight @param {string[]} states */
function drawSpecks(context, diagram, inSight, states) {
  /** @type {Map<string, Path2D>} */
  const paths = new Map();
  for (const place of inSight) {
    const name = look(states[place]);
    let path = paths.get(name);
    if (!path) paths.set(name, (path = new Path2D()));
    const box = 4 * place;
    path.rect(diagram.boxes[box], diagram.boxes[box + 1], diagram.boxes[box + 2], diagram.boxes[box + 3]);
  }
  for (const [name, path] of paths) {
    context.fillStyle = colour(name);
    context.globalAlpha = name === "waiting" || name === "skipped" ? 0.45 : 1;
    context.fill(path);
  }
  context.globalAlpha = 1;
}

/** @param {CanvasRenderingContext2D} context @param {Diagram} diagram @param {number} place @param {string[]} states @param {number} over @param {Set<number>[]} near @param {boolean} isFocus */
function drawBox(context, diagram, place, states, over, near, isFocus) {
  const [x, y, width, height] = diagram.boxes.slice(4 * place, 4 * place + 4);
  const name = look(states[place]);
  const isFaint = over >= 0 && over !== place && !near[over].has(place);
  context.globalAlpha = isFaint ? 0.35 : 1;
  context.fillStyle = colour("paper");
  context.strokeStyle = name === "waiting" ? colour("line") : colour(name);
  context.lineWidth = isFocus || over === place ? 2.5 : 1;
  context.setLineDash(name === "unknown" ? [4, 3] : []);
  context.beginPath();
  context.roundRect(x + 0.5, y + 0.5, width - 1, height - 1, 4);
  context.fill();
  context.stroke();
  context.setLineDash([]);
  const isFamily = diagram.by === "family";
  drawShape(context, name, x + 14, y + (isFamily ? 19 : height / 2));
  context.fillStyle = colour("ink");
  context.textBaseline = "middle";
  context.font = `${isFamily ? "600 13" : "12"}px system-ui, sans-serif`;
  context.fillText(
    fitted(context, isFamily ? diagram.names[place] : shortId(diagram.names[place]), width - 36 - (isFamily ? 44 : 0)),
    x + 27,
    y + (isFamily ? 19 : height / 2),
  );
  if (isFamily) drawTally(context, diagram.counts[place], x, y, width, height);
  context.globalAlpha = 1;
}

/** @param {CanvasRenderingContext2D} context @param {Record<string, number>} counts @param {number} x @param {number} y @param {number} width @param {number} height */
function drawTally(context, counts, x, y, width, height) {
  const looks = byLook(counts);
  const total = Object.values(looks).reduce((sum, many) => sum + many, 0);
  context.fillStyle = colour("ink-2");
  context.font = "12px system-ui, sans-serif";
  context.textAlign = "right";
  context.fillText(total.toLocaleString(), x + width - 10, y + 19);
  context.textAlign = "left";
  const shown = ORDER.filter((each) => looks[each]);
  let left = x + 10;
  const spare = width - 20 - 4 * shown.length;
  for (const each of shown) {
    const part = 4 + (spare * looks[each]) / total;
    context.fillStyle = each === "waiting" ? colour("line") : colour(each);
    context.fillRect(left, y + height - 14, part - 1, 6);
    left += part;
  }
}

/** @type {Map<string, string>} */
const fittedBefore = new Map();

/** As much of a text as there is room for. @param {CanvasRenderingContext2D} context @param {string} text @param {number} width */
function fitted(context, text, width) {
  const key = `${text}\n${width}\n${context.font}`;
  const before = fittedBefore.get(key);
  if (before !== undefined) return before;
  let shown = text;
  if (context.measureText(text).width > width) {
    let [least, most] = [0, text.length];
    while (least < most) {
      const middle = (least + most + 1) >> 1;
      if (context.measureText(`${text.slice(0, middle)}…`).width <= width) least = middle;
      else most = middle - 1;
    }
    shown = `${text.slice(0, least)}…`;
  }
  if (fittedBefore.size > 20_000) fittedBefore.clear();
  fittedBefore.set(key, shown);
  return shown;
}

/** The whole diagram, small, with a frame around what is in sight; painted anew only when a state has changed. */
class Backdrop {
  /** @param {Diagram} diagram */
  constructor(diagram) {
    this.diagram = diagram;
    this.isStale = true;
    this.picture = document.createElement("canvas");
  }

  /** @param {CanvasRenderingContext2D} context @param {number} width @param {number} height @param {string[]} states @param {any} view @param {HTMLCanvasElement} main */
  draw(context, width, height, states, view, main) {
    if (!width || !height) return;
    const { diagram, picture } = this;
    const scale = Math.min(width / diagram.width, height / diagram.height);
    const [left, top] = [(width - diagram.width * scale) / 2, (height - diagram.height * scale) / 2];
    if (this.isStale || picture.width !== width || picture.height !== height) {
      [picture.width, picture.height] = [width, height];
      const paint = /** @type {CanvasRenderingContext2D} */ (picture.getContext("2d"));
      for (let place = 0; place < states.length; place++) {
        const name = look(states[place]);
        paint.fillStyle = colour(name === "waiting" ? "line" : name);
        paint.fillRect(
          left + diagram.boxes[4 * place] * scale,
          top + diagram.boxes[4 * place + 1] * scale,
          Math.max(diagram.boxes[4 * place + 2] * scale, 1),
          Math.max(diagram.boxes[4 * place + 3] * scale, 1),
        );
      }
      this.isStale = false;
    }
    context.drawImage(picture, 0, 0);
    context.strokeStyle = colour("accent");
    context.strokeRect(
      left + view.x * scale,
      top + view.y * scale,
      (main.clientWidth / view.scale) * scale,
      (main.clientHeight / view.scale) * scale,
    );
  }
}
