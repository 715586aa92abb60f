"""Every code block in the documentation runs, and prints what the page says it prints.

The blocks of one page run in order, in one folder of their own:

* a block whose first line is a comment with a file's name (``# sales.py``) is written to that file; Python files
  with tasks must import, and files of tests are run by the commands that follow;
* a ``diff`` block that begins in the same way changes that file: its ``-`` lines become its ``+`` lines;
* any other ``python`` block is run as a program;
* the commands of a ``console`` block (after ``$``) are run, and what each prints is compared with the lines below it;
* an ``sh`` block with ``rumbo`` commands is run and must end well.

The comparison is loose: times, durations, numbers of processes and ids of runs may be any, lines may come in another
order (as with two workers), and ``...`` stands for lines that are left out.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from file_services import s3_server
from server_house import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parents[2]
PAGES = [PROJECT / "README.md", PROJECT / "README.es.md", *sorted((PROJECT / "docs").rglob("*.md"))]
PROGRAMS = Path(sys.executable).parent

_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w+)[^\n]*\n(?P<body>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)
_FILE_NAME = re.compile(r"#\s(?P<name>[\w./-]+\.(?:py|toml|cfg|csv|txt))\s*")
_MARK = "\x1e"
_FOLDER = "/home/ana/pipelines"
"""What the pages call the folder in which they run."""

_ANYTHING = [
    (re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}"), "RUN"),
    (re.compile(r"\bid [0-9a-f]{8}\b"), "ID"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"), "MOMENT"),
    (re.compile(r"\b\d\d:\d\d:\d\d\b"), "TIME"),
    (re.compile(r"\bjust now\b|\b\d+[smh] ago\b"), "AGO"),
    (re.compile(r"\b\d+(\.\d+)?(ms|s)\b"), "SECONDS"),
    (re.compile(r"\b[\w-]+@[\w.-]+, process \d+"), "SOMEBODY"),
    (re.compile(r"\(process \d+\)"), "(PROCESS)"),
    (re.compile(r"\b\d+(\.\d)? (k|M)?B\b"), "SIZE"),
    (re.compile(r"\bid [0-9a-f]{8}\b"), "ID"),
    (re.compile(r"Python 3\.[\d.]+\S*, \w+ \w+"), "SYSTEM"),
    (re.compile(r"\s+"), " "),
]


class Block(NamedTuple):
    """A fenced block of a page."""

    language: str
    body: str
    line: int

    @property
    def file(self) -> str:
        """The name of the file that the block is written to; empty if there is none."""
        found = _FILE_NAME.fullmatch(self.body.partition("\n")[0])
        return found["name"] if found else ""


def blocks_of(page: Path) -> list[Block]:
    """The blocks of a page, in order, without the indentation of their fences."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        indent = match["indent"]
        body = "\n".join(line.removeprefix(indent) for line in match["body"].splitlines()) + "\n"
        found.append(Block(match["language"], body, text.count("\n", 0, match.start()) + 1))
    return found


class Folder:
    """Where a page's blocks are run."""

    def __init__(self, path: Path) -> None:
        self.path = path / "pipelines"
        self.path.mkdir()
        home = path / "home"
        home.mkdir()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RUMBO_", "LUIGI_", "COV"))}
        self.environment = {
            **kept,
            "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(home),
            "LOGNAME": "ana",
            "NO_COLOR": "1",
            "COLUMNS": "100",
            "PYTHONPATH": "",
            "PYTHONDONTWRITEBYTECODE": "1",
            "LC_ALL": "C.UTF-8",
        }
        self.port = free_port()
        """For what the pages call port 8082."""

    def clean(self) -> None:
        """End a server that a page began and did not come to stop."""
        for file in self.path.glob("*.pid"):
            with suppress(ProcessLookupError):
                os.kill(int(file.read_text()), signal.SIGTERM)

    def run(self, words: list[str], text: str = "") -> subprocess.CompletedProcess[str]:
        """Run a program with a text on its standard input."""
        return subprocess.run(
            words,
            cwd=self.path,
            env=self.environment,
            input=text,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )

    def write(self, block: Block) -> None:
        """Put a block into the file that it names."""
        path = self.path / block.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.body, encoding="utf-8")

    def outputs(self, commands: list[str]) -> list[str]:
        """What each of the commands printed, run one after the other in one shell."""
        script = "".join(f"__code=$?; printf '{_MARK}'; (exit $__code)\n{command}\n" for command in commands)
        if "rumbo serve" in script:
            self.environment["RUMBO_SERVER_PORT"] = str(self.port)
        ended = self.run(["bash", "-c", script.replace("localhost:8082", f"localhost:{self.port}")])
        assert "error in Rumbo itself" not in ended.stdout, ended.stdout
        printed = ended.stdout.replace(str(self.path), _FOLDER).replace(f":{self.port}", ":8082")
        return printed.split(_MARK)[1:]


