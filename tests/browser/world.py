"""A server with something of everything on it: runs that ended, one under way, failures, waits, and hostile names."""

from __future__ import annotations

import urllib.request
from typing import TYPE_CHECKING

from rumbo import codec
from rumbo.scheduler.records import Outcome
from server_talk import Talker, spec

if TYPE_CHECKING:
    from server_inside import ServerInside

HOSTILE = '<img src=x onerror="window.hurt=1">"\'</script><script>window.hurt=1</script>'
LONG = "Long_" + "a_very_long_name_" * 12


class World:
    """Talks for a run's worker, ana, and for an agent."""

    def __init__(self, server: ServerInside) -> None:
        self.server = server
        self.ana, self.agent = Talker("ana"), Talker("agent")
        self.work(self.ana.joins())
        (clean,) = self.work(self.ana.begins("run-1", spec("Clean_1"), spec("Report_1", "Clean_1"), slots=1))
        trouble = 'Traceback (most recent call last):\n  File "shop.py", line 3, in run\nValueError: no such table'
        self.log("run-1", "Clean_1", b"\x1b[31mred\x1b[0m <b>not bold</b>\nsecond line\n")
        self.work(self.ana.says(self.ana.reports(clean, Outcome.FAILED, trouble)))
        self.work(self.ana.says(self.ana.ends("run-1", "failed", {"failed": 1, "held up": 1})))
        self.work(self.agent.joins(assistant=True))
        evil = spec("Evil_1", params={"name": HOSTILE, HOSTILE: "name"})
        fetches = [spec(f"Fetch_{number}", resources={"database": 1}) for number in range(1, 13)]
        root = spec("All_1", LONG, "Evil_1", *(each.id for each in fetches))
        self.work(self.ana.begins("run-2", *fetches, spec(LONG), evil, root))
        (self.fetch,) = self.work(self.agent.says(slots=1))
        lease = self.fetch.lease
        self.work(self.agent.says(codec.Noting(lease, "progress", "40"), codec.Noting(lease, "message", HOSTILE)))
        server.history.flush(5)

    def work(self, request: codec.WorkRequest) -> list[codec.WireOrder]:
        """Send a request; gives the new orders."""
        body = codec.encode(request)
        talker = self.ana if request.worker == "ana" else self.agent
        with urllib.request.urlopen(f"{self.server.url}/api/v1/work", body, timeout=10) as answer:
            return talker.gets(codec.decode_reply(answer.read()).orders)

    def log(self, run: str, task: str, text: bytes, offset: int = 0, last: bool = True) -> None:
        """An attempt printed this."""
        place = f"run={run}&task={task}&attempt=1&offset={offset}{'&last=1' if last else ''}"
        urllib.request.urlopen(f"{self.server.url}/api/v1/work/log?{place}", text, timeout=10).close()

    def finish_fetch(self, outcome: Outcome = Outcome.DONE, message: str = "") -> None:
        """What the agent runs ends, and it is given the next."""
        orders = self.work(self.agent.says(self.agent.reports(self.fetch, outcome, message), slots=1))
        starts = [order for order in orders if order.verb == "start"]
        if starts:
            self.fetch = starts[0]
