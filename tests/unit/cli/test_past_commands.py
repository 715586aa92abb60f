"""`rumbo history`, `show`, `logs` and `why` over runs that were made."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from rumbo.cli import past

if TYPE_CHECKING:
    from typing import Any


def plain(text: str, desk: Any) -> str:
    text = re.sub(r"\d{8}-\d{6}-[0-9a-f]{4}", "RUN", text).replace(str(desk.folder), "HERE")
    text = re.sub(r"\b\d+\.\ds\b", "0.0s", text)
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "WHEN", text)


@pytest.fixture
def used(desk: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A desk where a run failed and the next one, which had less to do, went well."""
    desk.write("src/sales.txt")
    monkeypatch.setenv("BREAK", "2013-01-02")
    # Tasks print straight to here: the files of a process's output are for processes of their own.
    assert desk.type("run", "-m", "shop", "Report", "--days", "2", "-s").code == 1
    monkeypatch.delenv("BREAK")
    assert desk.type("run", "-m", "shop", "Report", "--days", "2", "-s").code == 0
    return desk


def test_without_a_history_each_command_says_so(desk: Any) -> None:
    for words in (["history"], ["show"], ["logs", "Clean"]):
        said = desk.type(*words)
        assert (said.code, said.out) == (1, "")
        assert plain(said.err, desk) == (
            "rumbo: There is no history in HERE: nothing has been run there yet, or with --no-history. "
            "Go to the folder where the runs were started, or name it with --folder.\n"
        )


def test_no_history_leaves_no_trace(desk: Any) -> None:
    desk.write("src/sales.txt")

    desk.type("run", "-m", "shop", "Report", "--no-history")

    assert not desk.has(".rumbo")


def test_history_lists_runs_the_latest_first(used: Any) -> None:
    said = used.type("history")

    assert said.code == 0
    assert [" ".join(line.split()) for line in plain(said.out, used).splitlines()] == [
        "✓ RUN just now 0.0s done 2 done, 2 complete rumbo run -m shop Report --days 2 -s",
        "✗ RUN just now 0.0s failed 1 failed, 1 held up, 1 done, 1 complete rumbo run -m shop Report --days 2 -s",
    ]
    assert len(used.type("history", "--status", "failed").out.splitlines()) == 1
    assert len(used.type("history", "-n", "1").out.splitlines()) == 1
    assert used.type("history", "--status", "crashed").out == "No run is crashed.\n"
    assert [run["status"] for run in json.loads(used.type("history", "--json").out)] == ["done", "failed"]


def test_a_command_of_several_lines_takes_one(used: Any) -> None:
    assert used.type("run", "-m", "shop", "Source", "--name", "a\nb").code == 3

    assert used.type("history", "-n", "1").out.endswith("rumbo run -m shop Source --name 'a\\nb'\n")


def test_the_module_may_be_named_as_when_running(used: Any) -> None:
    assert used.type("show", "-m", "shop", "Report") == used.type("show", "Report")
    assert used.type("show", "--module=shop", "Report") == used.type("show", "Report")
    assert used.type("show", "-m", "shop").err == (
        "rumbo: Which task? Name it by its family and parameters, or by its id.\n"
    )


def test_show_tells_of_a_run_and_of_what_failed_in_it(used: Any) -> None:
    failed = json.loads(used.type("history", "--status", "failed", "--json").out)[0]["id"]

    said = used.type("show", failed[:-1])

    lines = plain(said.out, used).splitlines()
    assert lines[0] == "✗ Run RUN  failed"
    assert "  command   rumbo run -m shop Report --days 2 -s" in lines
    assert "  tasks     1 failed, 1 held up, 1 done, 1 complete" in lines
    assert "  Clean: 1 done, 1 failed" in lines
    start = next(n for n, line in enumerate(lines) if line.startswith("  ✗ Clean(date=2013-01-02"))
    assert [line for line in lines[start + 1 :] if "^^^" not in line] == [
        "      Traceback (most recent call last):",
        '        File "HERE/shop.py", line 39, in run',
        '          raise ValueError("no sales on this day")',
        "      ValueError: no sales on this day",
    ]


def test_show_means_the_last_run_when_nothing_is_named(used: Any) -> None:
    assert used.type("show") == used.type("show", "last")
    assert plain(used.type("show").out, used).startswith("✓ Run RUN  done\n")
    assert "Clean(date=2013-01-02" in used.type("show", "--tasks").out
    assert {task["state"] for task in json.loads(used.type("show", "--json").out)["tasks"]} == {"done"}


