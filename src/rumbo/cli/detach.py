"""`rumbo run --detach`: hands a run to a server, for workers to do."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from rumbo.cli.main import ALL_COMPLETE, FAILED, INCOMPLETE
from rumbo.cli.planning import Counter
from rumbo.worker.plan import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rumbo.cli.wiring import HandedOver, Options
    from rumbo.pipeline.task import Task
    from rumbo.worker.plan import Plan


def detach(tasks: Sequence[Task], options: Options, flags: Mapping[str, Any]) -> int:
    """Hand the run over and say so; gives the exit code, by what the plan says."""
    from rumbo.cli.wiring import hand_over

    counter = Counter(sys.stderr)
    try:
        given = hand_over(tasks, options, counter)
    finally:
        counter.clear()
    if flags.get("json"):
        import json

        print(json.dumps(as_json(given), indent=2))
    elif not flags.get("quiet"):
        _say(given)
    return _code_of(given.plan)


def as_json(given: HandedOver) -> dict[str, Any]:
    """What was handed over, for programs."""
    return {
        "run": given.id,
        "scheduler": given.scheduler,
        "roots": [node.id for node in given.plan.roots],
        "counts": {str(verdict): many for verdict, many in _counts(given.plan).items()},
    }


def _say(given: HandedOver) -> None:
    counts = _counts(given.plan)
    what = ", ".join(f"{many:,} {verdict}" for verdict, many in counts.items())
    print(f"Run {given.id} is with {given.scheduler}: {what}.")
    print(f"Workers do it (`rumbo worker`). See it with: rumbo show {given.id} --scheduler {given.scheduler}")


def _counts(plan: Plan) -> dict[Verdict, int]:
    verdicts = [node.verdict for node in plan.nodes.values()]
    return {verdict: verdicts.count(verdict) for verdict in Verdict if verdict in verdicts}


def _code_of(plan: Plan) -> int:
    verdicts = _counts(plan)
    if Verdict.BROKEN in verdicts:
        return FAILED
    return INCOMPLETE if Verdict.WAIT in verdicts else ALL_COMPLETE
