"""`rumbo doctor` finds what will go wrong, and says what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rumbo.cli.doctor import Finding, packages

if TYPE_CHECKING:
    from typing import Any

ODD = """
import luigi


class Silent(luigi.Task):
    pass


class Quiet(luigi.Task):
    def complete(self):
        return True


class Wraps(luigi.WrapperTask):
    pass


class Given(luigi.ExternalTask):
    pass


class Rounded(luigi.Parameter):
    def serialize(self, value):
        return f"{value:.1f}"

    def parse(self, text):
        return float(text)


class Unwritable(luigi.Parameter):
    def serialize(self, value):
        raise TypeError("no text for that")


class Odd(Quiet):
    share = Rounded(default=0.25)
    secret = luigi.Parameter(default="x", visibility=luigi.parameter.ParameterVisibility.PRIVATE)
    thing = Unwritable(default="y")
    needed = luigi.IntParameter()
    fine = luigi.IntParameter(default=5)
"""


def test_two_packages_of_one_name_are_a_problem() -> None:
    assert list(packages({"luigi": "3.8.1", "rumbo-luigi": "0.1.0"})) == [
        Finding(
            True,
            "luigi 3.8.1 and rumbo-luigi 0.1.0 are both installed, and both are the package luigi: the one that "
            "came last has overwritten the other. Remove Luigi, and put back what it took along: pip uninstall luigi; "
            "pip install --force-reinstall --no-deps rumbo-luigi.",
        )
    ]


def test_it_is_said_which_luigi_is_there() -> None:
    assert list(packages({"luigi": "3.8.1"})) == [
        Finding(
            False,
            "luigi 3.8.1 is installed, so programs that import luigi run on Luigi itself. "
            "To let Rumbo run them: pip uninstall luigi; pip install rumbo-luigi.",
        )
    ]
    assert list(packages({"rumbo-luigi": "0.1.0"})) == [
        Finding(False, "rumbo-luigi 0.1.0 is installed: programs that import luigi run on Rumbo.")
    ]
    assert list(packages({})) == []


def test_a_sound_project_has_no_problems(desk: Any) -> None:
    said = desk.type("doctor", "-m", "shop")
    assert said.code == 0, said.out
    assert said.out.startswith("rumbo ")
    assert said.out.endswith("No problems.\n")


def test_tasks_that_will_surprise_somebody(desk: Any) -> None:
    desk.write("odd.py", ODD)
    said = desk.type("doctor", "odd")
    assert said.code == 1
    told = [line for line in said.out.splitlines() if line.startswith(("problem", "note: Odd"))]
    assert told == [
        "problem: Silent has neither an output() nor a complete() of its own, so it runs each time.",
        "problem: Odd.share: its default 0.25 comes back as 0.2 when it is written as text and read, "
        "so the task is another one in another process.",
        "note: Odd.secret is private, so no other process is told it: where it matters, give it by configuration.",
        "problem: Odd.thing: its default 'y' cannot be written as text and read again (no text for that), "
        "so the task cannot be made in another process.",
    ]
    assert said.out.endswith(" problems.\n")


def test_configuration_that_nobody_reads(desk: Any) -> None:
    desk.write("odd.py", ODD)
    desk.write(
        "luigi.cfg",
        "[core]\ndefault-scheduler-host: there\nworkers: 2\nlog-level: INFO\nwrokers: 3\n"
        "[Odd]\nneeded: 3\nneded: 4\n[Od]\nx: 1\n[hdfs]\nclient: webhdfs\n"
        "[retcode]\ntask_faild: 1\n[smtp]\nhost: there\n",
    )
    said = desk.type("doctor", "odd")
    assert said.code == 1
    lines = said.out.splitlines()
    assert "note: [core] default-scheduler-host in luigi.cfg has moved: write [core] scheduler_host." in lines
    assert "note: [core] log-level in luigi.cfg is written with dashes: write log_level." in lines
    assert "problem: [core] wrokers in luigi.cfg is read by nobody: core has no parameter wrokers." in lines
    assert "problem: [Odd] neded in luigi.cfg is read by nobody: Odd has no parameter neded." in lines
    assert "note: [Od] in the configuration belongs to no task that is loaded. Is it spelled right?" in lines
    assert "problem: [retcode] task_faild in luigi.cfg is read by nobody: retcode has no parameter task_faild." in lines
    assert not any("hdfs" in line or "needed" in line or "smtp" in line for line in lines)
