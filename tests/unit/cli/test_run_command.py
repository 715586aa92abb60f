"""`rumbo run` and what it says, word for word."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from typing import Any


def without_times(text: str) -> str:
    text = re.sub(r"\d{8}-\d{6}-[0-9a-f]{4}", "RUN", text)
    return re.sub(r"\b\d\d:\d\d:\d\d\b", "TIME", re.sub(r"\b\d+\.\ds\b", "0.0s", text))


def test_each_task_gets_a_line_at_its_start_and_at_its_end(desk: Any) -> None:
    desk.write("src/sales.txt")

    said = desk.type("run", "-m", "shop", "Report", "--days", "1", "--no-history")

    assert (said.code, said.err) == (0, "")
    assert without_times(said.out).splitlines() == [
        "TIME run      RUN: 2 tasks to run, 1 complete",
        "TIME start    Clean(date=2013-01-01, strict=False)",
        "TIME done     Clean(date=2013-01-01, strict=False)  0.0s",
        "TIME start    Report(days=1, style=short)",
        "TIME done     Report(days=1, style=short)  0.0s",
        "Run RUN: done, 2 tasks done in 0.0s.",
        "  1 task was complete already.",
    ]
    assert desk.has("out/report-1.txt")


def test_when_all_is_complete_it_says_so_in_one_line(desk: Any) -> None:
    desk.write("out/report-3.txt")

    said = desk.type("run", "-m", "shop", "Report", "--no-history")

    assert said == (0, "Nothing to do: Report(days=3, style=short) is complete.\n", "")


def test_several_tasks_may_be_named_each_with_its_flags(desk: Any) -> None:
    for name in ("out/report-1.txt", "out/report-2.txt"):
        desk.write(name)

    said = desk.type("run", "-m", "shop", "Report", "--days", "1", "Report", "--days=2", "--no-history")

    assert said == (0, "Nothing to do: all 2 tasks are complete.\n", "")


def test_a_failure_is_shown_with_the_users_frames_only(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.write("src/sales.txt")
    monkeypatch.setenv("BREAK", "2013-01-01")

    said = desk.type("run", "-m", "shop", "Report", "--days", "1", "--no-history")

    assert said.code == 1
    lines = without_times(said.out).replace(str(desk.folder), "HERE").splitlines()
    number = next(n for n, line in enumerate(lines) if "FAILED" in line)
    assert [line for line in lines[number:] if "^^^" not in line] == [
        "TIME FAILED   Clean(date=2013-01-01, strict=False)  0.0s",
        "    Traceback (most recent call last):",
        '      File "HERE/shop.py", line 39, in run',
        '        raise ValueError("no sales on this day")',
        "    ValueError: no sales on this day",
        "Run RUN: failed, 0 tasks done in 0.0s.",
        "  1 task was complete already.",
        "  1 task failed:",
        "    Clean(date=2013-01-01, strict=False): ValueError: no sales on this day",
        "  1 task held up:",
        "    Report(days=1, style=short): needs Clean(date=2013-01-01, strict=False), which is failed",
    ]


def test_what_must_come_from_elsewhere_has_an_exit_code_of_its_own(desk: Any) -> None:
    said = desk.type("run", "-m", "shop", "Clean", "--date", "2013-01-01", "--no-history")

    assert said.code == 3
    assert "missing that must come from elsewhere" in said.out
    assert "Source(name=sales)" in said.out


def test_quiet_says_nothing_when_all_goes_well(desk: Any) -> None:
    desk.write("src/sales.txt")

    assert desk.type("run", "-m", "shop", "Report", "--quiet", "--no-history") == (0, "", "")


def test_json_goes_to_standard_output_and_the_lines_to_standard_error(desk: Any) -> None:
    desk.write("src/sales.txt")

    said = desk.type("run", "-m", "shop", "Report", "--days", "1", "--json", "--no-history")

    found = json.loads(said.out)
    assert found["status"] == "done"
    assert found["counts"] == {"complete": 1, "done": 2}
    assert [(task["family"], task["fate"]) for task in found["tasks"]] == [
        ("Report", "done"),
        ("Clean", "done"),
        ("Source", "complete"),
    ]
    assert "start    Report" in said.err


def test_without_a_task_those_of_the_module_are_listed(desk: Any) -> None:
    said = desk.type("run", "-m", "shop")

    assert said.code == 0
    assert said.out == desk.type("list", "shop").out


def test_values_for_other_tasks_reach_them(desk: Any) -> None:
    desk.write("src/sales.txt")

    said = desk.type("run", "-m", "shop", "--Clean-strict", "true", "Report", "--days", "1", "--no-history")

    assert "done     Clean(date=2013-01-01, strict=True)" in said.out


def test_the_module_may_stand_in_the_task_in_the_settings_or_be_a_file(desk: Any) -> None:
    desk.write("out/report-3.txt")

    assert desk.type("run", "shop:Report", "--no-history").code == 0
    assert desk.type("run", "-m", "shop.py", "Report", "--no-history").code == 0
    assert desk.type("run", str(desk.folder / "shop.py:Report"), "--no-history").code == 0
    desk.write("rumbo.toml", '[run]\nmodule = "shop"\n')
    assert desk.type("run", "Report", "--no-history").code == 0


def test_the_flags_of_luigis_users_are_understood(desk: Any) -> None:
    desk.write("out/report-3.txt")

    assert desk.type("run", "--module", "shop", "Report", "--local-scheduler", "--no-history").code == 0


def test_the_help_of_a_task_shows_its_parameters(desk: Any) -> None:
    said = desk.type("run", "-m", "shop", "Report", "--help")

    assert said.code == 0
    assert "\nReport: The report of the first days:\n" in said.out
    assert "  --days INT          How many days to report. (default: 3)\n" in said.out
    assert "  --style" in said.out
    assert "Exit codes:\n  0    all is complete\n" in said.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["-m", "shop", "Reprt"],
            "There is no task Reprt in shop. Did you mean Report?",
        ),
        (
            ["-m", "shop", "Xyzzy"],
            "There is no task Xyzzy in shop. It has: Source, Clean, Report.",
        ),
        (
            ["-m", "shpo", "Report"],
            "There is no module shpo in HERE or on Python's path. Did you mean shop?",
        ),
        (
            ["-m", "shops/shop.py", "Report"],
            "There is no file shops/shop.py. The modules here are: shop.",
        ),
        (
            ["Report"],
            "There is no task Report, since no module was named. "
            "It seems to be defined in shop.py: rumbo run -m shop Report",
        ),
        (
            ["Xyzzy"],
            "There is no task Xyzzy, since no module was named. "
            "Say where it is defined: rumbo run -m MODULE Xyzzy, where MODULE is a module or a file.",
        ),
        (
            [],
            "Which module? rumbo run -m MODULE. The modules here are: shop.",
        ),
        (
            ["shop.py"],
            "shop says where, but not which task. It has: Source, Clean, Report. Write, for example, shop:Source.",
        ),
        (
            ["-m", "shop", "Report", "--day", "3"],
            "There is no flag --day: Report has no such parameter, and the command no such option. "
            "Did you mean --days or --detach?",
        ),
        (
            ["-m", "shop", "Report", "--xyzzy", "3"],
            "There is no flag --xyzzy: Report has no such parameter, and the command no such option. "
            "It has: --days, --style.",
        ),
        (
            ["-m", "shop", "--days", "3", "Report"],
            "There is no flag --days. Did you mean --Report-days?",
        ),
        (
            ["-m", "shop", "Report", "--days"],
            "--days needs a value: --days VALUE.",
        ),
        (
            ["-m", "shop", "Report", "--days", "3", "--days", "4"],
            "--days was given twice: 3 and 4. Leave one out.",
        ),
        (
            ["-m", "shop", "Clean", "2013-01-01"],
            "'2013-01-01' after Clean is neither a task nor the value of a flag. "
            "Values follow flags: --date 2013-01-01 or --strict 2013-01-01.",
        ),
        (
            ["-m", "shop", "Report", "--workers", "none"],
            "--workers: 'none' is not a whole number of at least 1.",
        ),
        (
            ["-m", "shop", "Report", "-w", "2", "-w", "3"],
            "-w was given twice: 2 and 3. Leave one out.",
        ),
        (
            ["-m", "shop", "Report", "--executor", "thread"],
            "--executor: 'thread' is none of auto, inline, processes, threads.",
        ),
        (
            ["-m", "shop", "Report", "--resources", "gpu"],
            "--resources: 'gpu' is not an amount of a resource, for example database=3 or memory=8GB.",
        ),
        (
            ["-m", "shop", "Report", "--deep=yes"],
            "--deep takes no value, but was given 'yes'.",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_in_one_sentence_with_the_remedy(words: list[str], message: str, desk: Any) -> None:
    said = desk.type("run", *words)

    assert (said.code, said.out) == (2, "")
    assert said.err.replace(str(desk.folder), "HERE") == f"rumbo: {message}\n"


def test_a_value_that_is_not_understood_names_the_task_the_flag_and_the_form(desk: Any) -> None:
    said = desk.type("run", "-m", "shop", "Clean", "--date", "yesterday")

    assert said.code == 2
    assert "Clean.date" in said.err
    assert "'yesterday'" in said.err
    assert "--date" in said.err


def test_a_module_that_raises_shows_its_own_frames(desk: Any) -> None:
    desk.write("bad.py", "x = 1\ny = x / 0\n")

    said = desk.type("run", "-m", "bad", "Report")

    assert said.code == 1
    lines = said.err.replace(str(desk.folder), "HERE").splitlines()
    assert [line for line in lines if "~~" not in line] == [
        "rumbo: bad could not be imported, because it raised an error:",
        "",
        "Traceback (most recent call last):",
        '  File "HERE/bad.py", line 2, in <module>',
        "    y = x / 0",
        "ZeroDivisionError: division by zero",
    ]


def test_a_class_that_breaks_a_rule_of_ours_is_told_with_its_line(desk: Any) -> None:
    desk.write("odd.py", "import rumbo\n\nclass Odd(rumbo.Task):\n    x: complex\n")

    said = desk.type("run", "-m", "odd", "Odd")

    assert said.code == 1
    assert said.err.startswith("rumbo: Odd.x: complex cannot be a parameter")
    assert said.err.endswith("This came up when odd was imported, in line 3 of odd.py.\n")


def test_a_module_with_a_missing_import_of_its_own_is_not_taken_for_missing(desk: Any) -> None:
    desk.write("bad.py", "import surely_not_there\n")

    said = desk.type("run", "-m", "bad", "Report")

    assert said.code == 1
    assert "bad could not be imported" in said.err
    assert "No module named 'surely_not_there'" in said.err


def test_two_modules_may_have_a_task_of_one_name(desk: Any) -> None:
    desk.write("other.py", "import shop\n\nclass Report(shop.Clean):\n    pass\n")
    desk.write("out/report-3.txt")

    assert desk.type("run", "-m", "other", "shop:Report", "--no-history").code == 0


def test_a_circle_is_told_with_its_path(desk: Any) -> None:
    desk.write("ring.py", "import rumbo\n\nclass A(rumbo.Task):\n    def requires(self):\n        return A()\n"
                          "    def complete(self):\n        return False\n")  # fmt: skip

    said = desk.type("run", "-m", "ring", "A", "--no-history")

    assert said.code == 1
    assert said.err.startswith("rumbo: These tasks need each other in a circle:\n  A()\n  -> A()\nRemove one of")


def test_a_task_whose_wish_is_not_made_is_held_up_and_no_more(desk: Any) -> None:
    desk.write("wish.py", "import rumbo, shop\n\nclass Wish(rumbo.Task):\n    def output(self):\n"
                          "        return rumbo.LocalTarget('w')\n    def run(self):\n"
                          "        yield shop.Source(name='a')\n")  # fmt: skip

    said = desk.type("run", "-m", "wish", "Wish", "--no-history")

    assert said.code == 3
    assert "  1 task held up:\n    Wish(): needs Source(name=a), which is external\n" in said.out
    assert "given back" not in said.out


def test_a_module_that_ends_the_program_is_not_silent(desk: Any) -> None:
    desk.write("script.py", "import sys\n\nsys.exit(3)\n")

    assert desk.type("run", "-m", "script", "Report") == (
        1,
        "",
        "rumbo: script ended the program while it was imported (SystemExit: 3, in line 3 of script.py). "
        "Put what is only for running it as a script below `if __name__ == '__main__':`.\n",
    )


def test_what_a_module_prints_when_imported_does_not_disturb_those_who_read_the_result(desk: Any) -> None:
    desk.write("loud.py", "import shop\nprint('hello')\n\nclass Loud(shop.Report):\n    def complete(self):\n"
                          "        print('asked')\n        return True\n")  # fmt: skip

    for words in (["run", "-m", "loud", "Loud", "--json"], ["plan", "-m", "loud", "Loud", "--json"]):
        said = desk.type(*words)
        json.loads(said.out)
        assert "asked" in said.err


def test_a_constructor_that_raises_shows_its_own_frames(desk: Any) -> None:
    desk.write("bad.py", "import rumbo\n\nclass Bad(rumbo.Task):\n    x: int = 1\n"
                         "    def __init__(self, *args, **params):\n        raise ValueError('never')\n")  # fmt: skip

    said = desk.type("run", "-m", "bad", "Bad")

    assert (said.code, said.err.replace(str(desk.folder), "HERE")) == (
        1,
        "rumbo: Bad could not be built, because it raised an error:\n\n"
        "Traceback (most recent call last):\n"
        '  File "HERE/bad.py", line 6, in __init__\n'
        "    raise ValueError('never')\n"
        "ValueError: never\n",
    )


def test_a_task_that_cannot_be_asked_is_told_of_with_its_line(desk: Any) -> None:
    desk.write("bad.py", "import rumbo\n\nclass Bad(rumbo.Task):\n    def requires(self):\n        exit(4)\n"
                         "    def complete(self):\n        return False\n")  # fmt: skip

    said = desk.type("run", "-m", "bad", "Bad", "--no-history")

    assert said.code == 1
    assert "BROKEN   Bad(): requires() failed: SystemExit: 4 (line 5 of bad.py)\n" in said.out
    assert "    Bad(): requires() failed: SystemExit: 4 (line 5 of bad.py)\n" in said.out


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("    priority = 'high'", "Bad.priority is 'high', but must be a number."),
        (
            "    resources = {'disk': 'much'}",
            "Bad.resources is {'disk': 'much'}, but must be a dictionary of names and amounts, "
            'such as {"database": 1}.',
        ),
        (
            "    resources = ['disk']",
            "Bad.resources is ['disk'], but must be a dictionary of names and amounts, such as {\"database\": 1}.",
        ),
        ("    retries = 'often'", "Bad.retries is 'often', but must be a whole number, 0 or more."),
    ],
)
def test_an_attribute_that_means_nothing_is_named(body: str, message: str, desk: Any) -> None:
    desk.write(
        "bad.py", f"import rumbo\n\nclass Bad(rumbo.Task):\n{body}\n    def complete(self):\n        return False\n"
    )

    said = desk.type("run", "-m", "bad", "Bad", "--no-history")

    assert (said.code, said.err) == (1, f"rumbo: {message}\n")


def test_a_value_of_great_length_does_not_fill_the_screen(desk: Any) -> None:
    desk.write(
        "long.py",
        "import rumbo\n\nclass Long(rumbo.Task):\n    text: str\n    def complete(self):\n        return False\n"
        "    def run(self):\n        raise ValueError(self.text)\n",
    )

    said = desk.type("run", "-m", "long", "Long", "--text", "x" * 5000 + "\n" + "y" * 5000, "--no-history")

    assert said.code == 1
    assert max(map(len, said.out.splitlines())) < 2500
    assert "Long(text=xxx" in said.out


def test_a_parameter_that_names_no_task_is_told_as_any_other(desk: Any) -> None:
    desk.write("meta.py", "import rumbo, shop\n\nclass Meta(rumbo.Task):\n    of = rumbo.TaskParameter()\n")

    said = desk.type("run", "-m", "meta", "Meta", "--of", "Reprot")

    assert (said.code, said.err) == (
        2,
        "rumbo: Meta.of: No task Reprot. Did you mean: Report, Source. It was given as --of on the command line.\n",
    )


def test_the_password_of_an_address_is_not_in_the_command_that_is_kept() -> None:
    from rumbo.cli.arguments import Line
    from rumbo.cli.run import without_secrets

    words = ["Report", "--scheduler", "http://ana:t0ken@machine:8082", "--scheduler=https://:t0ken@machine"]
    assert without_secrets(words, Line({}, [], {}, [])) == [
        "Report",
        "--scheduler",
        "http://ana:********@machine:8082",
        "--scheduler=https://:********@machine",
    ]


def test_the_history_keeps_the_command_without_what_is_not_public(desk: Any) -> None:
    desk.write(
        "vault.py",
        """
import rumbo
from rumbo import ParameterVisibility


class Open(rumbo.Task):
    door: str
    key = rumbo.Parameter(visibility=ParameterVisibility.PRIVATE)
    hint = rumbo.Parameter(visibility=ParameterVisibility.HIDDEN, default="")

    def complete(self):
        return True


class Inner(rumbo.Task):
    pin = rumbo.Parameter(visibility=ParameterVisibility.PRIVATE, default="")

    def complete(self):
        return True
""",
    )
    words = (
        "run",
        "-m",
        "vault",
        "--Inner-pin",
        "1234",
        "Open",
        "--key",
        "s3cret",
        "--door=1",
        "--hint=below",
        "Inner",
    )
    assert desk.type(*words).code == 0
    (run,) = json.loads(desk.type("history", "--json").out)
    assert run["command"] == ("rumbo run -m vault --Inner-pin '***' Open --key '***' --door=1 '--hint=***' Inner")
