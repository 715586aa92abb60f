"""Where bars of a timeline lie, what decided how long a run took, and how that is drawn."""

from __future__ import annotations

from xml.etree import ElementTree

from rumbo.drawings.gantt import gantt
from rumbo.drawings.timeline import Bar, Span, Timeline, critical_path, lanes, timeline

SVG = "{http://www.w3.org/2000/svg}"


def spans(*about: tuple[str, str, float, float]) -> list[Span]:
    return [Span(*each) for each in about]


def test_attempts_that_overlap_lie_in_lanes_of_their_worker() -> None:
    placed, workers = lanes(
        spans(("A", "b", 0, 5), ("B", "a", 0, 2), ("C", "a", 1, 3), ("D", "a", 2, 4), ("E", "a", 3, 4))
    )
    assert workers == ["a", "a", "b"]
    assert placed == [2, 0, 1, 0, 1]


def test_the_critical_path_goes_back_over_what_ended_last() -> None:
    made = spans(("A", "a", 0, 5), ("B", "a", 0, 9), ("C", "a", 9, 10), ("D", "a", 10, 12), ("E", "a", 0, 1))
    assert critical_path(made, {"C": ("A", "B"), "D": ("C", "E")}) == ["B", "C", "D"]
    assert critical_path([], {}) == []


def of_a_shop() -> Timeline:
    bars = [
        Bar("Clean_1", "Clean", 1, "ana <1>", "done", 1000.0, 4.0),
        Bar("Clean_2", "Clean", 1, "ana <1>", "failed", 1001.0, 0.0),
        Bar("Clean_2", "Clean", 2, "ben", "done", 1002.0, 6.0),
        Bar("Report_1", "Report", 1, "ben", "running", 1008.0, None),
    ]
    return timeline(bars, {"Report_1": ["Clean_1", "Clean_2"]}, 999.5, 1010.0)


def test_what_is_under_way_goes_on_until_now() -> None:
    drawn = of_a_shop()
    assert (drawn.since, drawn.until) == (999.5, 1010.0)
    assert (drawn.workers, drawn.lanes) == (["ana <1>", "ana <1>", "ben"], [0, 1, 2, 2])
    assert drawn.critical == ["Clean_2", "Report_1"]


def test_a_timeline_is_drawn_with_a_bar_for_each_attempt() -> None:
    tree = ElementTree.fromstring(gantt(of_a_shop(), 'Run "1" & more'))
    assert tree.attrib["aria-label"] == 'Run "1" & more'
    bars = {
        each.findtext(f"{SVG}title"): each for each in tree.findall(f"{SVG}g") if each.find(f"{SVG}title") is not None
    }
    assert sorted(bars) == [
        "Clean_1, attempt 1: done, 4.0s",
        "Clean_2, attempt 1: failed, 0ms",
        "Clean_2, attempt 2: done, 6.0s",
        "Report_1, attempt 1: running, 2.0s",
    ]
    looks = {told: each.attrib["class"] for told, each in bars.items()}
    assert looks["Clean_1, attempt 1: done, 4.0s"] == "done"
    assert looks["Report_1, attempt 1: running, 2.0s"] == "running critical"
    width = {told: float(each.find(f"{SVG}rect").attrib["width"]) for told, each in bars.items()}  # type: ignore[union-attr]
    assert width["Clean_2, attempt 2: done, 6.0s"] > width["Clean_1, attempt 1: done, 4.0s"]
    assert width["Clean_2, attempt 1: failed, 0ms"] == 1.5, "what took no time is seen all the same"
    words = [each.text for each in tree.iter(f"{SVG}text")]
    assert {"ana <1>", "ben", "Clean", "1970-01-01 00:16:39 UTC", "6.0s", "decided how long it took"} <= set(words)


def test_nothing_ran() -> None:
    tree = ElementTree.fromstring(gantt(timeline([], {}, 1000.0, 1000.0), "Run 1"))
    assert "1970-01-01 00:16:40 UTC" in [each.text for each in tree.iter(f"{SVG}text")]