@pytest.mark.parametrize(
    "words",
    [
        ["Clean", "--date", "2013-01-02"],
        ["Clean", "--date=2013-01-02"],
        ["Clean(date=2013-01-02, strict=False)"],
        ["Clean(date=2013-01-02)"],
        ["Clean_2013_01_02"],
    ],
)
def test_a_task_is_named_as_on_the_command_line_as_runs_print_it_or_by_its_id(words: list[str], used: Any) -> None:
    said = used.type("show", *words)

    lines = plain(said.out, used).splitlines()
    assert lines[0] == "✓ Clean(date=2013-01-02, strict=False)  done"
    assert lines[2:4] == ["  module    shop", "  runs      2"]
    assert [" ".join(line.split()) for line in lines[4:8]] == [
        "made out/clean-2013-01-02.txt 1 B just now",
        "read Source",
        "src/sales.txt 1 B just now",
        "",
    ]
    assert lines[8:10] == ["  ✓ WHEN  run RUN  done", "      ✓ attempt 1 done after 0.0s"]
    assert lines[11:13] == ["  ✗ WHEN  run RUN  failed: not complete", "      ✗ attempt 1 failed after 0.0s"]
    assert lines[-1] == "          ValueError: no sales on this day"


def test_show_tells_what_has_become_of_what_a_task_made(used: Any) -> None:
    (used.folder / "out" / "clean-2013-01-02.txt").write_text("much longer")
    (used.folder / "out" / "clean-2013-01-01.txt").unlink()

    changed, gone = (used.type("show", "Clean", "--date", f"2013-01-0{day}").out.splitlines()[4] for day in (2, 1))

    assert " ".join(changed.split()) == "made out/clean-2013-01-02.txt 1 B just now changed since"
    assert " ".join(gone.split()) == "made out/clean-2013-01-01.txt 1 B just now gone since"
    (told,) = json.loads(used.type("show", "Report", "--json").out)
    assert [each["family"] for each in told["inputs"]] == ["Clean", "Clean"]
    assert [each["artifacts"][0]["fate"] for each in told["inputs"]] == ["gone", "changed"]
    assert told["outputs"]["artifacts"][0]["fate"] == "there"


def test_a_family_alone_lists_its_tasks(used: Any) -> None:
    said = used.type("show", "Clean")

    assert [line.split("  ")[:2] for line in said.out.splitlines()] == [
        ["✓ Clean(date=2013-01-02, strict=False)", "done"],
        ["✓ Clean(date=2013-01-01, strict=False)", "done"],
    ]
    assert len(json.loads(used.type("show", "Clean", "--json").out)) == 2


def test_why_tells_of_the_last_runs(used: Any) -> None:
    (used.folder / "out/clean-2013-01-02.txt").unlink()

    said = used.type("why", "-m", "shop", "Clean", "--date", "2013-01-02")

    assert plain(said.out, used).splitlines()[:5] == [
        "▷ Clean(date=2013-01-02, strict=False) would run: not complete.",
        "  It has not made: out/clean-2013-01-02.txt",
        "  The last runs:",
        "    ✓ WHEN  run RUN  done",
        "        ✓ attempt 1 done after 0.0s",
    ]
    never = used.type("why", "-m", "shop", "Clean", "--date", "2013-01-09").out
    assert never.endswith("  No run has had to do with it yet.\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["show", "Claen"], "Neither a run nor a task in the history is called Claen. Did you mean Clean?"),
        (
            ["show", "Xyzzy"],
            "Neither a run nor a task in the history is called Xyzzy. The history has tasks of: Clean, Report, Source.",
        ),
        (
            ["show", "Clean", "--date", "1999-01-01"],
            "No task Clean(date=1999-01-01) is in the history. There is, for example: "
            "Clean(date=2013-01-02, strict=False), Clean(date=2013-01-01, strict=False).",
        ),
        (["show", "1999"], "No run in HERE/.rumbo has an id that begins with '1999': see `rumbo history`."),
    ],
)
def test_what_is_not_in_the_history_is_told_with_near_misses(words: list[str], message: str, used: Any) -> None:
    said = used.type(*words)

    assert (said.code, said.out) == (1, "")
    assert plain(said.err, used) == f"rumbo: {message}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["logs", "Clean"],
            "That is more than one task: Clean(date=2013-01-02, strict=False), "
            "Clean(date=2013-01-01, strict=False). Say which by its parameters or its id.",
        ),
        (
            ["show", "Clean", "2013-01-01"],
            "'2013-01-01' is not understood: after a task come its parameters, as --name value.",
        ),
        (["show", "Clean", "--date"], "--date needs a value: --date VALUE."),
    ],
)
def test_words_that_make_no_sense_are_wrong_usage(words: list[str], message: str, used: Any) -> None:
    assert used.type(*words) == (2, "", f"rumbo: {message}\n")


def test_logs_of_a_silent_attempt(used: Any) -> None:
    said = used.type("logs", "Report")

    assert plain(said.err, used) == "Report(days=2, style=short) printed nothing in attempt 1 of run RUN.\n"
    none = used.type("logs", "Source")
    assert none.code == 1
    assert none.err == (
        "rumbo: There is no attempt at Source(name=sales) in the last runs. "
        "It has not run yet: `rumbo show` tells what became of it.\n"
    )


@pytest.mark.parametrize(
    ("seconds", "words"), [(3, "just now"), (42, "42s ago"), (301, "5m ago"), (7200, "2h ago"), (86_400 * 3, None)]
)
def test_moments_are_told_as_people_do(seconds: float, words: str | None, desk: Any) -> None:
    now = 1_400_000_000.0

    assert past.ago(now - seconds, now) == (words or past.at(now - seconds))
