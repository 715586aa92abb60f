"""The commands that run nothing: list, clean, config, version, completion, and the group they stand in."""

from __future__ import annotations

import io
import json
import os
from typing import TYPE_CHECKING

import pytest

from rumbo.cli.completion import complete_task_line
from rumbo.cli.group import COMMANDS

if TYPE_CHECKING:
    from typing import Any


class Terminal(io.StringIO):
    """An input at which somebody sits."""

    def isatty(self) -> bool:
        return True


# The group -------------------------------------------------------------------------------------------------------


def test_help_lists_every_command(desk: Any) -> None:
    said = desk.type("--help")

    assert said.code == 0
    assert all(f"  {name} " in said.out for name in COMMANDS)
    assert "Exit codes: 0 all complete" in said.out


def test_every_command_has_help(desk: Any) -> None:
    for name in COMMANDS:
        said = desk.type(name, "--help")
        assert (said.code, said.err) == (0, ""), name
        assert said.out.startswith(f"Usage: rumbo {name}"), name


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["hisotry"], "There is no command hisotry. Did you mean history?"),
        (["xyzzy"], "There is no command xyzzy. `rumbo --help` lists them."),
            ],
)  # fmt: skip
def test_wrong_usage_is_one_sentence(words: list[str], message: str, desk: Any) -> None:
    said = desk.type(*words)

    assert (said.code, said.out) == (2, "")
    assert said.err == f"rumbo: {message}\n"


@pytest.mark.parametrize(
    ("words", "what", "where"),
    [
        (["--xyzzy"], "--xyzzy", "rumbo"),
        (["history", "-n", "many"], "'many'", "rumbo history"),
        (["completion", "tcsh"], "'tcsh'", "rumbo completion"),
        (["logs"], "Missing argument", "rumbo logs"),
    ],
)
def test_usage_that_click_finds_wrong_is_one_sentence_too(words: list[str], what: str, where: str, desk: Any) -> None:
    said = desk.type(*words)

    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("rumbo: ")
    assert what in said.err
    assert said.err.endswith(f" `{where} --help` tells more.\n")


def test_without_words_there_is_help(desk: Any) -> None:
    said = desk.type()

    assert (said.code, said.out) == (2, "")
    assert said.err == desk.type("--help").out


def test_version(desk: Any) -> None:
    import rumbo

    assert desk.type("version").out.startswith(f"rumbo {rumbo.__version__} (Python 3.")
    assert desk.type("--version") == desk.type("version")
    assert json.loads(desk.type("version", "--json").out)["rumbo"] == rumbo.__version__


# list ------------------------------------------------------------------------------------------------------------


def test_list_shows_tasks_with_their_parameters(desk: Any) -> None:
    said = desk.type("list", "shop")

    assert said == (
        0,
        "shop:\n"
        "  Source  Where it all comes from.\n"
        "      --name STR  required\n"
        "  Clean  The cleaned sales of a day.\n"
        "      --date DATE    required\n"
        "      --strict BOOL  default False\n"
        "  Report  The report of the first days.\n"
        "      --days INT          default 3  How many days to report.\n"
        "      --style short|long  default short\n",
        "",
    )


def test_list_as_json(desk: Any) -> None:
    found = json.loads(desk.type("list", "-m", "shop", "--json").out)

    assert [entry["kind"] for entry in found] == ["external", "task", "task"]
    assert found[2]["parameters"][0] == {
        "name": "days",
        "flag": "--days",
        "kind": "int",
        "default": "3",
        "significant": True,
        "description": "How many days to report.",
    }


def test_a_module_without_tasks_says_so(desk: Any) -> None:
    desk.write("empty.py", "")

    assert desk.type("list", "empty").out == "empty defines no tasks.\n"


# clean -----------------------------------------------------------------------------------------------------------


def test_clean_shows_asks_and_removes(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.write("out/clean-2013-01-01.txt")
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))

    said = desk.type("clean", "-m", "shop", "Clean", "--date", "2013-01-01")

    assert said.code == 0
    assert said.out.splitlines()[0] == "– out/clean-2013-01-01.txt  Clean(date=2013-01-01, strict=False)"  # noqa: RUF001
    assert said.out.endswith("Removed 1 output.\n")
    assert not desk.has("out/clean-2013-01-01.txt")


