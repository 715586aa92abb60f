"""A plan as plain data, for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rumbo.worker.plan import Node, Plan


def as_data(plan: Plan, nodes: Sequence[Node]) -> dict[str, Any]:
    """The plan, with the tasks of ``nodes`` only."""
    counts: dict[str, int] = {}
    for node in plan.nodes.values():
        counts[str(node.verdict)] = counts.get(str(node.verdict), 0) + 1
    return {
        "version": 1,
        "roots": [node.id for node in plan.roots],
        "counts": counts,
        "tasks": [_task(node) for node in nodes],
    }


def _task(node: Node) -> dict[str, Any]:
    planned = node.planned()
    found: dict[str, Any] = {
        "id": planned.id,
        "family": planned.family,
        "module": planned.module,
        "params": dict(planned.params),
        "verdict": planned.verdict,
        "reason": planned.reason,
        "dependencies": list(planned.dependencies),
        "priority": planned.priority,
    }
    if planned.error:
        found["error"] = planned.error
    return found
