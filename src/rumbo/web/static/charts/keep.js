/** What is drawn as a file: a diagram as SVG, all of it, and a canvas as it looks now. */

import { shortId } from "../format.js";
import { look } from "../parts/state.js";
import { colour } from "../theme.js";
import { named } from "../words.js";

/** @param {import("./diagram.js").Diagram} diagram @param {string[]} states @param {string} title */
export function save(diagram, states, title) {
  const document_ = document.implementation.createDocument("http://www.w3.org/2000/svg", "svg");
  const root = document_.documentElement;
  /** @param {string} name @param {Record<string, string | number>} about @param {string} [text] */
  const add = (name, about, text) => {
    const element = document_.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(about)) element.setAttribute(key, String(value));
    if (text !== undefined) element.textContent = text;
    root.append(element);
  };
  root.setAttribute("viewBox", `-12 -12 ${diagram.width + 24} ${diagram.height + 24}`);
  root.setAttribute("font-family", "system-ui, sans-serif");
  add("title", {}, title);
  for (const arrow of diagram.arrows) {
    let line = `M${arrow[2]} ${arrow[3]}`;
    for (let at = 4; at < arrow.length; at += 2) {
      const middle = (arrow[at - 2] + arrow[at]) / 2;
      line += `C${middle} ${arrow[at - 1]} ${middle} ${arrow[at + 1]} ${arrow[at]} ${arrow[at + 1]}`;
    }
    add("path", { d: line, fill: "none", stroke: colour("ink-3") });
  }
  diagram.names.forEach((name, place) => {
    const [x, y, width, height] = diagram.boxes.slice(4 * place, 4 * place + 4);
    add("rect", { x, y, width, height, rx: 4, fill: colour("paper"), stroke: colour(look(states[place])) });
    add(
      "text",
      { x: x + 10, y: y + 18, "font-size": 12, fill: colour("ink") },
      diagram.by === "task" ? shortId(name) : name,
    );
    if (diagram.by === "family")
      add(
        "text",
        { x: x + 10, y: y + 40, "font-size": 11, fill: colour("ink-2") },
        Object.entries(diagram.counts[place])
          .map(([state, many]) => `${many} ${named("state", state)}`)
          .join(", "),
      );
  });
  keep(new Blob([new XMLSerializer().serializeToString(document_)], { type: "image/svg+xml" }), `${title}.svg`);
}

/** @param {HTMLCanvasElement | null} canvas @param {string} title */
export function savePicture(canvas, title) {
  canvas?.toBlob((blob) => blob && keep(blob, `${title}.png`));
}

/** @param {Blob} blob @param {string} name */
function keep(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name.replace(/[^\w.-]+/g, "-");
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