@pytest.mark.parametrize("answer", ["\n", "n\n", "", "yesterday\n"])
def test_clean_removes_nothing_without_a_yes(answer: str, desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.write("out/clean-2013-01-01.txt")
    monkeypatch.setattr("sys.stdin", Terminal(answer))

    said = desk.type("clean", "-m", "shop", "Clean", "--date", "2013-01-01")

    assert said.out.endswith("Nothing was removed.\n")
    assert desk.has("out/clean-2013-01-01.txt")


def test_clean_does_not_ask_where_nobody_is(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.write("out/clean-2013-01-01.txt")
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    words = ("clean", "-m", "shop", "Clean", "--date", "2013-01-01")

    said = desk.type(*words)

    assert said.code == 2
    assert said.err == "rumbo: Nothing was removed, since nobody can be asked here: say --yes if you are sure.\n"
    assert desk.has("out/clean-2013-01-01.txt")
    assert desk.type(*words, "--dry-run").code == 0
    assert desk.has("out/clean-2013-01-01.txt")
    assert desk.type(*words, "--yes").out.endswith("Removed 1 output.\n")
    assert desk.type(*words, "--yes").out == "There is nothing to remove.\n"


def test_clean_downstream_removes_what_was_made_from_it_and_nothing_else(desk: Any) -> None:
    for name in ("src/sales.txt", "out/clean-2013-01-01.txt", "out/clean-2013-01-02.txt", "out/report-2.txt"):
        desk.write(name)

    said = desk.type(
        "clean", "-m", "shop", "Clean", "--date", "2013-01-01", "--downstream", "Report", "--days", "2", "-y"
    )

    assert said.out.endswith("Removed 2 outputs.\n")
    assert sorted(os.listdir(desk.folder / "out")) == ["clean-2013-01-02.txt"]
    assert desk.has("src/sales.txt")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["Clean", "--date", "2013-01-01", "--downstream"],
            "--downstream needs to know how far to look: name the task at the end of it last, as in "
            "rumbo clean Clean ... --downstream ROOT.",
        ),
        (
            ["Clean", "--date", "2013-01-09", "--downstream", "Report"],
            "Report(days=3, style=short) does not need Clean(date=2013-01-09, strict=False), so nothing of what it "
            "needs was made from that.",
        ),
    ],
)
def test_clean_downstream_says_what_it_lacks(words: list[str], message: str, desk: Any) -> None:
    assert desk.type("clean", "-m", "shop", *words) == (2, "", f"rumbo: {message}\n")


def test_clean_leaves_what_has_no_way_to_be_removed(desk: Any) -> None:
    desk.write("odd.py", "import rumbo\n\nclass There(rumbo.Target):\n    def exists(self):\n        return True\n"
               "    def __str__(self):\n        return 'there'\n\n"
               "class Odd(rumbo.Task):\n    def output(self):\n        return There()\n")  # fmt: skip

    said = desk.type("clean", "-m", "odd", "Odd", "--yes")

    assert said.out == "▬ there  Odd()  (it has no remove(), so it stays)\nThere is nothing to remove.\n"


# config ----------------------------------------------------------------------------------------------------------


