"""Requests made up from the API's own description: none makes the server fail, every answer is as described."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from rumbo import codec
from rumbo.server.daemon import Terms
from server_inside import ServerInside
from server_talk import Talker, spec

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


def fill(server: ServerInside) -> None:
    """Something to find: a run under way, with a task that a worker has."""
    import urllib.request

    ana = Talker("ana")
    for request in (ana.joins(), ana.begins("run-1", spec("Clean_1"), spec("Report_1", "Clean_1"), slots=1)):
        urllib.request.urlopen(f"{server.url}/api/v1/work", codec.encode(request), timeout=5).close()


def test_no_request_breaks_the_server(tmp_path: Path) -> None:
    with ServerInside(tmp_path / ".rumbo", Terms(lease=60.0)) as server:
        fill(server)
        schema = schemathesis.openapi.from_url(f"{server.url}/api/v1/openapi.json").exclude(path="/events")
        many = 0
        for found in schema.get_all_operations():
            operation = found.ok()

            @given(case=operation.as_strategy())
            @settings(
                max_examples=12,
                deadline=None,
                derandomize=True,
                database=None,
                phases=(Phase.generate,),
                suppress_health_check=list(HealthCheck),
            )
            def answers_as_described(case: schemathesis.Case) -> None:
                case.call_and_validate(base_url=f"{server.url}/api/v1", timeout=10)

            answers_as_described()
            many += 1
        assert many > 30
        assert not server.daemon.trouble
