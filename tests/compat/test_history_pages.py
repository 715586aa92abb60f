"""luigid keeps Luigi's history in a database, and has the pages about it at Luigi's addresses."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

import luigi.scheduler
import luigi.server
from luigi.configuration import get_config
from rumbo.pipeline import config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[luigi.scheduler.Scheduler]:
    """A scheduler with a history of one task that was done and one that failed."""
    before = config.use(None)
    get_config().set("task_history", "db_connection", f"sqlite:///{tmp_path}/history.db")
    kept = luigi.scheduler.Scheduler(record_task_history=True)
    for id, status in (("Load_1", "DONE"), ("Load_2", "FAILED")):
        kept.add_task(worker="w", task_id=id, family="Load", params={"day": id[-1], "note": "<b>"})
        kept.get_work(worker="w", host="here")
        kept.add_task(worker="w", task_id=id, status=status)
    yield kept
    get_config().set("task_history", "db_connection", "")
    config.use(before)


def get(scheduler: Any, path: str, **params: str) -> httpx.Response:
    """What luigid answers."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=luigi.server.app(scheduler))
        async with httpx.AsyncClient(transport=transport, base_url="http://luigid") as client:
            return await client.get(path, params=params)

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("path", "tasks"),
    [
        ("/tasklist", 2),
        ("/tasklist/Load", 2),
        ("/history", 2),
        ("/history/by_name/Load", 2),
        ("/history/by_name/Nobody", 0),
        ("/history/by_id/1", 1),
        ("/history/by_task_id/Load_2", 1),
    ],
)
def test_the_pages(path: str, tasks: int, scheduler: Any) -> None:
    answer = get(scheduler, path)
    assert answer.status_code == 200
    assert answer.text.count("<tr><td>") == tasks
    assert answer.text.count("note=&lt;b&gt;") == tasks


def test_tasks_by_their_parameters(scheduler: Any) -> None:
    answer = get(scheduler, "/history/by_params/Load", data=json.dumps({"day": "2"}))
    assert "day=2" in answer.text
    assert "day=1" not in answer.text
    assert "FAILED" in answer.text


@pytest.mark.parametrize("path", ["/history/by_id/9", "/history/by_id/x", "/history/by_task_id/Nobody"])
def test_a_task_that_is_not_there(path: str, scheduler: Any) -> None:
    answer = get(scheduler, path)
    assert (answer.status_code, answer.text) == (404, "There is no such task in the history.")


def test_without_a_history() -> None:
    answer = get(luigi.scheduler.Scheduler(), "/history")
    assert answer.status_code == 404
    assert answer.text == (
        "There is no history: set record_task_history in the section [scheduler], and [task_history] db_connection."
    )


def test_the_history_by_its_own_methods(scheduler: Any) -> None:
    history = scheduler.task_history
    with history._session() as session:
        [first] = history.find_all_by_parameters("Load", session, day="1")
        assert [event.event_name for event in first.events] == ["DONE", "RUNNING", "PENDING"]
        assert first.host == "here"
        assert {name: each.value for name, each in first.parameters.items()} == {"day": "1", "note": "<b>"}
    assert len(history.find_all_events()) == 6
    assert [record.task_id for record in history.find_all_runs()] == ["Load_1", "Load_2"]
    assert history.find_task_by_task_id("Load_2").name == "Load"


def test_tables_of_an_old_version_of_luigi_are_brought_up_to_date(tmp_path: Path, scheduler: Any) -> None:
    import sqlalchemy

    old = sqlalchemy.create_engine(f"sqlite:///{tmp_path}/old.db")
    with old.begin() as connection:
        connection.execute(sqlalchemy.text("CREATE TABLE tasks (id INTEGER PRIMARY KEY, name VARCHAR, host VARCHAR)"))
    get_config().set("task_history", "db_connection", f"sqlite:///{tmp_path}/old.db")
    luigi.scheduler.Scheduler(record_task_history=True)
    assert "task_id" in [column["name"] for column in sqlalchemy.inspect(old).get_columns("tasks")]
