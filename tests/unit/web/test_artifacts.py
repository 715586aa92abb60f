"""What tasks made and read, asked of a server over a history that a real run has written."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

import rumbo
from rumbo.artifacts.sight import Fate
from rumbo.store.reader import HistoryReader
from rumbo.wire.connection import Connection
from rumbo.wire.remote_history import RemoteHistory
from server_inside import ServerInside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SVG = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


class Raw(rumbo.ExternalTask):
    folder: str

    def output(self) -> Any:
        return rumbo.LocalTarget(f"{self.folder}/raw.csv")


class Clean(rumbo.Task):
    folder: str

    def requires(self) -> Any:
        return Raw(folder=self.folder)

    def output(self) -> Any:
        names = ("clean.csv", "plot.svg", "rumbo.toml", "note.txt")
        files = [rumbo.LocalTarget(f"{self.folder}/{name}") for name in names]
        return [*files, rumbo.MemoryTarget("far"), rumbo.LocalTarget(f"{self.folder}-elsewhere/x")]

    def run(self) -> None:
        for target, text in zip(self.output(), ("a,b\n1,<b>\n", SVG, "secret", "hello", "x", "x"), strict=True):
            target.write_text(text)


class Asked:
    """A server over a folder in which a run has been."""

    def __init__(self, server: ServerInside, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.id = Clean(folder=str(folder)).task_id

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.server.url}/api/v1/tasks/{quote(self.id)}/{path}", timeout=30) as answer:
            return answer.headers, answer.read()

    def json(self, path: str) -> Any:
        try:
            return json.loads(self.get(path)[1])
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())["detail"]


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Asked]:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "raw.csv").write_text("raw")
    assert rumbo.build(Clean(folder=str(folder)), folder=str(folder))
    with ServerInside(folder / ".rumbo") as server:
        yield Asked(server, folder)


def test_outputs_and_inputs_as_they_were_and_as_they_are(asked: Asked) -> None:
    (asked.folder / "note.txt").write_text("another hello")
    (asked.folder / "plot.svg").unlink()

    told = asked.json("artifacts")

    made = told["outputs"]
    assert (made["task_id"], made["family"], made["state"], made["attempt"]) == (asked.id, "Clean", "done", 1)
    assert [(each["address"], each["size"], each["fate"], each["shown_as"]) for each in made["artifacts"]] == [
        (f"{asked.folder}/clean.csv", 10, "there", "table"),
        (f"{asked.folder}/plot.svg", len(SVG), "gone", None),
        (f"{asked.folder}/rumbo.toml", 6, "unknown", None),
        (f"{asked.folder}/note.txt", 5, "changed", "text"),
        ("memory://far", None, "unknown", None),
        (f"{asked.folder}-elsewhere/x", 1, "unknown", None),
    ]
    assert made["artifacts"][3]["size_now"] == 13
    (raw,) = told["inputs"]
    assert (raw["family"], raw["attempt"], raw["artifacts"][0]["address"]) == ("Raw", 0, f"{asked.folder}/raw.csv")
    assert raw["artifacts"][0]["fate"] == "there"
    assert told["more_inputs"] == 0


def test_a_look_into_a_file(asked: Asked) -> None:
    assert asked.json("artifacts/0") == {
        "kind": "table",
        "text": "",
        "columns": ["a", "b"],
        "rows": [["1", "<b>"]],
        "is_cut": False,
        "total": None,
    }
    assert asked.json("artifacts/3")["text"] == "hello"
    assert asked.json("artifacts/1")["kind"] == "image"


@pytest.mark.parametrize("place", [2, 4, 5])
def test_what_lies_elsewhere_or_sets_up_programs_is_not_shown(asked: Asked, place: int) -> None:
    assert asked.json(f"artifacts/{place}") == (409, "It is not shown: the server does not look there.")
    assert asked.json(f"artifacts/{place}/image") == (409, "It is not shown: the server does not look there.")


def test_only_what_the_history_knows_can_be_named(asked: Asked) -> None:
    assert asked.json("artifacts/6")[0] == 404
    assert asked.json("artifacts/-1")[0] == 422
    assert asked.json("artifacts/..%2Fraw.csv")[0] in (404, 422)
    (asked.folder / "clean.csv").unlink()
    assert asked.json("artifacts/0") == (409, "It is not shown: it is not there.")


def test_an_output_that_became_a_link_out_of_the_folder_is_not_shown(asked: Asked, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("secret")
    (asked.folder / "clean.csv").unlink()
    (asked.folder / "clean.csv").symlink_to(tmp_path / "kept")
    assert asked.json("artifacts/0") == (409, "It is not shown: the server does not look there.")


def test_a_picture_cannot_run_scripts(asked: Asked) -> None:
    headers, body = asked.get("artifacts/1/image")
    assert body.decode() == SVG
    assert headers["Content-Type"] == "image/svg+xml"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    assert asked.json("artifacts/0/image") == (409, "It is not shown: it is no picture, whatever its name says.")


def test_a_task_of_which_nothing_is_known(asked: Asked) -> None:
    asked.id = "Nobody_1"
    assert asked.json("artifacts")[0] == 404


def test_commands_far_away_are_told_the_same(asked: Asked) -> None:
    with (
        HistoryReader(str(asked.folder / ".rumbo")) as near,
        RemoteHistory(Connection(asked.server.url)) as far,
    ):
        here, there = near.artifacts(near.task(asked.id)), far.artifacts(far.task(asked.id))

    assert here.outputs.made is not None
    assert there.outputs.made == here.outputs.made._replace(host="")
    assert there.outputs.things[0] == here.outputs.things[0]
    assert [each.family for each in there.inputs] == [each.family for each in here.inputs] == ["Raw"]
    # What commands look at, they look at as whoever gives them; the server keeps to its folders.
    assert [each.sight.fate for each in here.outputs.things][2::3] == [Fate.THERE, Fate.THERE]
    assert [each.sight.fate for each in there.outputs.things][2::3] == [Fate.UNKNOWN, Fate.UNKNOWN]
