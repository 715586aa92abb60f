"""Requests made up from the API's own description: none makes the server fail, every answer is as described."""

from __future__ import annotations

import json
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
    """Something to find: a run under way, with a task that is done and one that a worker has."""
    import urllib.request

    ana = Talker("ana")

    def says(request: codec.WorkRequest) -> list[codec.WireOrder]:
        with urllib.request.urlopen(f"{server.url}/api/v1/work", codec.encode(request), timeout=5) as answer:
            return ana.gets(codec.decode_reply(answer.read()).orders)

    says(ana.joins())
    (clean,) = says(ana.begins("run-1", spec("Clean_1"), spec("Report_1", "Clean_1"), slots=1))
    outputs = json.dumps([["/nowhere/x.csv", 4, 1.5], ["s3://bucket/ñ\udcff", None, None], 7])
    says(ana.says(ana.reports(clean, outputs=outputs), slots=1))


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
