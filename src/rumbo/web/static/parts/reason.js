/** Why a task is as it is, in the reader's words. */

import { lasting, moment } from "../format.js";
import { named, t } from "../words.js";

/** States that a task does not leave by itself: what waits for one is told so. */
const STUCK = ["failed", "disabled", "cancelled", "unknown"];

/**
 * @param {{ kind: string, values: Record<string, any>, waits_for: { task_id: string, state: string }[] }} reason
 * @param {number} now
 */
export function inWords(reason, now) {
  const { kind, values } = reason;
  const at = values.at ?? now;
  const shown = reason.waits_for.map(({ task_id, state }) =>
    STUCK.includes(state) ? `${task_id} (${named("state", state)})` : task_id,
  );
  const more = (values.missing ?? 0) - shown.length;
  const tasks = shown.join(", ") + (more > 0 ? ` ${t("n.more", { n: more })}` : "");
  const word = kind === "retry" && values.of ? "retry_of" : kind;
  return named("why", word, { ...values, tasks, at: moment(at), time: lasting(Math.max(Math.ceil(at - now), 0)) });
}
