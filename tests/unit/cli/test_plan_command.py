"""`rumbo plan` and its kin: what they show, in which form, and their exit codes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

if TYPE_CHECKING:
    from typing import Any


BIG = """
import datetime as dt

import shop


class Big(shop.Report):
    def requires(self):
        return [shop.Clean(date=dt.date(2013, 1, 1) + dt.timedelta(number)) for number in range(70)]
"""


def test_the_tree_shows_each_task_with_its_verdict_and_the_reason(desk: Any) -> None:
    desk.write("src/sales.txt")
    desk.write("out/clean-2013-01-02.txt")

    said = desk.type("plan", "-m", "shop", "Report", "--days", "2")

    assert said.code == 10
    assert said.out.splitlines() == [
        "▷ Report(days=2, style=short)  run: not complete, and 1 of 2 that it needs are made first",
        "├─ ▷ Clean(date=2013-01-01, strict=False)  run: not complete",
        "│  └─ ✓ Source(name=sales)  skip",
        "└─ ✓ Clean(date=2013-01-02, strict=False)  skip",
        "",
        "4 tasks: 2 run, 2 skip",
    ]
    assert not desk.has("out/clean-2013-01-01.txt")


def test_many_tasks_of_one_family_are_folded_and_the_few_that_differ_are_named(desk: Any) -> None:
    desk.write("src/sales.txt")
    for day in range(1, 21):
        if day != 7:
            desk.write(f"out/clean-2013-01-{day:02}.txt")

    said = desk.type("plan", "-m", "shop", "Report", "--days", "20")

    assert said.out.splitlines() == [
        "▷ Report(days=20, style=short)  run: not complete, and 1 of 20 that it needs are made first",
        "└─ ▷ Clean × 20: 1 run, 19 skip",  # noqa: RUF001
        "   │   ▷ Clean(date=2013-01-07, strict=False)  run: not complete",
        "   └─ ✓ Source(name=sales)  skip",
        "",
        "22 tasks: 2 run, 20 skip",
    ]
    unfolded = desk.type("plan", "-m", "shop", "Report", "--days", "20", "--all")
    assert unfolded.out.count("Clean(date=") == 20


def test_only_lists_the_tasks_of_one_verdict(desk: Any) -> None:
    said = desk.type("plan", "-m", "shop", "Report", "--days", "1", "--only", "wait")

    assert said.code == 3
    assert [line.split("  ")[0] for line in said.out.splitlines()] == [
        "○ Report(days=1, style=short)",
        "○ Clean(date=2013-01-01, strict=False)",
        "○ Source(name=sales)",
        "",
        "3 tasks: 3 wait",
    ]


def test_the_exit_code_tells_a_script_what_would_happen(desk: Any) -> None:
    words = ("plan", "-m", "shop", "Report", "--days", "1")
    assert desk.type(*words).code == 3
    desk.write("src/sales.txt")
    assert desk.type(*words).code == 10
    desk.write("out/report-1.txt")
    assert desk.type(*words).code == 0
    desk.write(
        "bad.py", "import rumbo\n\nclass Bad(rumbo.Task):\n    def complete(self):\n        raise OSError('no disk')\n"
    )
    assert desk.type("plan", "-m", "bad", "Bad").code == 1


def test_a_broken_task_shows_the_frames_of_its_author(desk: Any) -> None:
    desk.write(
        "bad.py", "import rumbo\n\nclass Bad(rumbo.Task):\n    def complete(self):\n        raise OSError('no disk')\n"
    )

    said = desk.type("plan", "-m", "bad", "Bad")

    assert said.out.replace(str(desk.folder), "HERE").splitlines() == [
        "✗ Bad()  broken: complete() failed: OSError: no disk (line 5 of bad.py)",
        "",
        "Bad():",
        "  Traceback (most recent call last):",
        '    File "HERE/bad.py", line 5, in complete',
        "      raise OSError('no disk')",
        "  OSError: no disk",
        "",
        "1 task: 1 broken",
    ]


def test_deep_looks_below_what_is_complete(desk: Any) -> None:
    desk.write("out/report-1.txt")
    desk.write("src/sales.txt")

    said = desk.type("plan", "-m", "shop", "Report", "--days", "1", "--deep")

    assert said.code == 10
    assert "3 tasks: 2 run, 1 skip" in said.out


def test_the_depth_can_be_limited(desk: Any) -> None:
    desk.write("src/sales.txt")

    said = desk.type("plan", "-m", "shop", "Report", "--days", "1", "--depth", "1")

    assert said.out.splitlines()[0].endswith("  (and what it needs: --depth shows more)")
    assert "Clean" not in said.out


def test_json_has_the_whole_plan(desk: Any) -> None:
    desk.write("src/sales.txt")

    found = json.loads(desk.type("plan", "-m", "shop", "Report", "--days", "1", "--json").out)

    assert found["counts"] == {"run": 2, "skip": 1}
    report = found["tasks"][0]
    assert found["roots"] == [report["id"]]
    assert (report["family"], report["params"]) == ("Report", {"days": "1", "style": "short"})
    assert report["dependencies"] == [found["tasks"][1]["id"]]
    assert report["verdict"] == "run"


def test_mermaid_draws_boxes_and_arrows(desk: Any) -> None:
    desk.write("src/sales.txt")

    said = desk.type("plan", "-m", "shop", "Report", "--days", "1", "-f", "mermaid")

    assert said.out.splitlines()[:6] == [
        "flowchart LR",
        '  t0["▷ Report<br/>days=1<br/>style=short"]:::run',
        '  t1["▷ Clean<br/>date=2013-01-01<br/>strict=False"]:::run',
        '  t2["✓ Source<br/>name=sales"]:::skip',
        "  t1 --> t0",
        "  t2 --> t1",
    ]


def test_a_drawing_goes_to_a_file_by_its_ending(desk: Any) -> None:
    desk.write("src/sales.txt")

    said = desk.type("graph", "-m", "shop", "Report", "--days", "2", "-o", "plan.svg")

    assert said == (0, "", "")
    root = ElementTree.parse(desk.folder / "plan.svg").getroot()
    titles = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text") if text.get("class") == "title"]
    assert sorted(filter(None, titles)) == ["Clean", "Clean", "Report", "Source"]
    desk.type("plan", "-m", "shop", "Report", "-o", "plan.mmd")
    assert (desk.folder / "plan.mmd").read_text().startswith("flowchart LR\n")


def test_big_plans_are_drawn_by_family(desk: Any) -> None:
    desk.write("src/sales.txt")

    said = desk.type("plan", "-m", "shop", "Report", "--days", "31", "-f", "mermaid", "--all")
    assert said.out.count("Clean") == 31
    desk.write("big.py", BIG)
    said = desk.type("plan", "-m", "big", "Big", "-f", "mermaid")

    assert said.out.splitlines()[1:6] == [
        '  t0["▷ Big<br/>1 run"]:::run',
        '  t1["▷ Clean × 70<br/>70 run"]:::run',  # noqa: RUF001
        '  t2["✓ Source<br/>1 skip"]:::skip',
        "  t1 --> t0",
        "  t2 --> t1",
    ]


@pytest.mark.parametrize("command", ["plan", "graph", "tree", "deps", "why"])
def test_each_command_says_what_is_missing_and_has_help(command: str, desk: Any) -> None:
    said = desk.type(command, "-m", "shop")
    assert (said.code, said.err) == (
        2,
        f"rumbo: Which task? rumbo {command} -m MODULE TASK; `rumbo list MODULE` shows what there is.\n",
    )
    helped = desk.type(command, "--help")
    assert (helped.code, helped.err) == (0, "")
    assert helped.out.startswith(f"Usage: rumbo {command} [-m MODULE] TASK [--parameter VALUE ...] [options]\n")


def test_tree_shows_what_is_complete_also_below_what_is_complete(desk: Any) -> None:
    desk.write("out/report-1.txt")

    said = desk.type("tree", "-m", "shop", "Report", "--days", "1")

    assert said.out.splitlines() == [
        "✓ Report(days=1, style=short)",
        "└─ ○ Clean(date=2013-01-01, strict=False)",
        "   └─ ○ Source(name=sales)",
    ]


def test_deps_lists_outputs_dependencies_first(desk: Any) -> None:
    desk.write("src/sales.txt")

    said = desk.type("deps", "-m", "shop", "Report", "--days", "1")

    assert said.out.splitlines() == [
        "✓ Source(name=sales)",
        "    src/sales.txt",
        "○ Clean(date=2013-01-01, strict=False)",
        "    out/clean-2013-01-01.txt",
        "○ Report(days=1, style=short)",
        "    out/report-1.txt",
    ]


def test_deps_can_be_narrowed_to_the_ways_to_a_family(desk: Any) -> None:
    said = desk.type("deps", "-m", "shop", "Report", "--days", "1", "--upstream", "Clean", "--json")

    assert [entry["family"] for entry in json.loads(said.out)] == ["Clean", "Report"]
    wrong = desk.type("deps", "-m", "shop", "Report", "--upstream", "Claen")
    assert wrong.err == "rumbo: The task needs nothing of the family Claen. Did you mean Clean?\n"


def test_why_names_the_first_causes(desk: Any) -> None:
    said = desk.type("why", "-m", "shop", "Report", "--days", "1")

    assert said.code == 0
    assert said.out.splitlines()[1:] == [
        "  It has not made: out/report-1.txt",
        "  The first causes:",
        "    ○ Source(name=sales): external: somebody else must bring it about",
    ]
    desk.write("src/sales.txt")
    assert desk.type("why", "-m", "shop", "Report", "--days", "1").out.splitlines()[2:] == [
        "  Made before it, to begin with:",
        "    ▷ Clean(date=2013-01-01, strict=False): not complete",
    ]


def test_why_of_a_complete_task(desk: Any) -> None:
    desk.write("out/report-1.txt")

    assert desk.type("why", "-m", "shop", "Report", "--days", "1").out == (
        "✓ Report(days=1, style=short) would be skipped: complete.\n"
    )


def test_a_name_of_great_length_or_with_signs_of_terminals_stays_on_its_line(desk: Any) -> None:
    desk.write(
        "long.py",
        "import rumbo\n\nclass Long(rumbo.Task):\n    text: str\n    def complete(self):\n        return False\n\n"
        "class Needs(rumbo.Task):\n    text: str\n    def requires(self):\n        return Long(text=self.text)\n"
        "    def complete(self):\n        return False\n",
    )

    for command in ("plan", "tree", "deps", "why"):
        said = desk.type(command, "-m", "long", "Needs", "--text", "\x1b[31m" + "x" * 1000 + "\nend")
        assert max(map(len, said.out.splitlines())) < 350
        assert "\x1b" not in said.out
        assert r"Needs(text=\x1b[31mxxx" in said.out
