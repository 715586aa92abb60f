"""Where the boxes and arrows of a layered graph go: a pure function, so that every drawing can use it.

Sugiyama's method in its plainest form: layers by the longest path, dummy points where an arrow crosses a layer, order
within a layer by the mean of the neighbours (a few sweeps to and fro), then places that pull each box towards the
middle of its neighbours without overlap. Layers go from left to right. Cost is near linear in arrows and dummies.

Inside, boxes are numbers from 0, in the order in which they were given, and dummies the numbers after them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Arrow = tuple[int, int]

LAYER_GAP = 56.0
BOX_GAP = 16.0
_WIDEST_GAP = 160.0
_SWEEPS = 8
_MANY = 5_000
"""With more links than this, half as many sweeps must do, and no crossings are counted: nobody sees the difference, but
everybody waits for it."""


class Place(NamedTuple):
    """A box: its upper left corner and its size."""

    x: float
    y: float
    width: float
    height: float


class Layout(NamedTuple):
    """A drawing's geometry."""

    places: dict[str, Place]
    routes: dict[tuple[str, str], list[tuple[float, float]]]
    """Arrow -> the points it runs through, from the right side of its first box to the left side of its second."""
    width: float
    height: float


def layout(sizes: Mapping[str, tuple[float, float]], arrows: Iterable[tuple[str, str]]) -> Layout:
    """Lay a graph out.

    Args:
        sizes: box -> (width, height).
        arrows: (from, to). Arrows of a box to itself, and to and from unknown boxes, are passed over; of those that
            close a circle, one is drawn backwards.
    """
    if not sizes:
        return Layout({}, {}, 0.0, 0.0)
    keys = list(sizes)
    number = {key: place for place, key in enumerate(keys)}
    wanted = [(number[a], number[b]) for a, b in dict.fromkeys(arrows) if a != b and a in sizes and b in sizes]
    forward = _without_circles(len(keys), wanted)
    ranks = _ranks(len(keys), forward)
    layers, chains, links = _with_dummies(forward, ranks)
    _order(layers, links)
    return _placed(keys, list(sizes.values()), layers, chains, links, wanted)


# Layers ----------------------------------------------------------------------------------------------------------


def _without_circles(boxes: int, arrows: Sequence[Arrow]) -> list[Arrow]:
    """The arrows with those turned round that lead back to where a walk came from."""
    following: list[list[int]] = [[] for _ in range(boxes)]
    for first, second in arrows:
        following[first].append(second)
    is_done = [False] * boxes
    is_on_path = [False] * boxes
    backwards: set[Arrow] = set()
    for start in range(boxes):
        if is_done[start]:
            continue
        stack = [(start, iter(following[start]))]
        is_on_path[start] = True
        while stack:
            box, rest = stack[-1]
            next_box = next(rest, None)
            if next_box is None:
                stack.pop()
                is_on_path[box] = False
                is_done[box] = True
            elif is_on_path[next_box]:
                backwards.add((box, next_box))
            elif not is_done[next_box]:
                is_on_path[next_box] = True
                stack.append((next_box, iter(following[next_box])))
    if not backwards:
        return list(arrows)
    return list(dict.fromkeys([(b, a) if (a, b) in backwards else (a, b) for a, b in arrows]))


def _ranks(boxes: int, arrows: Sequence[Arrow]) -> list[int]:
    """The layer of each box: as far right as its longest way from a beginning, then pulled towards what it leads to."""
    into = [0] * boxes
    following: list[list[int]] = [[] for _ in range(boxes)]
    for first, second in arrows:
        into[second] += 1
        following[first].append(second)
    ranks = [0] * boxes
    waiting = list(into)
    order = [box for box in range(boxes) if not waiting[box]]
    for box in order:  # grows as it is walked
        for second in following[box]:
            ranks[second] = max(ranks[second], ranks[box] + 1)
            waiting[second] -= 1
            if not waiting[second]:
                order.append(second)
    for box in reversed(order):
        if following[box] and not into[box]:
            ranks[box] = min(ranks[second] for second in following[box]) - 1
    return ranks


