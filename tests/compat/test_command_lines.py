"""Command lines give the same exit code, files, output, summary and log as under Luigi."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from beside_luigi import Both

pytestmark = pytest.mark.slow

COURSE = Path(__file__).parents[2] / "examples" / "luigi"
RETCODES = (
    "[retcode]\nalready_running=10\nmissing_data=20\nnot_run=25\ntask_failed=30\nscheduling_error=35\n"
    "unhandled_exception=40\n"
)


def same(both: Both, *words: str, files: dict[str, str] | None = None, **environment: str) -> int:
    """Run a command line under both; what people rely on is the same. Gives the exit code."""
    luigi, ours = both("luigi", *words, files=files, **environment)
    assert (ours.code, ours.files, ours.stdout) == (luigi.code, luigi.files, luigi.stdout), ours.stderr + luigi.stderr
    assert ours.summary == luigi.summary
    assert ours.log == luigi.log
    return ours.code


RETRYING = "--worker-keep-alive --scheduler-retry-delay 0.1 --worker-wait-interval 0.3 --worker-wait-jitter 0"
COMMANDS = {
    "a parameter": "Greeting --name you",
    "a parameter with an underscore": "Greeting --my-count 3",
    "a flag": "Greeting --loud",
    "a beginning of a flag": "Greeting --my-c 2 --lou",
    "another task's parameter": "Letter --Greeting-my-count 2 --day 2013-07-10",
    "a config's parameter": "ShowSettings --settings-colour red",
    "an empty text": "Greeting --name= --my-count 2",
    "a dictionary": """ShowSettings --settings-sizes {"a":1,"b":[2,3]}""",
    "a list": "ShowSettings --settings-numbers [1,2]",
    "a namespace": "my.space.Spaced --value 4",
    "a namespace's flag": "my.space.Spaced --my.space.Spaced-value 5",
    "settings of the scheduler": "Fails --scheduler-retry-count 2 --worker-wait-interval 1",
    "two workers": "Letter --day 2013-07-10 --workers 2",
    "a failure": "Fails",
    "missing data": "NeedsAbsent",
    "failures and missing data": "NeedsFails",
    "an unclear task": "NeedsUnclear",
    "less in the log": "Greeting --log-level WARNING",
    "a timeout for all": "Sleeps --worker-timeout 1",
    "retries until it works": f"Flaky {RETRYING} --scheduler-retry-count 9",
    "retries until it is disabled": f"Flaky --tries 9 {RETRYING} --scheduler-retry-count 3",
    "less of a resource than a task needs": "Greedy",
    "a process per task": "Letter --day 2013-07-10 --worker-force-multiprocessing",
    "tasks checked after they ran": "Show --worker-check-complete-on-run",
    "too many tasks": "Letter --worker-task-limit 1",
    "at the same time": "Letter --day 2013-07-10 --parallel-scheduling",
    "a range": "RangeDaily --of Letter --start 2013-07-01 --stop 2013-07-04 --param-name day",
}


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_the_same_happens(words: str, both: Both) -> None:
    module = ["--module", "commands"]
    assert same(both, *module, *words.split(), "--local-scheduler", "--no-lock") == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("Greeting", 0),
        ("Fails", 30),
        ("NeedsAbsent", 20),
        ("NeedsFails", 30),
        ("NeedsUnclear", 35),
        ("Absent", 20),
    ],
)
def test_exit_codes_come_from_the_configuration(words: str, code: int, both: Both) -> None:
    files = {"luigi.cfg": RETCODES}
    assert same(both, "--module", "commands", words, "--local-scheduler", "--no-lock", files=files) == code


def test_exit_codes_come_from_flags_too(both: Both) -> None:
    words = "--module commands Fails --local-scheduler --no-lock --retcode-task-failed 7"
    assert same(both, *words.split()) == 7


MISTAKES = {
    "no task": ("--local-scheduler", 1, "No task specified"),
    "an unknown task": ("--module commands Greting --local-scheduler", 1, "No task Greting. Did you mean:\nGreeting"),
    "an unknown module": ("--module comands Greeting --local-scheduler", 1, "No module named 'comands'"),
    "an unknown flag": (
        "--module commands Greeting --nam you --local-scheduler --zz",
        2,
        "unrecognized arguments: --zz",
    ),
    "a missing value": ("--module ex1_luigi MyTask --local-scheduler --no-lock", 4, "Uncaught exception in luigi"),
    "a wrong value": ("--module commands Greeting --my-count many --local-scheduler", 4, "Uncaught exception in luigi"),
}


@pytest.mark.parametrize(("words", "code", "text"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_end_with_the_same_code_and_say_what_is_wrong(words: str, code: int, text: str, both: Both) -> None:
    luigi, ours = both("luigi", *words.split(), PYTHONPATH=f"{COURSE}:{Path(__file__).parent / 'programs'}")
    assert (ours.code, luigi.code) == (code, code)
    assert text in luigi.stderr
    assert text in ours.stderr


def test_without_a_server_the_error_and_the_code_are_the_same(both: Both) -> None:
    words = ["--module", "commands", "Greeting", "--no-lock", "--scheduler-port", "9"]
    luigi, ours = both("luigi", *words, files={"luigi.cfg": "[core]\nrpc_retry_attempts=2\nrpc_retry_wait=0\n"})
    assert (ours.code, luigi.code) == (4, 4)
    for line in [
        "RPCError: Errors (2 attempts) when connecting to remote scheduler 'http://localhost:9'",
        "WARNING: Failed connecting to remote scheduler 'http://localhost:9'",
        "INFO: Retrying attempt 2 of 2 (max)",
        "INFO: Wait for 0 seconds",
        "Luigi unexpected framework error while scheduling Greeting(name=world, my_count=1, loud=False)",
    ]:
        assert line in luigi.stderr
        assert line in ours.stderr


def test_the_same_command_does_not_run_twice_at_once(both: Both) -> None:
    words = ["--module", "nested", "Nested", "--local-scheduler", "--lock-pid-dir", "locks"]
    luigi, ours = both("luigi", *words, files={"luigi.cfg": RETCODES})
    assert ours.stdout == luigi.stdout == "again: 10 True\n"
    assert ours.code == luigi.code


HELP = {
    "nothing": "--help",
    "a task": "--module commands Greeting --help",
}


@pytest.mark.parametrize("words", HELP.values(), ids=HELP)
def test_help_shows_the_same_flags(words: str, both: Both) -> None:
    luigi, ours = both("luigi", *words.split())
    assert ours.code == luigi.code == 0
    assert _flags(ours.stdout) == _flags(luigi.stdout)
    assert len(ours.stdout.splitlines()) <= len(luigi.stdout.splitlines())


def test_help_for_all_knows_every_flag_of_luigi(both: Both) -> None:
    luigi, ours = both("luigi", "--module", "commands", "--help-all")
    # --lock is a word in a description.
    assert _flags(luigi.stdout) - _flags(ours.stdout) - {"--lock"} == set()


def _flags(text: str) -> set[str]:
    words = text.split("\n\n", 1)[1].replace("[", " ").replace("]", " ").replace(",", " ").split()
    return {word for word in words if word.startswith("--")}


# Configuration ---------------------------------------------------------------------------------------------------

CONFIGURATIONS = {
    "a section": ({"luigi.cfg": "[settings]\ncolour: red\n"}, {}),
    "an environment variable": ({"luigi.cfg": "[settings]\ncolour: ${COLOUR}\n"}, {"COLOUR": "teal"}),
    "a named file": ({"other.cfg": "[settings]\ncolour: blue\n"}, {"LUIGI_CONFIG_PATH": "other.cfg"}),
    "two files": (
        {"luigi.cfg": "[settings]\ncolour: red\nnumbers: [1]\n", "other.cfg": "[settings]\ncolour: blue\n"},
        {"LUIGI_CONFIG_PATH": "other.cfg"},
    ),
    "the old name": ({"client.cfg": "[settings]\ncolour: grey\n"}, {}),
    "interpolation": ({"luigi.cfg": "[settings]\nbase: dark\ncolour: %(base)s-red\n"}, {}),
    "the core's settings": ({"luigi.cfg": "[core]\nlog-level: WARNING\n[settings]\ncolour: red\n"}, {}),
}


@pytest.mark.parametrize(("files", "environment"), CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_the_configuration_is_read_alike(files: dict[str, str], environment: dict[str, str], both: Both) -> None:
    words = ["--module", "commands", "ShowSettings", "--local-scheduler", "--no-lock"]
    assert same(both, *words, files=files, **environment) == 0


def test_toml_is_read_alike(both: Both) -> None:
    files = {"luigi.toml": '[settings]\ncolour = "green"\n[settings.sizes]\nsmall = 1\nlarge = 3\n'}
    words = ["--module", "commands", "ShowSettings", "--local-scheduler", "--no-lock"]
    luigi, ours = both("luigi", *words, files=files, LUIGI_CONFIG_PARSER="toml")
    if "luigi with required parser" in luigi.stderr:
        pytest.skip("this Luigi was installed without toml")
    assert (ours.code, ours.stdout) == (luigi.code, luigi.stdout)
    assert "colour green\nsizes [('large', 3), ('small', 1)]" in ours.stdout


@pytest.mark.parametrize("amount", [1, 2])
def test_resources_come_from_the_configuration(amount: int, both: Both) -> None:
    words = ["--module", "commands", "Greedy", "--local-scheduler", "--no-lock"]
    assert same(both, *words, files={"luigi.cfg": f"[resources]\ndisk: {amount}\n"}) == 0


def test_the_command_line_goes_before_the_configuration(both: Both) -> None:
    files = {"luigi.cfg": "[settings]\ncolour: red\n"}
    words = ["--module", "commands", "ShowSettings", "--settings-colour", "pink", "--local-scheduler", "--no-lock"]
    assert same(both, *words, files=files) == 0


# The course ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        "--module ex1_luigi MyTask --x 123 --y 456",
        "--module ex1_luigi MyTask --x 123",
        "--module ex2_luigi SumNumbers --upto 5",
    ],
)
def test_the_courses_commands_do_what_they_do_under_luigi(words: str, both: Both) -> None:
    assert same(both, *words.split(), "--local-scheduler", PYTHONPATH=str(COURSE)) == 0


def test_the_courses_script_runs_itself(both: Both) -> None:
    luigi, ours = both(str(COURSE / "ex1_luigi.py"), "MyTask", "--x", "1", "--local-scheduler", "--no-lock")
    assert (ours.code, ours.stdout, ours.log) == (luigi.code, luigi.stdout, luigi.log)
    assert ours.stdout == "46\n"


def test_python_m_luigi_is_the_same_program(both: Both) -> None:
    words = ["-m", "luigi", "--module", "commands", "Greeting", "--my-count", "2", "--local-scheduler"]
    luigi, ours = both(*words)
    assert (ours.code, ours.files, ours.summary) == (luigi.code, luigi.files, luigi.summary)
    assert ours.files == {"greeting_world.txt": "hello world\nhello world\n"}


def test_m_is_short_for_module_which_luigi_does_not_know(both: Both) -> None:
    luigi, ours = both("luigi", "-m", "commands", "Show", "--text", "this", "--local-scheduler")
    assert (ours.code, ours.stdout) == (0, "shown this\n")
    assert luigi.code == 1


# The other programs ----------------------------------------------------------------------------------------------


def test_deps_tree_prints_the_same(both: Both) -> None:
    words = ["-m", "luigi.tools.deps_tree", "--module", "commands", "NeedsFails"]
    luigi, ours = both(*words)
    assert (ours.code, ours.stdout) == (luigi.code, luigi.stdout)


def test_deps_prints_the_tasks_on_the_way(both: Both) -> None:
    luigi, ours = both(
        "-c",
        "import sys\nsys.argv[1:] = ['--module', 'commands', 'Letter', '--upstream-family', 'Greeting']\n"
        "from luigi.tools import deps\nprint(sorted(map(str, deps.find_deps_cli())))",
    )
    assert ours.stdout == "['Greeting(name=world, my_count=1, loud=False)', 'Letter(name=world, day=None)']\n"
    if luigi.code == 0:  # Luigi needs libraries of PostgreSQL and S3 for this
        assert ours.stdout == luigi.stdout


def test_grep_says_that_no_server_answers(both: Both) -> None:
    _, ours = both("-m", "luigi.tools.luigi_grep", "--scheduler-port", "9", "--prefix", "A")
    assert ours.code == 1
    assert ours.stderr == (
        "No scheduler answers at http://localhost:9/api/graph ([Errno 111] Connection refused). "
        "Name the right one with --scheduler-host and --scheduler-port.\n"
    )
