"""Plans and runs show themselves in notebooks."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import rumbo
from rumbo.worker.plan import Plan

if TYPE_CHECKING:
    from pathlib import Path


class Below(rumbo.Task):
    folder: str
    number: int

    def output(self) -> rumbo.LocalTarget:
        return rumbo.LocalTarget(f"{self.folder}/{self.number}.txt")

    def run(self) -> None:
        if self.number == 2:
            raise ValueError("no")
        self.output().write_text("x")


class Above(rumbo.Task):
    folder: str

    def requires(self) -> list[rumbo.Task]:
        return [Below(folder=self.folder, number=number) for number in range(3)]

    def output(self) -> rumbo.LocalTarget:
        return rumbo.LocalTarget(f"{self.folder}/above.txt")


def drawn(html: str) -> tuple[list[str], str]:
    """The looks of the boxes in the picture, and its caption."""
    picture = re.search(r"base64,([^\"]+)", html)
    assert picture is not None
    tree = ElementTree.fromstring(base64.b64decode(picture[1]))
    groups = [each for each in tree.iter("{http://www.w3.org/2000/svg}g") if each.find("{*}title") is not None]
    caption = re.search(r"<figcaption>(.*?)</figcaption>", html)
    assert caption is not None
    return [each.attrib["class"] for each in groups], caption[1]


def test_a_plan(tmp_path: Path) -> None:
    (tmp_path / "1.txt").write_text("x")
    plan = Plan()
    plan.find([Above(folder=str(tmp_path))])
    looks, caption = drawn(plan._repr_html_())
    assert sorted(looks) == ["run", "run", "run", "skip"]
    assert caption == "A plan: 3 run, 1 skip."


def test_a_run(tmp_path: Path) -> None:
    (tmp_path / "1.txt").write_text("x")
    result = rumbo.build([Above(folder=str(tmp_path))], history=False)
    looks, caption = drawn(result._repr_html_())
    assert sorted(looks) == ["done", "failed", "skip", "wait"]
    assert re.fullmatch(r"Run \S+: failed, 1 task done in \S+\.", caption)
    over_time, caption = drawn(result._repr_html_().partition("</figure>")[2])
    assert sorted(over_time) == ["done", "failed critical"]
    assert caption == "Over time."


def test_nothing() -> None:
    assert drawn(Plan()._repr_html_()) == ([], "A plan: nothing.")
