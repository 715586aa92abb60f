/** What rows are like after what happened: they follow without being asked for again. */

/** A run after what happened: its counts follow its tasks. @param {any} run @param {import("./live.js").Happening[]} events */
export function changedRun(run, events) {
  let counts = run.counts;
  for (const each of events) {
    if (each.kind !== "task" || each.run !== run.id || !each.state || each.old === each.state) continue;
    if (counts === run.counts) counts = { ...counts };
    if (each.old && counts[each.old]) counts[each.old]--;
    counts[each.state] = (counts[each.state] ?? 0) + 1;
  }
  return counts === run.counts ? run : { ...run, counts };
}

/** A task of a run after what happened. @param {any} row @param {import("./live.js").Happening[]} events */
export function changedTask(row, events) {
  for (const each of events) {
    if (each.task !== row.task_id) continue;
    if (each.kind === "task" && each.state) row = { ...row, state: each.state };
    if (each.kind === "begin") row = { ...row, attempt: each.attempt, started: each.at, seconds: null, progress: null };
    if (each.kind === "note" && each.what === "progress") row = { ...row, progress: Number(each.value) };
    if (each.kind === "note" && each.what === "message") row = { ...row, status: each.value };
  }
  return row;
}
