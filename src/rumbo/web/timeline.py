"""A run's attempts over time: which lane each lies in, and the chain that decided when the run was over."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class Span(NamedTuple):
    """An attempt: the place of its task in the plan, who made it, and from when to when."""

    position: int
    worker: str
    started: float
    ended: float


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


def critical_path(spans: Iterable[Span], needs: Mapping[int, Sequence[int]]) -> list[int]:
    """Places of the tasks, from first to last, each of which was the last to end of those that the next one needed.

    Had any of them been quicker, the run might have been over sooner.
    """
    ended: dict[int, float] = {}
    for span in spans:
        ended[span.position] = max(span.ended, ended.get(span.position, span.ended))
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
