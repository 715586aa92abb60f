"""A run's attempts over time: which lane each lies in, and the chain that decided when the run was over."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class Span(NamedTuple):
    """An attempt: its task, who made it, and from when to when."""

    task: str
    worker: str
    started: float
    ended: float


class Bar(NamedTuple):
    """An attempt as it is drawn. Started in seconds since the epoch; no seconds: it is under way."""

    task: str
    family: str
    number: int
    worker: str
    outcome: str
    started: float
    seconds: float | None


class Timeline(NamedTuple):
    """The attempts of a run over time: columns, one value an attempt, but for ``workers`` and ``critical``."""

    since: float
    until: float
    workers: list[str]
    """Of lanes: in one lane no attempts overlap."""
    lanes: list[int]
    tasks: list[str]
    families: list[str]
    numbers: list[int]
    outcomes: list[str]
    started: list[float]
    seconds: list[float | None]
    critical: list[str]
    """The tasks that decided when the run was over, from first to last."""
    is_cut: bool = False


def timeline(
    bars: Sequence[Bar], needs: Mapping[str, Sequence[str]], since: float, now: float, is_cut: bool = False
) -> Timeline:
    """What is drawn of a run.

    Args:
        needs: by task, those that it needs.
        since: when the run began.
        now: what is under way goes on until here.
        is_cut: there are more attempts.
    """
    spans = [
        Span(each.task, each.worker, each.started, each.started + each.seconds if each.seconds is not None else now)
        for each in bars
    ]
    placed, workers = lanes(spans)
    return Timeline(
        since=min([since, *(span.started for span in spans)]),
        until=max([since, *(span.ended for span in spans)]),
        workers=workers,
        lanes=placed,
        tasks=[each.task for each in bars],
        families=[each.family for each in bars],
        numbers=[each.number for each in bars],
        outcomes=[each.outcome for each in bars],
        started=[each.started for each in bars],
        seconds=[each.seconds for each in bars],
        critical=critical_path(spans, needs),
        is_cut=is_cut,
    )


def lanes(spans: Sequence[Span]) -> tuple[list[int], list[str]]:
    """A lane for each attempt, so that no two in one lane overlap; and the worker of each lane, workers together."""
    free: dict[str, list[tuple[float, int]]] = {}
    many: dict[str, int] = {}
    taken: list[tuple[str, int]] = [("", 0)] * len(spans)
    for place in sorted(range(len(spans)), key=lambda each: spans[each].started):
        span = spans[place]
        ends = free.setdefault(span.worker, [])
        if ends and ends[0][0] <= span.started:
            _, lane = heappop(ends)
        else:
            lane = many.get(span.worker, 0)
            many[span.worker] = lane + 1
        heappush(ends, (span.ended, lane))
        taken[place] = (span.worker, lane)
    first: dict[str, int] = {}
    workers: list[str] = []
    for worker in sorted(many):
        first[worker] = len(workers)
        workers += [worker] * many[worker]
    return [first[worker] + lane for worker, lane in taken], workers


def critical_path(spans: Iterable[Span], needs: Mapping[str, Sequence[str]]) -> list[str]:
    """The tasks, from first to last, each of which was the last to end of those that the next one needed.

    Had any of them been quicker, the run might have been over sooner.
    """
    ended: dict[str, float] = {}
    for span in spans:
        ended[span.task] = max(span.ended, ended.get(span.task, span.ended))
    if not ended:
        return []
    path = [max(ended, key=lambda each: (ended[each], each))]
    seen = set(path)
    while True:
        before = [each for each in needs.get(path[-1], ()) if each in ended and each not in seen]
        if not before:
            return path[::-1]
        path.append(max(before, key=lambda each: (ended[each], each)))
        seen.add(path[-1])
