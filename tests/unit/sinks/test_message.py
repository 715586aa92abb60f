"""Alerts in words."""

from __future__ import annotations

import re
from typing import Any

import pytest

from rumbo.alerts import Event
from rumbo.ports import Alert
from rumbo.sinks.message import groups_of, headline_of, html_of, subject_of, text_of


def alert(family: str = "Clean", n: int = 1, event: str = Event.TASK_FAILED, **more: Any) -> Alert:
    about = {"run": "run-1", "params": {"n": str(n), "kind": "x"}, "group": f"{family}(kind=x)", "message": "no luck"}
    return Alert(f"id-{n}", event, 0.0, task=f"{family}_{n}", family=family, **{**about, **more})


def test_one_alert_says_all() -> None:
    told = alert(worker="host-1", attempt=2, log="reading\nfailing\n", link="https://rumbo.example.org/tasks/Clean_1")
    assert subject_of([told]) == "Clean(n=1, kind=x) failed"
    assert (
        text_of([told])
        == """\
Clean(n=1, kind=x) failed.

Task:    Clean_1
  n:     1
  kind:  x
Run:     run-1
Worker:  host-1
Attempt: 2
When:    1970-01-01 00:00:00 UTC
See:     https://rumbo.example.org/tasks/Clean_1

no luck

The end of its output:

reading
failing
"""
    )


def test_many_alerts_are_told_by_what_they_share_the_most_first() -> None:
    told = [alert("Load"), *(alert(n=n, message=f"trouble {n}", link=f"https://r/{n}") for n in range(5))]
    told.append(Alert("id", Event.WORKER_LOST, 0.0, worker="host-1", message="It was silent."))
    assert subject_of(told) == "6 tasks failed, 1 worker lost"
    assert (
        text_of(told)
        == """\
- Clean: 5 tasks failed
  https://r/2
  https://r/3
  https://r/4

      trouble 4

- Load(n=1, kind=x) failed

      no luck

- Worker host-1 was lost

      It was silent.
"""
    )


@pytest.mark.parametrize(
    ("group_by", "names"),
    [("family", ["Clean"]), ("params", ["Clean(kind=x)"]), ("task", ["Clean(n=1, kind=x)", "Clean(n=2, kind=x)"])],
)
def test_what_is_told_together_can_be_chosen(group_by: str, names: list[str]) -> None:
    assert [group.name for group in groups_of([alert(n=1), alert(n=2)], group_by)] == names


def test_of_a_long_error_the_last_lines_are_told_among_many() -> None:
    message = "\n".join(f"line {n}" for n in range(100))
    text = text_of([alert(n=1), alert(n=2, message=message)])
    assert re.findall(r"line (\d+)", text) == [str(n) for n in range(80, 100)]


@pytest.mark.parametrize("event", [event for event in Event if event is not Event.TEST])
def test_every_event_has_words(event: Event) -> None:
    assert headline_of(alert(event=event)).startswith("Clean(n=1, kind=x) ")
    assert subject_of([alert(n=1, event=event), alert(n=2, event=event)]).startswith("2 ")


def test_a_subject_is_one_line_of_bounded_length() -> None:
    told = alert(params={"text": "a\nb" * 100})
    assert "\n" not in subject_of([told])
    assert len(subject_of([told])) <= 150


@pytest.mark.parametrize("many", [1, 2])
def test_html_holds_nothing_that_came_from_outside_as_it_is(many: int) -> None:
    evil = "<script>alert('&')</script>"
    told = [alert(evil, n, message=evil, log=evil, params={evil: evil}, worker=evil, run=evil) for n in range(many)]
    html = html_of(told)
    assert "<script" not in html
    assert "&lt;script&gt;alert(&#x27;&amp;&#x27;)&lt;/script&gt;" in html


def test_what_no_mail_can_hold_is_spelled_out() -> None:
    odd = alert(params={"path": "caf\udce9", "name": "café"}, message="no file caf\udce9")
    for text in (subject_of([odd]), text_of([odd]), html_of([odd])):
        assert "caf\\udce9" in text
        assert "\udce9" not in text
    assert "café" in subject_of([odd])


def test_html_links_to_the_page() -> None:
    assert '<a href="https://r/tasks/Clean_1">' in html_of([alert(link="https://r/tasks/Clean_1")])