class _Links(NamedTuple):
    """Neighbours of each box and dummy in the layer before and in the layer after."""

    before: list[list[int]]
    after: list[list[int]]


def _with_dummies(arrows: Sequence[Arrow], ranks: Sequence[int]) -> tuple[list[list[int]], dict[Arrow, range], _Links]:
    """The layers, with a dummy wherever an arrow crosses one; each arrow's dummies; and who is whose neighbour."""
    layers: list[list[int]] = [[] for _ in range(max(ranks) + 1)]
    for box, rank in enumerate(ranks):
        layers[rank].append(box)
    links = _Links([[] for _ in ranks], [[] for _ in ranks])
    chains: dict[Arrow, range] = {}
    dummies = len(ranks)
    for first, second in arrows:
        current = first
        begins = dummies
        for rank in range(ranks[first] + 1, ranks[second]):
            layers[rank].append(dummies)
            links.before.append([current])
            links.after.append([])
            links.after[current].append(dummies)
            current = dummies
            dummies += 1
        links.after[current].append(second)
        links.before[second].append(current)
        chains[first, second] = range(begins, dummies)
    return layers, chains, links


# Order -----------------------------------------------------------------------------------------------------------


def _order(layers: list[list[int]], links: _Links) -> None:
    """Put each layer in the order of the means of its neighbours; keep the order with the fewest crossings."""
    if _is_large(links):
        for sweep in range(_sweeps(links)):
            _sweep(layers, links, sweep % 2 == 0)
        return
    best = [list(layer) for layer in layers]
    fewest = _crossings(layers, links)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        _sweep(layers, links, sweep % 2 == 0)
        crossings = _crossings(layers, links)
        if crossings < fewest:
            fewest = crossings
            best = [list(layer) for layer in layers]
    layers[:] = best


def _sweep(layers: list[list[int]], links: _Links, is_forward: bool) -> None:
    places = [0.0] * len(links.before)
    ranks = range(len(layers)) if is_forward else range(len(layers) - 1, -1, -1)
    neighbours = links.before if is_forward else links.after
    for rank in ranks:
        if rank != ranks[0]:
            _sort(layers[rank], neighbours, places)
        for place, box in enumerate(layers[rank]):
            places[box] = place


def _is_large(links: _Links) -> bool:
    return sum(map(len, links.after)) > _MANY


def _sweeps(links: _Links) -> int:
    return _SWEEPS // 2 if _is_large(links) else _SWEEPS


def _sort(layer: list[int], neighbours: Sequence[Sequence[int]], places: Sequence[float]) -> None:
    means = {}
    for place, box in enumerate(layer):
        near = neighbours[box]
        means[box] = sum([places[each] for each in near]) / len(near) if near else float(place)
    layer.sort(key=means.__getitem__)


def _crossings(layers: Sequence[Sequence[int]], links: _Links) -> int:
    """How many arrows between neighbouring layers cross, counted with a Fenwick tree."""
    total = 0
    for rank in range(1, len(layers)):
        place = {box: index for index, box in enumerate(layers[rank])}
        tree = [0] * (len(place) + 1)
        seen = 0
        for box in layers[rank - 1]:
            ends = sorted(place[each] for each in links.after[box])
            for end in ends:
                total += seen - _count_up_to(tree, end + 1)
            for end in ends:
                seen += 1
                spot = end + 1
                while spot < len(tree):
                    tree[spot] += 1
                    spot += spot & -spot
    return total


def _count_up_to(tree: Sequence[int], spot: int) -> int:
    found = 0
    while spot > 0:
        found += tree[spot]
        spot -= spot & -spot
    return found


# Places ----------------------------------------------------------------------------------------------------------