def test_config_shows_no_secrets(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUMBO_SCHEDULER_TOKEN", "s3cret")
    monkeypatch.setenv("RUMBO_SCHEDULER_URL", "http://ana:s3cret@machine:8082/path")
    monkeypatch.setenv("RUMBO_SERVER_REQUIRE_TOKENS", "yes")
    said = desk.type("config").out
    assert "s3cret" not in said
    assert 'token = "********"' in said
    assert 'url = "http://ana:********@machine:8082/path"' in said
    assert "require_tokens = true" in said  # which is none, whatever it is called


def test_config_shows_where_each_value_comes_from(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.write(
        "rumbo.toml",
        '[run]\nworkers = 3\n[resources]\ngpu = 2\n[tasks.Clean]\nstrict = true\ndb_password = "x"\n'
        '[mail]\npassword = "x"\n[webhook]\nurl = "https://x"\n[alerts]\nservices = "slack://x"\n',
    )
    monkeypatch.setenv("RUMBO_RUN_DEEP", "yes")

    rows = {(row["section"], row["key"]): row for row in json.loads(desk.type("config", "--json").out)}

    assert (rows["run", "workers"]["value"], rows["run", "workers"]["origin"]) == (3, "rumbo.toml")
    assert (rows["run", "deep"]["value"], rows["run", "deep"]["origin"]) == (True, "RUMBO_RUN_DEEP")
    assert rows["run", "executor"]["origin"] == "default"
    assert rows["resources", "gpu"]["value"] == 2
    assert (rows["tasks.Clean", "strict"]["value"], rows["tasks.Clean", "strict"]["origin"]) == (True, "rumbo.toml")
    secrets = [("tasks.Clean", "db_password"), ("mail", "password"), ("webhook", "url"), ("alerts", "services")]
    assert {rows[secret]["value"] for secret in secrets} == {"********"}
    assert rows["scheduler", "token"]["value"] == ""
    lines = desk.type("config", "--all").out.splitlines()
    assert lines[0] == "[run]"
    assert any(line.startswith("workers = 3") and line.endswith("  rumbo.toml") for line in lines)
    assert "    Attempts at a time. (RUMBO_RUN_WORKERS)" in lines


def test_a_wrong_setting_stops_every_command_that_heeds_settings(desk: Any) -> None:
    desk.write("rumbo.toml", "[run]\nworker = 3\n")

    for words in (["config"], ["run", "-m", "shop", "Report"], ["plan", "-m", "shop", "Report"]):
        said = desk.type(*words)
        assert (said.code, said.err) == (
            2,
            "rumbo: rumbo.toml, [run] worker: there is no such key. Did you mean workers?\n",
        )


# completion ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script(shell: str, desk: Any) -> None:
    said = desk.type("completion", shell)

    assert said.code == 0
    assert "_RUMBO_COMPLETE" in said.out


@pytest.mark.parametrize(
    ("words", "incomplete", "expected"),
    [
        (["-m"], "s", ["shop"]),
        (["-m", "shop"], "", ["Source", "Clean", "Report"]),
        (["-m", "shop"], "R", ["Report"]),
        ([], "shop:C", ["shop:Clean"]),
        ([], "sh", ["shop:"]),
        (["-m", "shop", "Report"], "--d", ["--days", "--deep", "--dry-run", "--detach"]),
        (["-m", "shop", "Report", "--style"], "", ["short", "long"]),
        (["-m", "shop", "Report", "--style"], "l", ["long"]),
        (["-m", "shop", "Clean", "--strict"], "", ["true", "false"]),
        (["-m", "shop", "Report", "--executor"], "t", ["threads"]),
        (["-m", "shop", "Report", "--days", "3"], "--st", ["--style"]),
        (["-m", "nowhere"], "R", []),
    ],
)
def test_words_are_completed(words: list[str], incomplete: str, expected: list[str], desk: Any) -> None:
    assert [item.value for item in complete_task_line("run", words, incomplete)] == expected


def test_a_module_that_prints_does_not_disturb_completion(desk: Any, capsys: pytest.CaptureFixture[str]) -> None:
    desk.write("loud.py", "import rumbo\nprint('hello')\n\nclass Loud(rumbo.Task):\n    pass\n")

    assert [item.value for item in complete_task_line("run", ["-m", "loud"], "")] == ["Loud"]
    assert capsys.readouterr().out == ""


# alerts ----------------------------------------------------------------------------------------------------------


def test_alerts_says_where_it_looked(desk: Any) -> None:
    assert desk.type("alerts").err == (
        "rumbo: There is no memory of a server in .rumbo. Name its folder with --state. "
        "Runs without a server send their alerts before they end.\n"
    )


def test_a_wrong_name_of_an_event_is_told_before_anything_runs(desk: Any) -> None:
    desk.write("rumbo.toml", '[webhook]\nurl = "http://localhost:9/"\nevents = "run_finished"\n')
    said = desk.type("alerts", "test")
    assert said.code == 2
    assert said.err.startswith("rumbo: [webhook] events: there is no event 'run_finished'. There is: task_failed, ")


def test_who_is_to_get_mail_must_have_an_address(desk: Any) -> None:
    desk.write("rumbo.toml", '[mail]\nhost = "localhost"\nto = "ana@example.org; bo"\n')
    assert desk.type("alerts", "test").err == (
        "rumbo: [mail] to: 'ana@example.org; bo' is no address. Separate several by commas.\n"
    )


def test_without_anybody_in_to_only_owners_get_mail(desk: Any) -> None:
    desk.write("rumbo.toml", '[mail]\nhost = "localhost"\n')
    assert desk.type("alerts", "test").out.endswith("mail: [mail] to names nobody, so only owners of tasks are told.\n")


BAD = """
import rumbo

class Bad(rumbo.Task):
    def output(self):
        {output}

class Top(rumbo.Task):
    def requires(self):
        return Bad()
    def output(self):
        return rumbo.LocalTarget("top.txt")
"""


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("raise KeyError('x')", "Bad(): its outputs cannot be asked: KeyError: 'x' (line 6 of bad.py)."),
        (
            "return 'there.txt'",
            "Bad().output() returned 'there.txt', of type str: return targets, such as rumbo.LocalTarget('there.txt').",
        ),
    ],
)
def test_outputs_that_cannot_be_asked_cannot_be_removed(output: str, message: str, desk: Any) -> None:
    desk.write("bad.py", BAD.format(output=output))

    assert desk.type("clean", "-m", "bad", "Bad", "--yes") == (1, "", f"rumbo: {message}\n")


def test_what_cannot_be_asked_has_its_reason_among_the_dependencies(desk: Any) -> None:
    desk.write("bad.py", BAD.format(output="raise KeyError('x')"))

    assert desk.type("deps", "-m", "bad", "Top").out.splitlines()[:2] == [
        "✗ Bad()  complete() failed: KeyError: 'x' (line 6 of bad.py)",
        "    output() failed: KeyError: 'x' (line 6 of bad.py)",
    ]
