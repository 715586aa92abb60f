"""The memory of runs in ``.rumbo/``, which Luigi programs have only when somebody asks for it.

``RUMBO_HISTORY=1`` in the environment, or ``history = true`` in the section ``[rumbo]`` of the configuration; then
``rumbo history``, ``rumbo show`` and ``rumbo logs`` know these runs too.
"""

from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING, Any

from luigi.configuration import get_config

if TYPE_CHECKING:
    from collections.abc import Iterable

    from luigi._engine import EngineWork, LuigiEngine
    from rumbo.worker.plan import Node


def is_wanted() -> bool:
    """Whether runs shall be remembered."""
    variable = os.environ.get("RUMBO_HISTORY")
    if variable is not None:
        return variable.lower() in ("1", "true", "yes", "on")
    return bool(get_config().getboolean("rumbo", "history", False))


class Memory:
    """Tells the history of one worker's run. What happens before it begins is kept and told in order."""

    def __init__(self, work: EngineWork) -> None:
        from rumbo.store.history import HistoryWriter
        from rumbo.worker.outputs import Recorder

        self._work = work
        self._writer = HistoryWriter(".rumbo")
        self._recorder = Recorder()
        self._early: list[Any] = []
        self._run = ""
        self._started = 0.0

    def planned(self, nodes: Iterable[Node]) -> None:
        """Nodes were found while the run goes on."""
        if self._run:
            self._writer.planned(self._run, [node.planned(self._recorder) for node in nodes])

    def happened(self, effects: Any) -> None:
        """The scheduler decided and learned something."""
        if self._run:
            self._writer.happened(self._run, effects)
        else:
            self._early += effects

    def begin(self) -> None:
        """The run begins; all processes are forked."""
        from rumbo.cli.wiring import new_run_id
        from rumbo.ports import RunInfo

        worker = self._work.worker
        self._started = self._work.clock.now()
        self._run = new_run_id(self._started)
        roots = tuple(dict.fromkeys(node.id for node in self._work.plan.roots))
        info = dict(worker._worker_info)
        command = shlex.join([os.path.basename(sys.argv[0]), *sys.argv[1:]])
        self._writer.start()
        self._writer.run_started(
            RunInfo(
                self._run,
                roots,
                command,
                worker.host,
                str(info.get("username", "")),
                os.getpid(),
                os.getcwd(),
                worker.worker_processes,
                self._started,
            )
        )
        self._writer.planned(self._run, [node.planned(self._recorder) for node in self._work.plan.nodes.values()])
        self._writer.happened(self._run, self._early)
        self._early = []

    def end(self, engine: LuigiEngine) -> None:
        """The run is over, by itself or by an error."""
        from rumbo.ports import RunEnded
        from rumbo.worker.result import RunResult

        now = self._work.clock.now()
        error = sys.exc_info()[1]
        if error is not None:
            ended = RunEnded(self._run, now, "crashed", f"{type(error).__name__}: {error}", {})
        else:
            result = RunResult(self._run, engine._plan, engine.outcomes, engine.attempts, now - self._started)
            ended = RunEnded(self._run, now, result.status, result.summary(), result.counts)
        self._writer.run_ended(ended)
        self._writer.close()
        self._run = ""
