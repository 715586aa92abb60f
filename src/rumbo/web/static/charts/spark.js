/** Small lines and bars without axes, for the shape of the last hour. */

import { html } from "../html.js";

/**
 * @param {{ bars: { good: number, bad: number }[], label: string }} props
 */
export function Bars({ bars, label }) {
  const most = Math.max(1, ...bars.map((each) => each.good + each.bad));
  const width = 240 / bars.length;
  return html`<svg class="spark" viewBox="0 0 240 40" preserveAspectRatio="none" role="img" aria-label=${label}>
    <path d="M0 39.5H240" stroke="var(--line)" vector-effect="non-scaling-stroke" />
    ${bars.map(({ good, bad }, place) => {
      const high = (good / most) * 38;
      const low = (bad / most) * 38;
      return html`${good > 0 && html`<rect x=${place * width} y=${39 - high} width=${width * 0.8} height=${high} fill="var(--done)" />`}
      ${bad > 0 && html`<rect x=${place * width} y=${39 - high - Math.max(low, 2)} width=${width * 0.8} height=${Math.max(low, 2)} fill="var(--failed)" />`}`;
    })}
  </svg>`;
}

/** @param {{ values: number[], label: string, colour?: string }} props */
export function Line({ values, label, colour = "var(--waiting)" }) {
  const most = Math.max(1, ...values);
  const step = 240 / Math.max(values.length - 1, 1);
  const points = values.map((value, place) => `${(place * step).toFixed(1)},${(38 - (value / most) * 36).toFixed(1)}`);
  return html`<svg class="spark" viewBox="0 0 240 40" preserveAspectRatio="none" role="img" aria-label=${label}>
    <path d="M0 39.5H240" stroke="var(--line)" vector-effect="non-scaling-stroke" />
    <path d=${`M0,39 L${points.join(" L")} L240,39 Z`} fill=${colour} opacity="0.14" />
    <path
      d=${`M${points.join(" L")}`}
      fill="none"
      stroke=${colour}
      stroke-width="1.5"
      vector-effect="non-scaling-stroke"
    />
  </svg>`;
}
