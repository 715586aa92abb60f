"""Every small example runs by the very command line in its docstring, and does what it says there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples"


def check_hello_parameters(shell: Any) -> None:
    ended = shell.run_example("hello_parameters.py")
    assert ended.code == 0, ended.text
    assert "Hello: 123 + 456 = 579" in ended.out, ended.text


def check_local_output(shell: Any) -> None:
    ended = shell.run_example("local_output.py")
    assert ended.code == 0, ended.text
    lines = shell.read("out/squares-12.txt").splitlines()
    assert lines[0] == "1 1"
    assert lines[-1] == "12 144"
    written = (shell.folder / "out/squares-12.txt").stat().st_mtime_ns

    again = shell.run_example("local_output.py")
    assert again.code == 0, again.text
    assert (shell.folder / "out/squares-12.txt").stat().st_mtime_ns == written


def check_word_count(shell: Any) -> None:
    ended = shell.run_example("word_count.py")
    assert ended.code == 0, ended.text
    counts = [int(line.split("\t")[1]) for line in shell.read("out/words/first-3-days.count").splitlines()]
    assert sum(counts) == 3 * 20 * 8
    assert counts == sorted(counts, reverse=True)


def check_dynamic_requirements(shell: Any) -> None:
    ended = shell.run_example("dynamic_requirements.py")
    assert ended.code == 0, ended.text
    assert shell.read("out/total.txt").splitlines() == [
        "Centro 43",
        "Norte 47",
        "Sur 14",
        "total 104",
        "run() was begun 1 time(s)",
    ]


def check_retry_policy(shell: Any) -> None:
    ended = shell.run_example("retry_policy.py")
    assert ended.code == 0, ended.text
    assert shell.read("out/download.txt") == "done at try 3\n"

    (shell.folder / "out/download.txt").unlink()
    nonsense = shell.run("rumbo run -m retry_policy Download --reason nonsense")
    assert nonsense.code != 0, nonsense.text
    assert "the answer makes no sense" in nonsense.out + nonsense.err, nonsense.text
    assert shell.read("out/tries-nonsense.txt") == "try\n"


def check_async_fetch(shell: Any) -> None:
    ended = shell.run_example("async_fetch.py")
    assert ended.code == 0, ended.text
    assert shell.read("out/stations/together.txt") == "8 of 8 fetches were under way at the same time\n"


def check_several_outputs(shell: Any) -> None:
    ended = shell.run_example("several_outputs.py")
    assert ended.code == 0, ended.text
    even, odd = shell.read("out/even.txt").split(), shell.read("out/odd.txt").split()
    assert (len(even), len(odd)) == (6, 6)
    assert sorted(shell.read("out/pages.txt").splitlines()) == sorted(
        [f"{number} is even" for number in even] + [f"{number} is odd" for number in odd]
    )
    assert (shell.folder / "out/pages/_SUCCESS").exists()


def check_ranges(shell: Any) -> None:
    ended = shell.run_example("ranges.py")
    assert ended.code == 0, ended.text
    days = [f"2026-03-{day:02}.txt" for day in range(1, 8)]
    assert sorted(path.name for path in shell.folder.glob("out/rain/*")) == days

    (shell.folder / "out/rain/2026-03-05.txt").unlink()
    again = shell.run_example("ranges.py")
    assert again.code == 0, again.text
    assert sorted(path.name for path in shell.folder.glob("out/rain/*")) == days


def check_ex1_luigi(shell: Any) -> None:
    ended = shell.run_example("ex1_luigi.py")
    assert ended.code == 0, ended.text
    assert "579" in ended.out.splitlines(), ended.text
    assert "- 1 MyTask(x=123, y=456)" in ended.err, ended.text


def check_ex2_luigi(shell: Any) -> None:
    ended = shell.run_example("ex2_luigi.py")
    assert ended.code == 0, ended.text
    assert shell.read("numbers_up_to_10.txt").split() == [str(number) for number in range(1, 11)]
    assert shell.read("sum_up_to_10.txt") == "55\n"
    assert "* 2 ran successfully:" in ended.err, ended.text


def check_ex3_luigi(shell: Any) -> None:
    ended = shell.run_example("ex3_luigi.py")
    assert ended.code == 0, ended.text
    assert "* 2 ran successfully:" in ended.err, ended.text
    assert _in_bucket() == {"numbers/up_to_10.txt": "1 2 3 4 5 6 7 8 9 10", "sums/up_to_10.txt": "55"}

    again = shell.run_example("ex3_luigi.py")
    assert "* 1 complete ones were encountered:" in again.err, again.text


def check_s3_output(shell: Any) -> None:
    ended = shell.run_example("s3_output.py")
    assert ended.code == 0, ended.text
    assert _in_bucket() == {"numbers/up_to_10.txt": "1 2 3 4 5 6 7 8 9 10", "sums/up_to_10.txt": "55"}

    here = shell.run("rumbo run -m s3_output SumNumbers --upto 4 --folder file:out")
    assert here.code == 0, here.text
    assert shell.read("out/sums/up_to_4.txt") == "10\n"


def _in_bucket() -> dict[str, str]:
    from rumbo.integrations.s3_client import S3Client

    client = S3Client()
    return {key: " ".join(client.get_as_string(f"s3://lake/{key}").split()) for key in client.list("s3://lake")}


CHECKS: dict[str, Callable[[Any], None]] = {
    "hello_parameters.py": check_hello_parameters,
    "local_output.py": check_local_output,
    "word_count.py": check_word_count,
    "dynamic_requirements.py": check_dynamic_requirements,
    "retry_policy.py": check_retry_policy,
    "async_fetch.py": check_async_fetch,
    "several_outputs.py": check_several_outputs,
    "ranges.py": check_ranges,
    "ex1_luigi.py": check_ex1_luigi,
    "ex2_luigi.py": check_ex2_luigi,
}


IN_S3: dict[str, Callable[[Any], None]] = {
    "s3_output.py": check_s3_output,
    "ex3_luigi.py": check_ex3_luigi,
}


def test_no_example_goes_unchecked() -> None:
    files = [*EXAMPLES.glob("*.py"), *EXAMPLES.glob("luigi/*.py")]
    assert {path.name for path in files} == {*CHECKS, *IN_S3}


@pytest.mark.parametrize("name", CHECKS)
def test_the_example_does_what_it_says(name: str, shell: Any) -> None:
    CHECKS[name](shell)


@pytest.mark.parametrize("name", IN_S3)
def test_the_example_does_it_in_s3(name: str, shell: Any, s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3.key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3.secret)
    IN_S3[name](shell)
