"""Every test sees the tasks of Rumbo and of its own module, and not those that other tests define."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from postgres_house import PostgresHouse, is_installed
from rumbo.pipeline.registry import Register

if TYPE_CHECKING:
    from collections.abc import Iterator


_WITH_REAL_PARTS = {"browser", "compat", "contracts", "docs", "examples", "integration", "integrations"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What talks with real processes has one more try, since a busy machine may keep them waiting.

    The report says which tests took it. Units have none: they do not depend on the machine.
    """
    tests = Path(__file__).parent
    for item in items:
        if item.path.relative_to(tests).parts[0] in _WITH_REAL_PARTS:
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(autouse=True)
def _tasks_of_other_tests_are_unknown(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    own = request.module.__name__
    known = [cls for cls in Register._reg if cls.__module__ == own or not cls.__module__.startswith("tests.")]
    monkeypatch.setattr(Register, "_reg", known)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresHouse]:
    """A PostgreSQL server for all tests of this process."""
    if not is_installed():
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql), so nothing is tested with it")
    house = PostgresHouse()
    house.start()
    yield house
    house.close()


@pytest.fixture(scope="session")
def _one_database(postgres: PostgresHouse) -> str:
    return postgres.make_database()


@pytest.fixture
def empty_postgres(_one_database: str) -> str:
    """The address of a database without anything in it. Emptying one is quicker than making another."""
    import psycopg

    with psycopg.connect(_one_database) as db:
        tables = db.execute(
            "SELECT table_schema || '.' || table_name FROM information_schema.tables "
            "WHERE table_schema LIKE 'rumbo%' AND table_name NOT IN ('alembic_version', 'steps', 'identity')"
        ).fetchall()
        if tables:
            db.execute(f"TRUNCATE {', '.join(name for (name,) in tables)} RESTART IDENTITY CASCADE")
    return _one_database
