"""Where boxes of a diagram lie."""

from __future__ import annotations

import pytest

from rumbo.web.diagram import FAMILY, TASK, Diagrams, Drawn, Outline, around, draw_families, draw_tasks


def boxes(drawn: Drawn) -> list[tuple[float, ...]]:
    return [tuple(drawn.boxes[place : place + 4]) for place in range(0, len(drawn.boxes), 4)]


def test_tasks_lie_left_of_what_needs_them() -> None:
    drawn = draw_tasks(Outline(("Fetch", "Clean", "Report"), ((), (0,), (1,))))
    fetch, clean, report = boxes(drawn)
    assert fetch[0] + TASK[0] < clean[0]
    assert clean[0] + TASK[0] < report[0]
    assert [arrow[:2] for arrow in drawn.arrows] == [[0, 1], [1, 2]]
    assert (drawn.width, drawn.height) == (report[0] + TASK[0], TASK[1])


def test_many_equal_tasks_are_a_square_with_one_arrow() -> None:
    many = 400
    drawn = draw_tasks(Outline((*["Fetch"] * many, "Report"), (*[()] * many, tuple(range(many)))))
    found = boxes(drawn)
    assert len(set(found)) == many + 1
    assert len(drawn.arrows) == 1
    assert drawn.arrows[0][:2] == [0, many]
    fetched = found[:many]
    height = max(y + h for _, y, _, h in fetched) - min(y for _, y, _, _ in fetched)
    width = max(x + w for x, _, w, _ in fetched) - min(x for x, _, _, _ in fetched)
    assert 0.6 < width / height < 1.7


def test_equal_tasks_with_other_neighbours_are_not_in_one_block() -> None:
    few = draw_tasks(Outline((*["Fetch"] * 3, "Report"), (*[()] * 3, (0, 1, 2))))
    assert len(few.arrows) == 3
    apart = draw_tasks(Outline((*["Fetch"] * 8, "North", "South"), (*[()] * 8, (0, 1, 2, 3), (4, 5, 6, 7))))
    assert len(apart.arrows) == 8


def test_families_are_boxes_with_an_arrow_for_any_need() -> None:
    drawn = draw_families(Outline(("Fetch", "Fetch", "Clean", "Clean"), ((), (0,), (0,), (1, 2))))
    assert [box[2:] for box in boxes(drawn)] == [FAMILY, FAMILY]
    assert [arrow[:2] for arrow in drawn.arrows] == [[0, 1]]


def test_nothing_to_draw() -> None:
    assert draw_tasks(Outline((), ())) == Drawn(0.0, 0.0, [], [])


def test_what_was_drawn_is_kept_by_its_structure() -> None:
    diagrams = Diagrams(most=1)
    outline = Outline(("A", "B"), ((), (0,)))
    first = diagrams.draw(outline)
    assert diagrams.draw(Outline(("A", "B"), ((), (0,)))) is first
    assert diagrams.draw(outline, is_by_family=True) is not first
    assert diagrams.draw(outline) == first


@pytest.mark.parametrize(
    ("up", "down", "found"), [(0, 0, [2]), (1, 0, [1, 2]), (9, 0, [0, 1, 2]), (0, 1, [2, 3]), (1, 1, [1, 2, 3])]
)
def test_what_is_around_a_task(up: int, down: int, found: list[int]) -> None:
    assert around([[], [0], [1], [2], [3, 0]], 2, up, down) == found
