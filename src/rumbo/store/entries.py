"""From what a run adds (`ledger.Rows`) to the statements that enter it, within a transaction that the caller holds."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING

from rumbo.scheduler.records import State
from rumbo.store import keys, statements
from rumbo.store.ledger import INITIAL, params_json
from rumbo.store.liveness import identity
from rumbo.store.tallies import Tallies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rumbo.scheduler.effects import Assigned, AttemptEnded
    from rumbo.store.database import Database
    from rumbo.store.ledger import About, Opened, Rows
    from rumbo.store.statements import Value


class Numbers:
    """The keys under which the database knows a run and what belongs to it."""

    __slots__ = ("families", "run", "workers")

    def __init__(self) -> None:
        self.run: int | None = None
        self.families: dict[int, int] = {}
        """By place among the run's families."""
        self.workers: dict[str, int] = {}

    def copy(self) -> Numbers:
        """The same keys, for a transaction that may be undone."""
        other = Numbers()
        other.run, other.families, other.workers = self.run, dict(self.families), dict(self.workers)
        return other


def enter(db: Database, rows: Rows, numbers: Numbers) -> None:
    """Write what one run adds. Keys that are new are added to ``numbers``."""
    if numbers.run is None:
        numbers.run = statements.insert_run(db, rows.run.info, identity(rows.run.info.pid))
    if rows.is_reopened:
        statements.reopen_run(db, numbers.run)
    first = keys.task_key(numbers.run, 0)
    if rows.nodes:
        _enter_plan(db, rows, numbers, first)
    for dependencies, verdict, reason, error, position in rows.again:
        statements.plan_again(db, (dependencies, verdict, reason, error, first + position))
    if rows.outputs:
        statements.set_outputs(db, [(first + position, told) for position, told in rows.outputs.items()])
    for state, positions in rows.states.items():
        statements.set_state(db, state, [first + position for position in positions])
    for position, due in rows.due.items():
        statements.set_due(db, first + position, due)
    tallies = Tallies()
    if rows.plain:
        _enter_plain_attempts(db, rows, numbers, first, tallies)
    if rows.attempts:
        _enter_attempts(db, rows, numbers, first, tallies)
    if rows.logs:
        statements.set_logs(
            db, [(keys.attempt_key(first + position, number), path) for position, number, path in rows.logs]
        )
    tallies.enter(db, numbers.families)
    if rows.ended is not None:
        statements.end_run(db, numbers.run, rows.ended)


# -- the plan -----------------------------------------------------------------------------------------------------


def _enter_plan(db: Database, rows: Rows, numbers: Numbers, first: int) -> None:
    _number_families(db, rows, numbers.families)
    tasks = _task_numbers(db, rows, numbers.families)
    few: list[Value] = []
    for about, positions in rows.plans.items():
        if len(positions) < statements.MANY:
            few += _one_by_one(rows, about, positions, tasks, first)
            continue
        start = rows.first_position
        of_plan = [tasks[position - start] for position in positions]
        needed = [rows.dependencies[position - start] for position in positions]
        _enter_alike(db, about, [first + position for position in positions], of_plan, needed)
    if few:
        statements.insert_run_tasks(db, few)


def _enter_alike(db: Database, about: About, task_keys: list[int], tasks: list[int], dependencies: list[str]) -> None:
    shared = _said(about)
    ahead = task_keys[0] - tasks[0]
    # Tasks are numbered in the order in which a plan first names them, so in most plans both run side by side.
    side_by_side = task_keys[-1] - tasks[-1] == ahead and tasks == list(range(tasks[0], tasks[0] + len(tasks)))
    if side_by_side and not any(dependencies):
        statements.insert_run_tasks_from(db, shared, tasks[0], tasks[-1], ahead)
        return
    values: list[Value] = [None] * (3 * len(tasks))
    values[::3] = task_keys
    values[1::3] = tasks
    values[2::3] = dependencies
    statements.insert_like_run_tasks(db, shared, values)


def _one_by_one(rows: Rows, about: About, positions: list[int], tasks: list[int], first: int) -> list[Value]:
    said = _said(about)
    values: list[Value] = []
    for position in positions:
        place = position - rows.first_position
        values += (first + position, tasks[place], rows.dependencies[place], *said.values())
    return values


def _said(about: About) -> dict[str, Value]:
    verdict, reason, priority, error, is_dynamic = about
    state = int(INITIAL.get(verdict, State.UNKNOWN))
    return {
        "verdict": verdict,
        "reason": reason,
        "state": state,
        "error": error or None,
        "priority": priority or None,
        "dynamic": int(is_dynamic) or None,
    }


def _number_families(db: Database, rows: Rows, numbers: dict[int, int]) -> None:
    if len(numbers) == len(rows.run.families):
        return
    modules = {node.family: node.module for node in reversed(rows.nodes)}
    for name, place in rows.run.families.items():
        if place not in numbers:
            numbers[place] = statements.family_number(db, name, modules[name])


