"""The growth law: how the cost of a whole grows with its size."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def exponent(per_thing: Mapping[int, float]) -> float | None:
    """The k of `cost ~ size ** k`, by least squares on logarithms; from cost per thing, by size.

    1.0 is linear: a thing costs the same in any company. None where there are not two sizes, or no cost to speak of.
    """
    points = [(math.log(size), math.log(cost * size)) for size, cost in per_thing.items() if cost > 0]
    if len(points) < 2:
        return None
    middle_size = sum(size for size, _ in points) / len(points)
    middle_cost = sum(cost for _, cost in points) / len(points)
    covariance = sum((size - middle_size) * (cost - middle_cost) for size, cost in points)
    return covariance / sum((size - middle_size) ** 2 for size, _ in points)
