/** Numbers, durations and moments as people read them. */

import { language } from "./words.js";

/** @param {number} number */
export function grouped(number) {
  return number.toLocaleString(language());
}

/** `0.4s`, `12s`, `2m 04s`, `3h 07m`, `2d 5h`. @param {number | null | undefined} seconds */
export function lasting(seconds) {
  if (seconds == null) return "";
  if (seconds < 0.0995) return seconds > 0 ? `${Math.max(Math.round(seconds * 1000), 1)}ms` : "0s";
  if (seconds < 9.95) return `${Math.max(seconds, 0).toFixed(1)}s`;
  const whole = Math.round(seconds);
  const [minutes, rest] = [Math.floor(whole / 60), whole % 60];
  if (!minutes) return `${rest}s`;
  const hours = Math.floor(minutes / 60);
  if (!hours) return `${minutes}m ${String(rest).padStart(2, "0")}s`;
  const days = Math.floor(hours / 24);
  return days ? `${days}d ${hours % 24}h` : `${hours}h ${String(minutes % 60).padStart(2, "0")}m`;
}

/** A moment of today as a time, another one with its date. @param {number} at seconds since the epoch */
export function moment(at, withSeconds = true) {
  const date = new Date(at * 1000);
  const time = date.toLocaleTimeString(language(), {
    hour: "2-digit",
    minute: "2-digit",
    second: withSeconds ? "2-digit" : undefined,
    hour12: false,
  });
  const today = new Date();
  if (date.toDateString() === today.toDateString()) return time;
  const isThisYear = date.getFullYear() === today.getFullYear();
  const day = date.toLocaleDateString(language(), {
    day: "numeric",
    month: "short",
    year: isThisYear ? undefined : "numeric",
  });
  return `${day} ${time.slice(0, 5)}`;
}

/** @param {number} at */
export function exactly(at) {
  return new Date(at * 1000).toISOString().replace("T", " ").replace("Z", " UTC");
}

/** @param {number} bytes */
export function size(bytes) {
  const units = ["B", "kB", "MB", "GB"];
  let unit = 0;
  while (bytes >= 1000 && unit < units.length - 1) [bytes, unit] = [bytes / 1000, unit + 1];
  return `${unit && bytes < 10 ? bytes.toFixed(1) : Math.round(bytes)} ${units[unit]}`;
}

/** Parameters in one line. @param {Record<string, string>} params */
export function inLine(params) {
  return Object.entries(params)
    .map(([name, value]) => `${name}=${value}`)
    .join("  ");
}

/** A task's id without the hash at its end. @param {string} id */
export function shortId(id) {
  return id.replace(/_[0-9a-f]{10}$/, "");
}
