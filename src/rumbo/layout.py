"""Where the boxes and arrows of a layered graph go: a pure function, so that every drawing can use it.

Sugiyama's method in its plainest form: layers by the longest path, dummy points where an arrow crosses a layer, order
within a layer by the mean of the neighbours (a few sweeps to and fro), then places that pull each box towards the
middle of its neighbours without overlap. Layers go from left to right. Cost is near linear in arrows and dummies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

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
    wanted = [(a, b) for a, b in dict.fromkeys(arrows) if a != b and a in sizes and b in sizes]
    forward = _without_circles(list(sizes), wanted)
    ranks = _ranks(list(sizes), forward)
    layers, chains, links = _with_dummies(list(sizes), forward, ranks)
    _order(layers, links)
    return _placed(sizes, layers, chains, links, set(wanted))


# Layers ----------------------------------------------------------------------------------------------------------


def _without_circles(keys: Sequence[str], arrows: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The arrows with those turned round that lead back to where a walk came from."""
    following: dict[str, list[str]] = {key: [] for key in keys}
    for first, second in arrows:
        following[first].append(second)
    done: set[str] = set()
    on_path: set[str] = set()
    backwards: set[tuple[str, str]] = set()
    for start in keys:
        if start in done:
            continue
        stack = [(start, iter(following[start]))]
        on_path.add(start)
        while stack:
            key, rest = stack[-1]
            next_key = next(rest, None)
            if next_key is None:
                stack.pop()
                on_path.discard(key)
                done.add(key)
            elif next_key in on_path:
                backwards.add((key, next_key))
            elif next_key not in done:
                on_path.add(next_key)
                stack.append((next_key, iter(following[next_key])))
    return list(dict.fromkeys([(b, a) if (a, b) in backwards else (a, b) for a, b in arrows]))


def _ranks(keys: Sequence[str], arrows: Sequence[tuple[str, str]]) -> dict[str, int]:
    """The layer of each box: as far right as its longest way from a beginning, then pulled towards what it leads to."""
    into: dict[str, int] = dict.fromkeys(keys, 0)
    following: dict[str, list[str]] = {key: [] for key in keys}
    for first, second in arrows:
        into[second] += 1
        following[first].append(second)
    ranks = dict.fromkeys(keys, 0)
    waiting = dict(into)
    order = [key for key in keys if not waiting[key]]
    for key in order:  # grows as it is walked
        for second in following[key]:
            ranks[second] = max(ranks[second], ranks[key] + 1)
            waiting[second] -= 1
            if not waiting[second]:
                order.append(second)
    for key in reversed(order):
        if following[key] and not into[key]:
            ranks[key] = min(ranks[second] for second in following[key]) - 1
    return ranks


class _Links(NamedTuple):
    """Neighbours in the layer before and in the layer after."""

    before: dict[str, list[str]]
    after: dict[str, list[str]]


def _with_dummies(
    keys: Sequence[str], arrows: Sequence[tuple[str, str]], ranks: Mapping[str, int]
) -> tuple[list[list[str]], dict[tuple[str, str], list[str]], _Links]:
    """The layers, with a dummy wherever an arrow crosses one; each arrow's dummies; and who is whose neighbour."""
    layers: list[list[str]] = [[] for _ in range(max(ranks.values()) + 1)]
    for key in keys:
        layers[ranks[key]].append(key)
    links = _Links({key: [] for key in keys}, {key: [] for key in keys})
    chains: dict[tuple[str, str], list[str]] = {}
    for number, (first, second) in enumerate(arrows):
        chain = []
        current = first
        for rank in range(ranks[first] + 1, ranks[second]):
            dummy = f"\0{number}.{rank}"
            chain.append(dummy)
            layers[rank].append(dummy)
            links.before[dummy], links.after[dummy] = [current], []
            links.after[current].append(dummy)
            current = dummy
        links.after[current].append(second)
        links.before[second].append(current)
        chains[first, second] = chain
    return layers, chains, links


# Order -----------------------------------------------------------------------------------------------------------


def _order(layers: list[list[str]], links: _Links) -> None:
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


def _sweep(layers: list[list[str]], links: _Links, is_forward: bool) -> None:
    if is_forward:
        for rank in range(1, len(layers)):
            _sort(layers[rank], links.before, layers[rank - 1])
    else:
        for rank in range(len(layers) - 2, -1, -1):
            _sort(layers[rank], links.after, layers[rank + 1])