def _placed(
    keys: Sequence[str],
    sizes: Sequence[tuple[float, float]],
    layers: Sequence[Sequence[int]],
    chains: Mapping[Arrow, range],
    links: _Links,
    wanted: Sequence[Arrow],
) -> Layout:
    heights = [height for _, height in sizes] + [0.0] * (len(links.before) - len(sizes))
    tops = _tops(layers, heights, links)
    spans = _spans(sizes, layers, links)
    span_of = [(0.0, 0.0)] * len(heights)
    for span, layer in zip(spans, layers, strict=True):
        for box in layer:
            span_of[box] = span
    places = {key: Place(span_of[box][0], tops[box], *sizes[box]) for box, key in enumerate(keys)}
    routes = {}
    for arrow in wanted:
        is_forward = arrow in chains
        first, second = arrow if is_forward else (arrow[1], arrow[0])
        left, middle = span_of[first][0], tops[first] + heights[first] / 2
        # Level over the whole width of each layer on the way, so that an arrow never runs behind a box.
        route = [(left + sizes[first][0], middle), (span_of[first][1], middle)]
        for dummy in chains[first, second]:
            begins, ends = span_of[dummy]
            top = tops[dummy]
            route += ((begins, top), (ends, top))
        route.append((span_of[second][0], tops[second] + heights[second] / 2))
        routes[keys[arrow[0]], keys[arrow[1]]] = route if is_forward else route[::-1]
    height = max(place.y + place.height for place in places.values())
    width = max(place.x + place.width for place in places.values())
    return Layout(places, routes, width, max(height, *tops))


def _spans(
    sizes: Sequence[tuple[float, float]], layers: Sequence[Sequence[int]], links: _Links
) -> list[tuple[float, float]]:
    """The left and right edge of each layer."""
    spans = []
    left = 0.0
    for layer in layers:
        right = left + max((sizes[box][0] for box in layer if box < len(sizes)), default=0.0)
        spans.append((left, right))
        left = right + _gap_after(layer, links)
    return spans


def _gap_after(layer: Sequence[int], links: _Links) -> float:
    """Room for the arrows that leave a layer: the more there are, the more of it, so that they do not run steep."""
    return LAYER_GAP + min(4.0 * sum(len(links.after[box]) for box in layer), _WIDEST_GAP)


def _tops(layers: Sequence[Sequence[int]], heights: Sequence[float], links: _Links) -> list[float]:
    """The upper edges: packed at first, then each drawn to the middle of its neighbours, to and fro."""
    tops = [0.0] * len(heights)
    for layer in layers:
        y = 0.0
        for box in layer:
            tops[box] = y
            y += heights[box] + BOX_GAP
    middles = [top + height / 2 for top, height in zip(tops, heights, strict=True)]
    for sweep in range(_sweeps(links)):
        order = range(len(layers)) if sweep % 2 == 0 else range(len(layers) - 1, -1, -1)
        wanted, other = (links.before, links.after) if sweep % 2 == 0 else (links.after, links.before)
        for rank in order:
            layer = layers[rank]
            wishes = []
            for box in layer:
                near = wanted[box] or other[box]
                middle = sum([middles[each] for each in near]) / len(near) if near else middles[box]
                wishes.append(middle - heights[box] / 2)
            for box, top in zip(layer, _spread(wishes, [heights[box] for box in layer]), strict=True):
                tops[box] = top
                middles[box] = top + heights[box] / 2
    lowest = min(tops)
    return [top - lowest for top in tops]


def _spread(wishes: Sequence[float], heights: Sequence[float]) -> list[float]:
    """The places nearest to the wishes, in the given order and without overlap.

    Blocks of boxes that touch share the mean of their wishes (the pool-adjacent-violators method).
    """
    offsets = [0.0]
    for height in heights[:-1]:
        offsets.append(offsets[-1] + height + BOX_GAP)
    blocks: list[tuple[float, int]] = []
    for wish, offset in zip(wishes, offsets, strict=True):
        mean, size = wish - offset, 1
        while blocks and blocks[-1][0] >= mean:
            other, number = blocks.pop()
            mean = (other * number + mean * size) / (number + size)
            size += number
        blocks.append((mean, size))
    placed = [mean for mean, size in blocks for _ in range(size)]
    return [mean + offset for mean, offset in zip(placed, offsets, strict=True)]
