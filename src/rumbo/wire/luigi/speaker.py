"""Luigi's dialect at a server: calls that change something become lines of the journal, workers become runs.

A worker of Luigi says neither that it begins nor that it ends. So its first word opens a run under its own name, and
its silence closes it.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from rumbo.ports import PlannedTask, RunInfo
from rumbo.wire.luigi.dialect import READS, Dialect
from rumbo.wire.luigi.words import DEFAULT_OPTIONS, DialectOptions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rumbo.ports import Host
    from rumbo.scheduler.effects import Effect

_QUIET = READS | {"ping", "get_work", "count_pending"}
"""Methods that may change nothing; then they need not be remembered."""
_PARTS = re.compile(r"(\w+)=([^,()]*)")
_VERDICTS = {"DONE": "skip", "UNKNOWN": "broken"}


class Speaker:
    """`Guest` of a server: answers the calls of Luigi's workers and pages.

    Args:
        host: whose machine it speaks for.
        options: how Luigi's scheduler would be set up.
    """

    def __init__(self, host: Host, options: DialectOptions = DEFAULT_OPTIONS) -> None:
        self._host = host
        self._effects = 0
        self._announced: dict[str, list[Any]] = {}
        """By worker: family, parameters and error of the task that it could not schedule last."""
        self.dialect = Dialect(
            host.machine, self._apply, lambda: host.at, options, on_scheduling_failure=self._note_failure
        )

    def _apply(self, *commands: Any) -> Sequence[Effect]:
        effects = self._host.obey(commands, self._host.at)
        self._effects += len(effects)
        return effects

    # -- Guest --------------------------------------------------------------------------------------------------------

    def observe(self, effects: Sequence[Effect]) -> None:
        """Keep up with what happens to the machine."""
        self.dialect.observe(effects)

    def carry_out(self, body: bytes) -> object:
        """A call from the journal once more."""
        method, arguments = json.loads(body)
        return self.call(method, arguments)[0]

    def save(self) -> str:
        """What is remembered beside the machine."""
        return json.dumps({**self.dialect.save(), "announced": self._announced})

    def restore(self, saved: str) -> None:
        """Remember what was saved, or nothing if it is empty, for the machine that the host has now."""
        if saved:
            remembered = json.loads(saved)
            self._announced = remembered.get("announced", {})
            self.dialect.restore(remembered, self._host.machine)
        else:
            self.dialect.attach(self._host.machine)

    # -- calls --------------------------------------------------------------------------------------------------------

    def call(self, method: str, arguments: Mapping[str, Any]) -> tuple[object, bool]:
        """Answer a call; gives the reply, and whether anything has changed that must be remembered.

        Raises:
            ProtocolError: the arguments make no sense.
        """
        machine = self._host.machine
        workers, self._effects = len(self.dialect.workers), 0
        if method == "add_task":
            self._tell_of_plan(arguments)
        reply = self.dialect.methods[method](**arguments)
        is_news = (
            method not in _QUIET
            or self._effects > 0
            or len(self.dialect.workers) != workers
            or bool(machine.resources.claims)
            or (method == "ping" and bool(reply["rpc_messages"]))
        )
        return reply, is_news

    def _note_failure(self, told: Mapping[str, Any]) -> None:
        """A worker could not schedule a task; in a moment it describes it as one that nothing is known of."""
        self._announced[str(told["worker"])] = [told["family"], told["params"], str(told["expl"])]

    def _error_of(self, said: Mapping[str, Any]) -> str:
        """Why a worker could not schedule a task, if it said so just before."""
        family, params, error = self._announced.pop(str(said.get("worker")), ("", {}, ""))
        all_params = said.get("params")
        if said.get("family") != family or not isinstance(all_params, dict) or not isinstance(params, dict):
            return ""
        return str(error) if params.items() <= all_params.items() else ""

    def _tell_of_plan(self, said: Mapping[str, Any]) -> None:
        """A task becomes part of the run of the worker that names it first; later words may add to what it needs."""
        worker, id = said.get("worker"), said.get("task_id")
        if not isinstance(worker, str) or not isinstance(id, str):
            return
        needs = said.get("deps") or said.get("new_deps")
        if self._host.has_planned(worker, id) and not needs:
            return
        if not said.get("family") and id not in self._host.machine.tasks:
            return
        self._host.plan(self._run_of(worker, id), [self._planned(id, said, needs or ())])

    def _run_of(self, worker: str, first: str) -> RunInfo:
        """The run of a worker whose first word is of this task. Workers begin with the task that they were asked for.

        What it says of itself in words comes later, but its name says the same:
        ``Worker(salt=1, workers=1, host=h, username=u, pid=2)``.
        """
        known = self.dialect.workers.get(worker)
        info = {**dict(_PARTS.findall(worker)), **(known.info if known is not None else {})}
        roots = (first,)
        host, user = str(info.get("host", "")), str(info.get("username", ""))
        pid, workers = _whole(info.get("pid")), _whole(info.get("workers")) or 1
        return RunInfo(worker, roots, "luigi", host, user, pid, "", workers, self._host.at)

    def _planned(self, id: str, said: Mapping[str, Any], needs: Sequence[str]) -> PlannedTask:
        visible = said.get("param_visibilities") or {}
        task = self._host.machine.tasks.get(id)
        params = said.get("params") or (task.spec.params if task is not None else {})
        shown = {name: str(value) for name, value in dict(params).items() if not visible.get(name)}
        known = task.spec.dependencies if task is not None else ()
        status = str(said.get("status", "PENDING"))
        return PlannedTask(
            id,
            str(said.get("family") or (task.spec.family if task is not None else "")),
            str(said.get("module") or ""),
            shown,
            _VERDICTS.get(status, "run"),
            "its worker said so",
            tuple(dict.fromkeys((*known, *map(str, needs)))),
            float(said.get("priority") or 0),
            self._error_of(said) if status == "UNKNOWN" else "",
            tuple([name for name in dict(params) if visible.get(name)]),
            _texts(said.get("owners")),
        )


def _texts(value: object) -> tuple[str, ...]:
    """A list of texts that a worker gave; none if it is no list."""
    return tuple(map(str, value)) if isinstance(value, list | tuple) else ()


def _whole(value: object) -> int:
    """A number that a worker said of itself; 0 if it is none."""
    return int(value) if isinstance(value, int | str) and str(value).isdigit() else 0
