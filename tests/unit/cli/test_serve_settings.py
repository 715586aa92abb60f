"""What the settings of a server mean for it."""

from __future__ import annotations

import pytest

from rumbo.cli.serve import preview_folders
from rumbo.settings import ServerSettings


@pytest.mark.parametrize(
    ("state", "said", "folders"),
    [
        ("/project/.rumbo", ".", ["/project/."]),
        ("/project/.rumbo", "out, /data/reports", ["/project/out", "/data/reports"]),
        ("/project/.rumbo", " , ", []),
        ("/project/.rumbo", "", []),
        ("postgresql://host/db", "out", ["out"]),
    ],
)
def test_where_a_server_may_look_at_what_tasks_made(state: str, said: str, folders: list[str]) -> None:
    assert preview_folders(ServerSettings(state=state, preview_folders=said)) == folders
