"""What the façade does where Luigi has nothing to compare with, or does otherwise."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from beside_luigi import PROGRAMS

if TYPE_CHECKING:
    from pathlib import Path

    from beside_luigi import Both

pytestmark = pytest.mark.slow


def run(code: str, folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program under the façade."""
    variables = {
        "PYTHONPATH": str(PROGRAMS),
        "PYTHONWARNINGS": "ignore",
        "PATH": "/usr/bin:/bin",
        "TMPDIR": str(folder),
    }
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *words],
        cwd=folder,
        env=variables | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def luigi(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program ``luigi``."""
    return run(
        "import sys; from luigi.cmdline import luigi_run; luigi_run(sys.argv[1:])", folder, *words, **environment
    )


GREETING = ("--module", "commands", "Greeting", "--local-scheduler", "--no-lock")


def test_tasks_are_the_very_classes_of_rumbo(tmp_path: Path) -> None:
    done = run(
        """
        import luigi, rumbo.pipeline.task, rumbo.pipeline.local, rumbo.pipeline.memory, luigi.mock
        assert luigi.Task is rumbo.pipeline.task.Task
        assert luigi.LocalTarget is rumbo.pipeline.local.LocalTarget
        assert luigi.mock.MockTarget is rumbo.pipeline.memory.MemoryTarget
        """,
        tmp_path,
    )
    assert done.returncode == 0, done.stderr


def test_packages_find_the_version_of_luigi_in_the_metadata(tmp_path: Path) -> None:
    done = run(
        """
        import importlib.metadata
        import luigi
        print(importlib.metadata.version("luigi"), luigi.__version__, importlib.metadata.version("rumbo-luigi"))
        print("luigi" in [each.name for each in importlib.metadata.distributions()])
        """,
        tmp_path,
    )
    assert done.stdout == "3.8.1 3.8.1 0.1.0\nFalse\n", done.stderr


def test_a_run_leaves_no_memory_unless_somebody_asks(tmp_path: Path) -> None:
    assert luigi(tmp_path, *GREETING).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["greeting_world.txt"]


@pytest.mark.parametrize("by", ["variable", "file"])
def test_a_run_is_remembered_when_somebody_asks(by: str, tmp_path: Path) -> None:
    environment = {"RUMBO_HISTORY": "1"} if by == "variable" else {}
    if by == "file":
        (tmp_path / "luigi.cfg").write_text("[rumbo]\nhistory: true\n")
    assert luigi(tmp_path, *GREETING, **environment).returncode == 0
    shown = run("import sys; from rumbo.cli.main import main; sys.exit(main(['history']))", tmp_path)
    assert "1 done" in shown.stdout
    task = run("import sys; from rumbo.cli.main import main; sys.exit(main(['show', 'Greeting']))", tmp_path)
    assert "made      greeting_world.txt" in task.stdout


YIELDS = """
import luigi

class Part(luigi.Task):
    n = luigi.IntParameter()

    def output(self):
        return luigi.LocalTarget(f"part_{self.n}.txt")

    def run(self):
        self.output().open("w").close()

class Whole(luigi.Task):
    def output(self):
        return luigi.LocalTarget("whole.txt")

    def run(self):
        print("begins")
        first = yield Part(1)
        rest = yield [Part(2), Part(3)]
        with self.output().open("w") as out:
            out.write(" ".join([first.path, *(each.path for each in rest)]))

luigi.build([Whole()], local_scheduler=True, log_level="CRITICAL")
print(open("whole.txt").read())
"""


def test_the_code_before_a_yield_runs_once(tmp_path: Path) -> None:
    assert run(YIELDS, tmp_path).stdout == "begins\npart_1.txt part_2.txt part_3.txt\n"


@pytest.mark.parametrize("by", ["variable", "file"])
def test_run_begins_again_after_each_yield_where_that_is_wanted(by: str, tmp_path: Path) -> None:
    environment = {"RUMBO_LUIGI_COMPAT": "strict"} if by == "variable" else {}
    if by == "file":
        (tmp_path / "luigi.cfg").write_text("[rumbo]\nluigi_compat: strict\n")
    assert run(YIELDS, tmp_path, **environment).stdout == "begins\n" * 3 + "part_1.txt part_2.txt part_3.txt\n"


SHOP = """
import luigi

class Prices(luigi.Task):
    day = luigi.DateParameter()
"""


def test_the_doctor_beside_luigi_itself(luigi_python: str, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    (tmp_path / "luigi.cfg").write_text("[core]\nwrokers: 2\n[Prices]\ndai: 2015-01-01\n[Prcies]\nday: 2015-01-01\n")
    place = [luigi_python, "-c", "import luigi, os; print(os.path.dirname(os.path.dirname(luigi.__file__)))"]
    found = subprocess.run(place, capture_output=True, text=True, check=True).stdout.strip()
    done = run(
        "import sys; from rumbo.cli.main import main; sys.exit(main(['doctor', 'shop']))", tmp_path, PYTHONPATH=found
    )
    assert done.returncode == 1, done.stderr
    assert done.stdout.splitlines()[1:] == [
        "problem: luigi 3.8.1 and rumbo-luigi 0.1.0 are both installed, and both are the package luigi: the one that "
        "came last has overwritten the other. Remove Luigi, and put back what it took along: pip uninstall luigi; "
        "pip install --force-reinstall --no-deps rumbo-luigi.",
        "problem: [core] wrokers in luigi.cfg is read by nobody: core has no parameter wrokers.",
        "problem: [Prices] dai in luigi.cfg is read by nobody: Prices has no parameter dai.",
        "note: [Prcies] in the configuration belongs to no task that is loaded. Is it spelled right?",
        "note: The tasks of shop are Luigi's own, so they are not looked at. Install rumbo-luigi for that.",
        "3 problems.",
    ]


WAYS = {
    "calls build": "engine",
    "calls build with processes": "engine",
    "handles events": "engine",
    "replaces how a task is asked whether it is complete": "engine",
    "replaces how results are made": "engine",
    "brings a factory": "Luigi's own steps",
    "brings a worker": "Luigi's own steps",
    "replaces a step of the worker": "Luigi's own steps",
    "replaces the attempt": "Luigi's own steps",
    "replaces a class by its name": "Luigi's own steps",
    "replaces the thread": "Luigi's own steps",
    "replaces a method of the scheduler": "Luigi's own steps",
    "replaces a method of the factory": "Luigi's own steps",
}


def test_a_program_that_looks_behind_nothing_runs_by_the_engine(both: Both) -> None:
    done = both.ours(str(PROGRAMS / "choices.py"))
    assert done.code == 0, done.stderr
    assert json.loads(done.stdout) == WAYS


def test_every_program_can_be_given_luigis_own_steps(both: Both) -> None:
    done = both.ours(str(PROGRAMS / "choices.py"), RUMBO_LUIGI_COMPAT="strict")
    assert set(json.loads(done.stdout).values()) == {"Luigi's own steps"}


def test_a_yield_that_differs_in_what_does_not_count_is_no_endless_loop(both: Both) -> None:
    luigi, ours = both(str(PROGRAMS / "loops.py"))
    assert luigi.stdout == "again and again\n"
    assert ours.stdout == "1\n"


def test_a_wrong_wish_for_compatibility_is_said_so(tmp_path: Path) -> None:
    done = run(YIELDS, tmp_path, RUMBO_LUIGI_COMPAT="lax")
    assert done.stderr.endswith("[rumbo] luigi_compat is 'lax': write strict, or leave it out.\n")


def test_a_task_that_only_its_process_knows_is_an_error_in_the_log(tmp_path: Path) -> None:
    done = run(
        """
        import luigi

        class Outer(luigi.Task):
            def run(self):
                class Inner(luigi.Task):
                    pass

                yield Inner()

        luigi.build([Outer()], local_scheduler=True, workers=2, log_level="ERROR")
        """,
        tmp_path,
    )
    assert done.stderr.startswith(
        "ERROR: Outer() asked for Inner__99914b932b, which could not be built outside of its process: No task Inner."
    )


def test_siblings_run_in_the_order_in_which_they_are_listed(tmp_path: Path) -> None:
    done = run(
        """
        import luigi

        class Each(luigi.Task):
            n = luigi.IntParameter()
            def complete(self): return getattr(self, "ran", False)
            def run(self):
                self.ran = True
                print(self.n, end=" ")

        class All(luigi.WrapperTask):
            def requires(self): return [Each(n) for n in (3, 1, 4, 5, 9, 2, 6)]

        luigi.build([All()], local_scheduler=True, log_level="CRITICAL")
        """,
        tmp_path,
    )
    assert done.stdout == "3 1 4 5 9 2 6 "


def test_a_cycle_is_one_error_with_the_path(tmp_path: Path) -> None:
    done = run(
        """
        import luigi

        class Egg(luigi.Task):
            def requires(self): return Hen()

        class Hen(luigi.Task):
            def requires(self): return Egg()

        luigi.build([Egg()], local_scheduler=True, log_level="CRITICAL")
        """,
        tmp_path,
    )
    assert done.returncode == 1
    assert "These tasks need each other in a circle:\n  Egg()\n  -> Hen()\n  -> Egg()" in done.stderr
