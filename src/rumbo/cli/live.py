"""A run as a picture that keeps itself up to date on a terminal; what lasts is printed above it."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, TextIO

from rumbo.cli.finding import failure_text
from rumbo.cli.look import can_symbols, plural, segments
from rumbo.cli.plain import Printed, name_of
from rumbo.cli.standing import Standing
from rumbo.looks import LOOKS
from rumbo.wording import duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from rumbo.cli.standing import Family, Running
    from rumbo.ports import PlannedTask, RunEnded, RunInfo
    from rumbo.scheduler.effects import AttemptEnded, Effect

_PAUSE = 0.125
"""Seconds between two pictures."""
_WIDEST = 110
"""No line of the picture is longer, so that it can be taken in at a glance."""
_SPINNER = "◐◓◑◒"
_FAMILIES = 12
_RUNNING = 10
_QUICK = 5000
"""So many tasks can be looked at for each picture."""


class LiveView:
    """`Observer` that draws.

    What it is told is put aside; a thread of its own takes it up, prints and draws. The thread is started once there
    is something to run, which is after all processes are forked.

    Args:
        out: the terminal, by a stream that nobody redirects.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._news: deque[tuple[str, Any]] = deque()
        self._standing = Standing()
        self._run: RunInfo | None = None
        self._begun = time.time()
        self._told = ""
        self._turns = 0
        self._live: Live | None = None
        self._console: Console | None = None
        self._thread: threading.Thread | None = None
        self._over = threading.Event()
        self._lines: list[Text] = []
        self._size = (0, 0)
        self._has_symbols = can_symbols(out)
        self._printed = Printed()
        self._segments: list[tuple[str, int]] = []
        self._strip_width = 0

    # -- Observer: put it aside and return ----------------------------------------------------------------------------

    def run_started(self, run: RunInfo) -> None:
        self._run = run
        self._begun = run.started
        self._standing.workers = run.workers

    def planned(self, run_id: str, nodes: Sequence[PlannedTask]) -> None:
        self._news.append(("planned", nodes))
        if self._thread is None and any(node.verdict == "run" for node in nodes):
            self._begin()

    def happened(self, run_id: str, effects: Sequence[Effect]) -> None:
        self._news.append(("happened", effects))

    def attempt_log(self, run_id: str, task_id: str, attempt: int, path: str) -> None:
        self._news.append(("log", (task_id, path)))

    def tell(self, sentence: str) -> None:
        """Show a sentence. May be called by a signal handler."""
        self._news.append(("tell", sentence))

    def run_ended(self, run: RunEnded) -> None:
        pass

    def close(self) -> None:
        """Print what is still to be printed and take the picture away."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    # -- the thread ---------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = Console(file=self._out, highlight=False, markup=False, emoji=False, soft_wrap=True)
        self._live = Live(
            console=self._console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
        )
        self._thread = threading.Thread(target=self._work, name="rumbo-live", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        live = self._live
        assert live is not None
        try:
            self._follow_size()
            live.start()
            try:
                while not self._over.wait(_PAUSE):
                    self._turn()
                self._catch_up()
            finally:
                live.stop()
        except Exception as error:  # noqa: BLE001 - a picture must never harm the run it shows
            self._out.write(f"The live view ended by an error of its own ({type(error).__name__}: {error}).\n")

    def _turn(self) -> None:
        """Take up the news and draw."""
        from rich.console import Group

        assert self._live is not None
        self._catch_up()
        climbed = self._follow_size()
        self._turns += 1
        width, height = self._size
        self._lines = self._picture(min(width - 1, _WIDEST), height)
        self._live.update(Group(*self._lines), refresh=True)
        if climbed:
            self._out.write("\x1b[J")
            self._out.flush()

    def _follow_size(self) -> bool:
        """Take the terminal's size. When it became narrower, the lines of the last picture wrapped: climb over them.

        The process's own streams may lead to files by now, so the terminal itself is asked.
        """
        from rich.console import ConsoleDimensions

        assert self._console is not None
        try:
            size = os.get_terminal_size(self._out.fileno())
        except (OSError, ValueError):
            size = os.terminal_size((80, 24))
        # A terminal that nobody has told its size says 0.
        width, height = max(size.columns or 80, 10), max(size.lines or 24, 4)
        if (width, height) == self._size:
            return False
        extra = sum(max(-(-line.cell_len // width), 1) - 1 for line in self._lines)
        narrower = width < self._size[0]
        self._size = (width, height)
        self._console.size = ConsoleDimensions(width, height)
        if narrower and extra:
            self._out.write(f"\x1b[{extra}A")
            self._out.flush()
        return narrower

    def _catch_up(self) -> None:
        while self._news:
            kind, what = self._news.popleft()
            if kind == "planned":
                self._standing.plan(what)
                for node in what:
                    if node.verdict == "broken":
                        self._print_broken(node)
            elif kind == "happened":
                for ended, seconds in self._standing.take(what):
                    self._print_failure(ended, seconds)
            elif kind == "log":
                self._print_log(*what)
            else:
                self._told = what

    # -- what lasts, above the picture --------------------------------------------------------------------------------

    def _print_failure(self, ended: AttemptEnded, seconds: float) -> None:
        from rich.text import Text

        assert self._console is not None
        line = Text(f"{self._symbol('failed')} {self._name(ended.task)}", _style("failed"))
        line.append(f"  {ended.outcome.name.lower().replace('_', ' ')} after {duration(seconds)}", "dim")
        self._console.print(line)
        for text in failure_text(ended.message).split("\n"):
            self._console.print(Text(f"    {text}"))

    def _print_broken(self, node: PlannedTask) -> None:
        from rich.text import Text

        assert self._console is not None
        self._console.print(Text(f"{self._symbol('broken')} {name_of(node)}  {node.reason}", _style("broken")))

    def _print_log(self, task: str, path: str) -> None:
        from rich.text import Text

        assert self._console is not None
        news = self._printed.news(path)
        if not news:
            return
        if self._standing.to_run > 1:
            who = self._name(task) if task else "Tasks that share a process"
            self._console.print(Text(f"{who} printed:", "dim"))
        # Colours stay; moves of the cursor would tear the picture, and go.
        self._console.print(Text.from_ansi(news.removesuffix("\n")))

    # -- the picture --------------------------------------------------------------------------------------------------

    def _picture(self, width: int, height: int) -> list[Text]:
        """The lines, none wider than ``width`` and not more than fit the terminal."""
        now = time.time()
        lines = [self._head(now), self._strip(width)]
        room = max(height - len(lines) - 2, 2)
        families = self._families(width, min(_FAMILIES, max(room // 2, 1)))
        running = self._running(now, width, min(_RUNNING, max(room - len(families), 1)))
        lines += [*families, *running]
        if self._told:
            lines.append(_text(self._told, "bold"))
        for line in lines:
            line.truncate(width, overflow="ellipsis")
            line.no_wrap = True
        return lines

    def _head(self, now: float) -> Text:
        standing = self._standing
        line = _text(f"{standing.over:,} of {plural(standing.to_run, 'task')}", "bold")
        failed = sum(family.counts.get("failed", 0) for family in standing.families.values())
        if failed:
            line.append(f", {failed:,} failed", _style("failed"))
        line.append(f"  {duration(now - self._begun)}")
        left = standing.seconds_left(now)
        if left is not None and left >= 1:
            line.append(f", about {duration(left)} left", "dim")
        return line

    def _strip(self, width: int) -> Text:
        states = self._standing.states
        # With very many tasks it takes a while to look at them all, and nobody sees one of them change.
        if self._turns % (1 + len(states) // _QUICK) == 0 or width != self._strip_width:
            self._strip_width = width
            self._segments = segments(list(states.values()), width)
        line = _text("")
        block = "▬" if self._has_symbols else "="
        for state, length in self._segments:
            line.append(block * length, _style(state))
        return line

    def _families(self, width: int, room: int) -> list[Text]:
        families = sorted(self._standing.families.values(), key=_interest)
        shown = families if len(families) <= room else families[: room - 1]
        order = {name: place for place, name in enumerate(self._standing.families)}
        shown = sorted(shown, key=lambda family: order[family.name])
        names = min(max((len(family.name) for family in shown), default=0), max(width // 3, 8))
        digits = max((len(f"{family.to_run:,}") for family in shown), default=1)
        lines = [self._family(family, names, digits, width) for family in shown]
        if len(families) > len(shown):
            rest = families[len(shown) :]
            over = sum(family.over for family in rest)
            total = sum(family.to_run for family in rest)
            lines.append(_text(f"  and {len(rest)} more families: {over:,} of {total:,}", "dim"))
        return lines

    def _family(self, family: Family, names: int, digits: int, width: int) -> Text:
        name = family.name if len(family.name) <= names else family.name[: names - 1] + "…"
        line = _text(f"  {name.ljust(names)}  ")
        numbers = f"  {family.over:>{digits},}/{family.to_run:<{digits},}"
        cells = max(min(width - line.cell_len - len(numbers) - 10, 50), 4)
        full, empty = ("━", "─") if self._has_symbols else ("#", "-")
        used = 0
        for state in ("done", "failed", "disabled", "cancelled", "retrying", "running", "parked"):
            number = family.counts.get(state, 0)
            if number:
                part = min(max(round(cells * number / family.to_run), 1), cells - used)
                line.append(full * part, _style(state))
                used += part
        line.append(empty * (cells - used), "dim")
        line.append(numbers)
        failed = family.counts.get("failed", 0)
        if failed:
            line.append(f"  {self._symbol('failed')} {failed:,}", _style("failed"))
        return line

    def _running(self, now: float, width: int, room: int) -> list[Text]:
        attempts = sorted(self._standing.running.values(), key=lambda each: (each.is_parked, each.begun))
        shown = attempts if len(attempts) <= room else attempts[: room - 1]
        lines = [self._attempt(each, now) for each in shown]
        if len(attempts) > len(shown):
            lines.append(_text(f"  and {len(attempts) - len(shown)} more running", "dim"))
        return lines

    def _attempt(self, running: Running, now: float) -> Text:
        state = "parked" if running.is_parked else "running"
        symbol = self._symbol(state)
        if state == "running" and self._has_symbols:
            symbol = _SPINNER[self._turns // 2 % len(_SPINNER)]
        line = _text(f"{symbol} ", _style(state))
        line.append(self._name(running.tasks[0]))
        if len(running.tasks) > 1:
            line.append(f" and {len(running.tasks) - 1} more in one batch", "dim")
        line.append(f"  {duration(now - running.begun)}", "dim")
        if running.progress is not None:
            line.append(f"  {running.progress:.0f}%", _style("running"))
        if running.attempt > 1:
            line.append(f"  attempt {running.attempt}", _style("retrying"))
        if running.is_parked:
            line.append("  waits for what it asked for", "dim")
        if running.message:
            line.append(f"  {running.message.splitlines()[0]}")
        if running.url:
            line.append(f"  {running.url}", "dim")
        return line

    def _name(self, id: str) -> str:
        node = self._standing.planned.get(id)
        return id if node is None else name_of(node)

    def _symbol(self, state: str) -> str:
        return LOOKS[state].symbol if self._has_symbols else LOOKS[state].letter


def _interest(family: Family) -> tuple[bool, bool, int]:
    """What is under way comes first, what has failed next, what is over last."""
    is_busy = bool(family.counts.get("running") or family.counts.get("parked"))
    is_open = family.over < family.to_run or bool(family.counts.get("failed"))
    return (not is_busy, not is_open, -family.to_run)


def _style(state: str) -> str:
    """A state's colour as rich understands it."""
    return f"color({LOOKS[state].sgr.rsplit(';', 1)[-1]})"


def _text(text: str, style: str = "") -> Text:
    from rich.text import Text

    return Text(text, style, no_wrap=True)