def _is_large(links: _Links) -> bool:
    return sum(map(len, links.after.values())) > _MANY


def _sweeps(links: _Links) -> int:
    return _SWEEPS // 2 if _is_large(links) else _SWEEPS


def _sort(layer: list[str], neighbours: Mapping[str, list[str]], other: Sequence[str]) -> None:
    place = {key: index for index, key in enumerate(other)}
    means = {}
    for index, key in enumerate(layer):
        near = [place[each] for each in neighbours[key]]
        means[key] = sum(near) / len(near) if near else float(index)
    layer.sort(key=means.__getitem__)


def _crossings(layers: Sequence[Sequence[str]], links: _Links) -> int:
    """How many arrows between neighbouring layers cross, counted with a Fenwick tree."""
    total = 0
    for rank in range(1, len(layers)):
        place = {key: index for index, key in enumerate(layers[rank])}
        tree = [0] * (len(place) + 1)
        seen = 0
        for key in layers[rank - 1]:
            ends = sorted(place[each] for each in links.after[key])
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
    sizes: Mapping[str, tuple[float, float]],
    layers: Sequence[Sequence[str]],
    chains: Mapping[tuple[str, str], list[str]],
    links: _Links,
    wanted: set[tuple[str, str]],
) -> Layout:
    heights = {key: sizes[key][1] if key in sizes else 0.0 for layer in layers for key in layer}
    tops = _tops(layers, heights, links)
    spans = _spans(sizes, layers, links)
    places = {}
    for (left, _), layer in zip(spans, layers, strict=True):
        places.update({key: Place(left, tops[key], *sizes[key]) for key in layer if key in sizes})
    span_of = {key: span for span, layer in zip(spans, layers, strict=True) for key in layer}
    routes = {}
    for (first, second), chain in chains.items():
        start, end = places[first], places[second]
        middle = start.y + start.height / 2
        # Level over the whole width of each layer on the way, so that an arrow never runs behind a box.
        route = [(start.x + start.width, middle), (span_of[first][1], middle)]
        route += [(x, tops[dummy]) for dummy in chain for x in span_of[dummy]]
        route.append((end.x, end.y + end.height / 2))
        is_forward = (first, second) in wanted
        routes[(first, second) if is_forward else (second, first)] = route if is_forward else route[::-1]
    for first, second in wanted:
        if (first, second) not in routes:  # the other half of two that need each other
            routes[first, second] = routes[second, first][::-1]
    height = max(place.y + place.height for place in places.values())
    width = max(place.x + place.width for place in places.values())
    return Layout(places, routes, width, max(height, *tops.values()))


def _spans(
    sizes: Mapping[str, tuple[float, float]], layers: Sequence[Sequence[str]], links: _Links
) -> list[tuple[float, float]]:
    """The left and right edge of each layer."""
    spans = []
    left = 0.0
    for layer in layers:
        right = left + max((sizes[key][0] for key in layer if key in sizes), default=0.0)
        spans.append((left, right))
        left = right + _gap_after(layer, links)
    return spans


def _gap_after(layer: Sequence[str], links: _Links) -> float:
    """Room for the arrows that leave a layer: the more there are, the more of it, so that they do not run steep."""
    return LAYER_GAP + min(4.0 * sum(len(links.after[key]) for key in layer), _WIDEST_GAP)


def _tops(layers: Sequence[Sequence[str]], heights: Mapping[str, float], links: _Links) -> dict[str, float]:
    """The upper edges: packed at first, then each drawn to the middle of its neighbours, to and fro."""
    tops: dict[str, float] = {}
    for layer in layers:
        y = 0.0
        for key in layer:
            tops[key] = y
            y += heights[key] + BOX_GAP
    for sweep in range(_sweeps(links)):
        order = range(len(layers)) if sweep % 2 == 0 else range(len(layers) - 1, -1, -1)
        for rank in order:
            wishes = []
            for key in layers[rank]:
                near = links.before[key] if sweep % 2 == 0 else links.after[key]
                near = near or [*links.before[key], *links.after[key]]
                middle = [tops[each] + heights[each] / 2 for each in near]
                wishes.append(sum(middle) / len(middle) - heights[key] / 2 if middle else tops[key])
            placed = _spread(wishes, [heights[key] for key in layers[rank]])
            tops.update(zip(layers[rank], placed, strict=True))
    lowest = min(tops.values())
    return {key: top - lowest for key, top in tops.items()}


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