def conversation(body: str) -> list[tuple[str, list[str]]]:
    """The commands of a ``console`` block, each with the lines that it prints."""
    found: list[tuple[str, list[str]]] = []
    continues = False
    for line in body.splitlines():
        if continues:
            command, _ = found.pop()
            found.append((f"{command}\n{line.removeprefix('> ')}", []))
        elif line.startswith("$ "):
            found.append((line[2:], []))
        else:
            assert found, f"A console block begins with a command, not with {line!r}."
            found[-1][1].append(line)
        continues = line.endswith("\\")
    return found


def loosely(line: str) -> str:
    """A line without what is different each time."""
    for pattern, word in _ANYTHING:
        line = pattern.sub(word, line)
    return line.strip()


def disagreement(expected: list[str], actual: str) -> str:
    """In what an output differs from what a page says; empty if it does not."""
    wanted = Counter(line for line in map(loosely, expected) if line)
    printed = Counter(line for line in map(loosely, actual.splitlines()) if line)
    leaves_out = wanted.pop("...", 0)
    missing = wanted - printed
    surplus = Counter() if leaves_out else printed - wanted
    lines = [f"  is not printed:  {line}" for line in missing] + [f"  is printed also: {line}" for line in surplus]
    return "\n".join(lines)


def run_python(folder: Folder, block: Block) -> str:
    """Run or import a block; gives the complaint, or nothing."""
    if block.file:
        folder.write(block)
        code = f"import {Path(block.file).stem}" if "/" not in block.file else ""
    else:
        code = block.body
    ended = folder.run([str(PROGRAMS / "python"), "-W", "error::DeprecationWarning", "-"], code)
    return "" if ended.returncode == 0 else ended.stdout


def run_console(folder: Folder, block: Block) -> str:
    """Run the commands of a block; gives the complaint, or nothing."""
    talk = conversation(block.body)
    complaints = []
    for (command, expected), actual in zip(talk, folder.outputs([command for command, _ in talk]), strict=True):
        difference = disagreement(expected, actual)
        if difference:
            complaints.append(f"$ {command}\n{difference}\n--- all that it printed:\n{actual}")
    return "\n".join(complaints)


def run_sh(folder: Folder, block: Block) -> str:
    """Run the ``rumbo`` commands of a block, if it has any; gives the complaint, or nothing."""
    for line in block.body.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] not in (["rumbo"], ["luigi"]):
            continue
        ended = folder.run([str(PROGRAMS / words[0]), *words[1:]])
        fine = (0, 10) if words[1] == "plan" else (0,)
        if ended.returncode not in fine:
            return f"{line}\n{ended.stdout}\nexit code {ended.returncode}"
    return ""


def run_diff(folder: Folder, block: Block) -> str:
    """Change a file as a block says; gives the complaint, or nothing."""
    path = folder.path / block.file
    lines = block.body.splitlines(keepends=True)
    old = "".join(line[1:] for line in lines if line.startswith("-"))
    new = "".join(line[1:] for line in lines if line.startswith("+"))
    text = path.read_text(encoding="utf-8")
    if text.count(old) != 1:
        return f"{block.file} has these lines {text.count(old)} times:\n{old}"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return ""


_RUNNERS = {"diff": run_diff, "python": run_python, "console": run_console, "sh": run_sh}


@contextmanager
def bucket_for(page: Path, folder: Folder) -> Iterator[None]:
    """The bucket that a page calls s3://lake, where it does."""
    if "s3://lake" not in page.read_text(encoding="utf-8"):
        yield
        return
    house = folder.path.parent / "s3"
    house.mkdir()
    with s3_server(house) as s3:
        folder.environment["AWS_ENDPOINT_URL"] = s3.url
        folder.environment["AWS_ACCESS_KEY_ID"], folder.environment["AWS_SECRET_ACCESS_KEY"] = s3.key, s3.secret
        yield


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    made = Folder(tmp_path)
    yield made
    made.clean()


@pytest.mark.parametrize("page", [page for page in PAGES if blocks_of(page)], ids=lambda page: page.stem)
def test_the_blocks_of_a_page_do_what_it_says(page: Path, folder: Folder) -> None:
    with bucket_for(page, folder):
        for block in blocks_of(page):
            if block.language in _RUNNERS:
                complaint = _RUNNERS[block.language](folder, block)
                assert not complaint, f"{page.name}, line {block.line}:\n{complaint}"
            elif block.file:
                folder.write(block)


def test_a_wrong_line_in_an_output_is_found() -> None:
    assert disagreement(["10:00:00 done  Clean  0.1s"], "12:34:56 done Clean 3.2s\n") == ""
    assert disagreement(["done", "..."], "more\ndone\n") == ""
    assert disagreement(["done"], "more\ndone\n") == "  is printed also: more"
    assert disagreement(["done"], "failed\n") == "  is not printed:  done\n  is printed also: failed"
