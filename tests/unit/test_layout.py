"""Laying out graphs: layers from left to right, nothing overlaps, and the same graph gives the same drawing."""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from rumbo.layout import layout

if TYPE_CHECKING:
    from rumbo.layout import Place

BOX = (80.0, 40.0)


def boxes(names: str) -> dict[str, tuple[float, float]]:
    return dict.fromkeys(names, BOX)


def overlap(first: Place, second: Place) -> bool:
    apart_across = first.x + first.width <= second.x or second.x + second.width <= first.x
    apart_along = first.y + first.height <= second.y + 1e-6 or second.y + second.height <= first.y + 1e-6
    return not (apart_across or apart_along)


def test_nothing_is_laid_out_as_nothing() -> None:
    assert layout({}, []) == ({}, {}, 0.0, 0.0)


def test_what_is_needed_stands_left_of_what_needs_it() -> None:
    found = layout(boxes("abc"), [("a", "b"), ("b", "c")])

    assert found.places["a"].x < found.places["b"].x < found.places["c"].x
    assert {place.y for place in found.places.values()} == {0.0}
    assert found.routes["a", "b"][0] == (80.0, 20.0)
    assert found.routes["a", "b"][-1] == (found.places["b"].x, 20.0)


def test_a_box_stands_next_to_what_it_leads_to_and_not_at_the_far_left() -> None:
    found = layout(boxes("abcd"), [("a", "b"), ("b", "c"), ("d", "c")])

    assert found.places["d"].x == found.places["b"].x


def test_crossings_are_avoided_where_they_can_be() -> None:
    found = layout(boxes("abcxyz"), [("a", "z"), ("b", "y"), ("c", "x")])
    order = [sorted(names, key=lambda name: found.places[name].y) for names in ("abc", "zyx")]

    assert ["abc".index(name) for name in order[0]] == ["zyx".index(name) for name in order[1]]


def test_an_arrow_over_several_layers_runs_round_the_boxes_between() -> None:
    found = layout(boxes("abc"), [("a", "b"), ("b", "c"), ("a", "c")])
    between = found.places["b"]

    for x, y in found.routes["a", "c"]:
        if between.x <= x <= between.x + between.width:
            assert not between.y <= y <= between.y + between.height


def test_a_circle_is_drawn_with_one_arrow_backwards() -> None:
    found = layout(boxes("ab"), [("a", "b"), ("b", "a"), ("a", "a")])

    assert found.routes["b", "a"] == found.routes["a", "b"][::-1]
    assert found.places["a"].x != found.places["b"].x


def test_a_long_chain_is_no_trouble() -> None:
    names = [f"n{number}" for number in range(3000)]

    found = layout(dict.fromkeys(names, BOX), pairwise(names))

    assert found.places["n2999"].x > found.places["n0"].x


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 14), st.sets(st.tuples(st.integers(0, 13), st.integers(0, 13)), max_size=30))
def test_no_two_boxes_overlap_and_all_is_within_the_drawing(number: int, pairs: set[tuple[int, int]]) -> None:
    names = [str(n) for n in range(number)]
    sizes = {name: (40.0 + 10 * len(name), 20.0 + 5 * (int(name) % 4)) for name in names}
    arrows = sorted((str(a), str(b)) for a, b in pairs)

    found = layout(sizes, arrows)

    assert not any(overlap(found.places[a], found.places[b]) for a, b in combinations(names, 2))
    for place in found.places.values():
        assert -1e-6 <= place.x <= found.width - place.width + 1e-6
        assert -1e-6 <= place.y <= found.height - place.height + 1e-6
    assert found == layout(sizes, arrows)