def _task_numbers(db: Database, rows: Rows, families: dict[int, int]) -> list[int]:
    """The key of each new node's task, in the order of nodes. Tasks never seen before are entered."""
    nodes = rows.nodes
    ids = [node.id for node in nodes]
    if not "".join(ids).isascii():
        ids = [statements.readable(id) for id in ids]
    found = [0] * len(ids)
    last = statements.last_task_number(db)
    if last:
        for place, number in zip(*statements.known_tasks(db, ids), strict=True):
            found[place] = number
    again = [place for place, number in enumerate(found) if number and nodes[place].verdict == "run"]
    if again:
        statements.refresh_params(db, [(found[place], params_json(nodes[place].params)) for place in again])
    new = [place for place, number in enumerate(found) if not number]
    # Numbered in the order of the plan, entered by family and in the order of ids: an index grows faster by
    # neighbours than by strangers.
    for number, place in enumerate(new, last + 1):
        found[place] = number
    for family, places in _by_family(new, rows).items():
        places.sort(key=ids.__getitem__)
        values: list[Value] = [None] * (3 * len(places))
        values[::3] = [found[place] for place in places]
        values[1::3] = [ids[place] for place in places]
        values[2::3] = [params_json(nodes[place].params) for place in places]
        statements.insert_tasks(db, families[family], values)
    return found


def _by_family(places: list[int], rows: Rows) -> dict[int, list[int]]:
    families_of, first = rows.run.families_of, rows.first_position
    found: dict[int, list[int]] = {}
    for place in places:
        family = families_of[first + place]
        if family in found:
            found[family].append(place)
        else:
            found[family] = [place]
    return found


# -- attempts -----------------------------------------------------------------------------------------------------

_task, _worker, _attempt, _began_at, _ended_at, _made = (
    itemgetter(0),
    itemgetter(0),
    itemgetter(3),
    itemgetter(5),
    itemgetter(6),
    itemgetter(8),
)
"""Fields of `AttemptEnded` (task, at, outputs) and `Assigned` (worker, attempt, at), for tens of thousands."""


def _enter_plain_attempts(db: Database, rows: Rows, numbers: Numbers, first: int, tallies: Tallies) -> None:
    workers = set(map(_worker, rows.begun))
    if len(workers) == 1:
        _enter_of_worker(db, workers.pop(), rows.begun, rows.plain, rows, numbers, first, tallies)
        return
    for worker in sorted(workers):
        places = [place for place, begun in enumerate(rows.begun) if begun.worker == worker]
        begun = [rows.begun[place] for place in places]
        ended = [rows.plain[place] for place in places]
        _enter_of_worker(db, worker, begun, ended, rows, numbers, first, tallies)


def _enter_of_worker(
    db: Database,
    worker: str,
    begun: Sequence[Assigned],
    ended: Sequence[AttemptEnded],
    rows: Rows,
    numbers: Numbers,
    first: int,
    tallies: Tallies,
) -> None:
    """Whole columns at once: each step is one loop in C."""
    positions = list(map(rows.run.positions.__getitem__, map(_task, ended)))
    started = list(map(_began_at, begun))
    seconds = [end - start for end, start in zip(map(_ended_at, ended), started, strict=True)]
    if ended[0].seconds is not None:  # a worker far away measures by itself, and has its tasks before they begin
        seconds = [took if each.seconds is None else each.seconds for each, took in zip(ended, seconds, strict=True)]
        started = [end - took for end, took in zip(map(_ended_at, ended), seconds, strict=True)]
    outputs = [made or None for made in map(_made, ended)]
    width = 4 if any(outputs) else 3
    values: list[Value] = [None] * (width * len(positions))
    bits, top = keys.NUMBER_BITS, keys.LAST_NUMBER
    values[::width] = [
        (first + position) << bits | (number if number < top else top)
        for position, number in zip(positions, map(_attempt, begun), strict=True)
    ]
    values[1::width] = started
    values[2::width] = seconds
    if width == 4:
        values[3::4] = outputs
    statements.insert_plain_attempts(db, _number_of_worker(db, worker, numbers), values, with_outputs=width == 4)
    tallies.add_done(rows.run.families_of, positions, seconds, ended[0].at)


def _enter_attempts(db: Database, rows: Rows, numbers: Numbers, first: int, tallies: Tallies) -> None:
    values: list[Value] = []
    for news in rows.attempts:
        attempt: Opened = news.attempt
        values += (
            keys.attempt_key(first + attempt.position, attempt.number),
            _number_of_worker(db, attempt.worker, numbers),
            None if news.outcome is None else int(news.outcome),
            *(attempt.started, news.seconds, news.message or None),
            *(attempt.log, attempt.message, attempt.progress, attempt.tracking_url, news.outputs or None),
        )
        if news.outcome is not None and news.seconds is not None:
            family = rows.run.families_of[attempt.position]
            tallies.add(family, news.outcome, attempt.started + news.seconds, news.seconds)
    statements.put_attempts(db, values)


def _number_of_worker(db: Database, worker: str, numbers: Numbers) -> int:
    number = numbers.workers.get(worker)
    if number is None:
        number = numbers.workers[worker] = statements.worker_number(db, worker)
    return number
