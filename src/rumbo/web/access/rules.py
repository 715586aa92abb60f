"""What each address takes: which roles, how large a body, and whether it changes something on behalf of a person.

An address that no rule was made for is refused to everybody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from starlette.routing import Match

from rumbo.access import ADMINS, EVERYBODY, OPERATORS, WORKERS, Role

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from starlette.routing import BaseRoute
    from starlette.types import Scope

MEGABYTE = 1 << 20


class Rule(NamedTuple):
    """What an address takes."""

    roles: frozenset[Role] | None
    """One of these; None: it is open, even to those who show nothing."""
    most: int = MEGABYTE
    """A body may have so many bytes."""
    is_change: bool = False
    """Something may change by it, so no page from elsewhere may ask for it."""
    is_work: bool = False
    """Workers ask it all the time, so nobody counts how often, nor writes it down."""

    @property
    def is_written(self) -> bool:
        """Whether it is written down who asked."""
        return self.is_change and not self.is_work


OPEN = Rule(None)
NOBODY = Rule(frozenset())
VIEWING = Rule(EVERYBODY)
WORKING = Rule(WORKERS, 64 * MEGABYTE, is_change=True, is_work=True)
"""What workers say: a plan of a hundred thousand tasks comes in requests of a few megabytes."""
SHIPPING = Rule(WORKERS, 8 * MEGABYTE, is_change=True, is_work=True)
"""What attempts print, piece by piece."""

_BY_WORD: Mapping[str, frozenset[Role] | None] = {
    "anybody": None,
    "viewer": EVERYBODY,
    "operator": OPERATORS,
    "worker": WORKERS,
    "admin": ADMINS,
}
READING = frozenset(("GET", "HEAD", "OPTIONS"))

Finder: TypeAlias = "Callable[[Scope], Awaitable[Rule]]"


class Rules:
    """The rules of an application, by the paths of its routes as they were declared.

    Args:
        rules: by the path of a route; for a route behind which several rules hold, what finds the one for a request.
    """

    def __init__(self, rules: Mapping[str, Rule | Finder]) -> None:
        self._rules = rules
        self._plain = {path: rule for path, rule in rules.items() if isinstance(rule, Rule) and "{" not in path}

    async def find(self, scope: Scope) -> Rule:
        """The rule for a request; for one that leads nowhere, that of looking at something."""
        known = self._plain.get(scope["path"])
        if known is not None:
            return known
        route, found = _route_of(scope)
        if route is None:
            return VIEWING
        rule = self._rules.get(getattr(route, "path", ""), NOBODY)
        return rule if isinstance(rule, Rule) else await rule({**scope, **found})


def _route_of(scope: Scope) -> tuple[BaseRoute | None, Scope]:
    """The route that will answer, as Starlette chooses it, and what it adds to the scope."""
    second: tuple[BaseRoute | None, Scope] = (None, {})
    for route in scope["app"].routes:
        match, found = route.matches(scope)
        if match is Match.FULL:
            return route, found
        if match is Match.PARTIAL and second[0] is None:
            second = route, found
    return second


def api_rules(routes: Callable[[], Awaitable[Sequence[BaseRoute]]]) -> Finder:
    """Finds the rule of an address of the API by its ``x-role``.

    Args:
        routes: gives all routes of the API.
    """

    async def find(scope: Scope) -> Rule:
        for route in await routes():
            match, _ = route.matches(scope)
            if match is Match.FULL:
                about = getattr(route, "openapi_extra", None) or {}
                return _rule_of_api(about.get("x-role", ""), scope["method"])
        return VIEWING  # who may look may know what is not there

    return find


def _rule_of_api(word: str, method: str) -> Rule:
    return Rule(_BY_WORD[word], is_change=method not in READING) if word in _BY_WORD else NOBODY


def luigi_rules(reads: frozenset[str], steering: frozenset[str], shared: frozenset[str]) -> Finder:
    """Finds the rule of a method of Luigi's dialect; what is in none of the sets is said by workers.

    Args:
        reads: methods that change nothing.
        steering: those by which people step in.
        shared: those of them by which workers step in too, on their own behalf.
    """

    async def find(scope: Scope) -> Rule:
        method = scope["path_params"]["method"]
        if scope["method"] == "OPTIONS":
            return OPEN  # a browser asks whether it may ask, and shows nothing yet
        if method in reads:
            return VIEWING
        if method in steering:
            return Rule(OPERATORS | WORKERS if method in shared else OPERATORS, is_change=True)
        return WORKING

    return find
