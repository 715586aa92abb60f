"""What this version does not have yet, said in one sentence where it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable


def later(name: str, instead: str) -> Callable[..., NoReturn]:
    """A function that raises the error when it is called.

    Args:
        name: what was asked for.
        instead: what to do instead, as a sentence.
    """

    def raise_it(*args: Any, **kwargs: Any) -> NoReturn:
        raise NotImplementedError(f"{name} is not part of this version. {instead}")

    return raise_it
