"""The graphs that are built: tasks are numbers, each shape says what a number needs and which ones are at the top."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LAYERS = 10
FAN_IN = 5


class Shape(NamedTuple):
    needs: Callable[[int], Sequence[int]]
    tops: Sequence[int]


def wide(size: int) -> Shape:
    """Nobody needs anybody."""
    return Shape(lambda number: (), range(size))


def chain(size: int) -> Shape:
    """Each needs the one before."""
    return Shape(lambda number: (number - 1,) if number else (), (size - 1,))


def layers(size: int) -> Shape:
    """Ten layers; each task needs five of the layer below."""
    width = size // LAYERS

    def needs(number: int) -> Sequence[int]:
        layer, place = divmod(number, width)
        below = (layer - 1) * width
        return [below + (place + step) % width for step in range(FAN_IN)] if layer else ()

    return Shape(needs, range(size - width, size))


def full_layers(size: int) -> Shape:
    """Ten layers; each task needs the whole layer below."""
    width = size // LAYERS

    def needs(number: int) -> Sequence[int]:
        layer = number // width
        return range((layer - 1) * width, layer * width) if layer else ()

    return Shape(needs, range(size - width, size))


def pairs(size: int) -> Shape:
    """The lower half needs nothing; each of the upper half needs one of the lower."""
    half = size // 2
    return Shape(lambda number: (number - half,) if number >= half else (), range(half, size))


SHAPES = {shape.__name__: shape for shape in (wide, chain, layers, full_layers, pairs)}
