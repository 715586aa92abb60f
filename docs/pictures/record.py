"""Draws docs/pictures/run.svg: the flights example at work, as a terminal shows it. Needs tmux and `make demo`'s setup.

.venv/bin/python docs/pictures/record.py
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

HERE = Path(__file__).parent
FLIGHTS = HERE.parent.parent / "examples" / "flights"
SESSION = "rumbo-picture"
COLUMNS, ROWS = 96, 16
COMMAND = "rumbo run -m flights FlightReport --workers 2"


def tmux(*words: str) -> str:
    """What a tmux command prints."""
    return subprocess.run(["tmux", *words], check=True, capture_output=True, text=True).stdout


def screen_at_work(folder: Path) -> str:
    """The screen, with its colours, when the months are being counted."""
    rumbo = Path(sys.executable).parent / "rumbo"
    shell = f"cd {folder} && {COMMAND.replace('rumbo', str(rumbo), 1)}"
    tmux("new-session", "-d", "-s", SESSION, "-x", str(COLUMNS), "-y", str(ROWS), shell)
    try:
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            screen = tmux("capture-pane", "-t", SESSION, "-e", "-p")
            if re.search(r"\b[1-9]\d?/12\b", screen):
                return screen
            time.sleep(0.1)
        raise SystemExit("The run did not come to the months within five minutes.")
    finally:
        subprocess.run(["tmux", "kill-session", "-t", SESSION], check=False)


def main() -> None:
    """Record the run in a copy of the example, and draw it."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "flights"
        shutil.copytree(FLIGHTS, copy, ignore=shutil.ignore_patterns("data", ".rumbo", "__pycache__"))
        screen = screen_at_work(copy)
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True)
    console.print(Text(f"$ {COMMAND}", style="bold"))
    console.print(Text.from_ansi(screen.rstrip()))
    # No fonts from other hosts: the reader's own monospaced one serves.
    picture = re.sub(r"@font-face \{.*?\}\s*", "", console.export_svg(title="rumbo"), flags=re.DOTALL)
    (HERE / "run.svg").write_text(picture)


if __name__ == "__main__":
    main()
