"""Settings from files and the environment: which source is stronger, and what is told when one is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from rumbo import settings
from rumbo.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


def load(folder: Path, **environment: str) -> settings.Settings:
    return settings.load(str(folder), {"HOME": str(folder / "home"), **environment})


def failure(folder: Path, **environment: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(folder, **environment)
    return str(caught.value).replace(str(folder), "HERE")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_without_any_source_the_defaults_hold(tmp_path: Path) -> None:
    found = load(tmp_path)

    assert found == settings.Settings()
    assert found.run.workers == 1
    assert found.run.history is True


def test_each_source_is_stronger_than_the_one_before(tmp_path: Path) -> None:
    write(tmp_path / "home/.config/rumbo/rumbo.toml", "[run]\nworkers = 2\ndeep = true\ncheck_threads = 3\n")
    write(tmp_path / "pyproject.toml", "[tool.rumbo.run]\nworkers = 3\ncheck-threads = 4\n")
    assert load(tmp_path).run[:4] == ("", 3, "auto", True)
    write(tmp_path / "rumbo.toml", "[run]\nworkers = 4\n")
    assert load(tmp_path).run.workers == 4

    found = load(tmp_path, RUMBO_RUN_WORKERS="5")

    assert (found.run.workers, found.run.deep, found.run.check_threads) == (5, True, 4)
    assert {key: origin.replace(str(tmp_path), "HERE") for key, origin in found.origins.items()} == {
        ("run", "workers"): "RUMBO_RUN_WORKERS",
        ("run", "deep"): "HERE/home/.config/rumbo/rumbo.toml",
        ("run", "check_threads"): "HERE/pyproject.toml",
    }


def test_the_users_file_is_where_xdg_says(tmp_path: Path) -> None:
    write(tmp_path / "xdg/rumbo/rumbo.toml", "[run]\nworkers = 7\n")

    assert load(tmp_path, XDG_CONFIG_HOME=str(tmp_path / "xdg")).run.workers == 7


def test_a_pyproject_without_our_table_is_not_even_parsed(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", "this is [no TOML")

    assert load(tmp_path) == settings.Settings()


def test_resources_have_names_of_the_users_choice(tmp_path: Path) -> None:
    write(tmp_path / "rumbo.toml", "[resources]\ndatabase = 3\nGPU = 0.5\n")

    assert load(tmp_path, RUMBO_RESOURCES_DISK="2").resources == {"database": 3, "GPU": 0.5, "disk": 2.0}


def test_parameters_of_tasks_in_the_same_file_are_somebody_elses(tmp_path: Path) -> None:
    write(tmp_path / "rumbo.toml", "[tasks.Clean]\nlimit = 3\n[run]\nworkers = 2\n")

    assert load(tmp_path).run.workers == 2


@pytest.mark.parametrize(
    ("variable", "text", "value"),
    [
        ("RUMBO_RUN_WORKERS", "3", ("run", "workers", 3)),
        ("RUMBO_RUN_HISTORY", "off", ("run", "history", False)),
        ("RUMBO_RUN_RECYCLE_AFTER", "", ("run", "recycle_after", None)),
        ("RUMBO_RETRY_WINDOW", "1.5", ("retry", "window", 1.5)),
        ("RUMBO_RUN_EXECUTOR", "threads", ("run", "executor", "threads")),
    ],
)
def test_a_variable_has_the_kind_of_its_setting(
    variable: str, text: str, value: tuple[str, str, Any], tmp_path: Path
) -> None:
    section, name, expected = value
    assert getattr(getattr(load(tmp_path, **{variable: text}), section), name) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[run]\nworker = 2", "HERE/rumbo.toml, [run] worker: there is no such key. Did you mean workers?"),
        ("[rnu]\nworkers = 2", "HERE/rumbo.toml: there is no table [rnu]. Did you mean run?"),
        ("run = 3", "HERE/rumbo.toml: run must be a table, so write [run] on a line of its own."),
        ('[run]\nworkers = "two"', "HERE/rumbo.toml, [run] workers: 'two' is not a whole number."),
        ("[run]\nworkers = true", "HERE/rumbo.toml, [run] workers: True is not a whole number."),
        ("[run]\nworkers = 0", "HERE/rumbo.toml, [run] workers: 0 is too small; 1 is the least."),
        ("[run]\nhistory = 1", "HERE/rumbo.toml, [run] history: 1 is not true or false."),
        (
            '[run]\nexecutor = "thread"',
            "HERE/rumbo.toml, [run] executor: there is no executor 'thread'. Did you mean threads?",
        ),
        (
            '[mail]\nencryption = "tsl"',
            "HERE/rumbo.toml, [mail] encryption: there is no encryption 'tsl'. Did you mean tls?",
        ),
        ("[resources]\ngpu = -1", "HERE/rumbo.toml, [resources] gpu: -1 is too small; 0 is the least."),
        (
            "[run\n",
            "HERE/rumbo.toml is not valid TOML: Expected ']' at the end of a table declaration (at line 1, column 5).",
        ),
    ],
)
def test_what_is_wrong_in_a_file_is_told_with_its_place_and_the_remedy(text: str, message: str, tmp_path: Path) -> None:
    write(tmp_path / "rumbo.toml", text)

    assert failure(tmp_path) == message


@pytest.mark.parametrize(
    ("variable", "text", "message"),
    [
        ("RUMBO_RUN_WORKERS", "many", "RUMBO_RUN_WORKERS: 'many' is not a whole number."),
        (
            "RUMBO_RUN_WORKRES",
            "2",
            "The environment variable RUMBO_RUN_WORKRES is no setting. Did you mean RUMBO_RUN_WORKERS?",
        ),
        (
            "RUMBO_WORKERS",
            "2",
            "The environment variable RUMBO_WORKERS is no setting. Did you mean RUMBO_RUN_WORKERS?",
        ),
        (
            "RUMBO_RUN_PQXYZ_JJ",
            "2",
            "The environment variable RUMBO_RUN_PQXYZ_JJ is no setting. `rumbo config` lists all settings.",
        ),
    ],
)
def test_what_is_wrong_in_the_environment_is_told(variable: str, text: str, message: str, tmp_path: Path) -> None:
    assert failure(tmp_path, **{variable: text}) == message


def test_a_program_may_have_variables_of_its_own_that_begin_like_ours(tmp_path: Path) -> None:
    assert load(tmp_path, RUMBO_SHOP_FLOOR="3") == settings.Settings()


def test_every_setting_says_what_it_is_for_and_by_which_variable_it_is_set() -> None:
    keys = {(key.section, key.name): key for key in settings.all_keys()}

    assert keys["run", "workers"] == ("run", "workers", "int", 1, "Attempts at a time.")
    assert keys["run", "workers"].variable == "RUMBO_RUN_WORKERS"
    assert all(key.help.endswith(".") for key in keys.values())


@pytest.mark.parametrize("name", ["password", "DB_TOKEN", "api_key", "client_secret"])
def test_names_of_secrets_are_known(name: str) -> None:
    assert settings.is_secret(name)
    assert not settings.is_secret("limit")
