"""A server that speaks nothing but Luigi's dialect: a machine, its dialect, and uvicorn in a thread."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette

from rumbo.scheduler import invariants
from rumbo.scheduler.commands import Tick
from rumbo.scheduler.machine import Machine, Policy
from rumbo.web.luigi_routes import NO_CORS, luigi_routes
from rumbo.wire.luigi import METHODS, Dialect, DialectOptions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from rumbo.scheduler.effects import Effect
    from rumbo.web.luigi_routes import Cors

PLAIN = DialectOptions()


class Shared:
    """A machine, and the dialect over it. The invariants are checked after every command."""

    def __init__(
        self,
        options: DialectOptions = PLAIN,
        capacity: dict[str, float] | None = None,
        policy: Policy = Policy(lease=60.0),  # noqa: B008 - it never changes
        now: Callable[[], float] = time.time,
    ) -> None:
        self.machine = Machine(policy, capacity or {})
        self.now = now
        self.effects: list[Effect] = []
        self.dialect = Dialect(self.machine, self.apply, now, options)

    def apply(self, *commands: Any) -> list[Effect]:
        effects: list[Effect] = []
        for command in commands:
            effects += self.machine.apply(command, self.now())
            invariants.check(self.machine)
        self.dialect.observe(effects)
        self.effects += effects
        return effects

    async def call(self, method: str, arguments: dict[str, Any]) -> object:
        return self.dialect.methods[method](**arguments)


class Served:
    """The same at an address of its own, ticking."""

    def __init__(self, shared: Shared, cors: Cors = NO_CORS) -> None:
        self.shared = shared

        @asynccontextmanager
        async def life(_app: Starlette) -> AsyncIterator[None]:
            ticking = asyncio.create_task(self._tick())
            yield
            ticking.cancel()

        app = Starlette(routes=luigi_routes(shared.call, METHODS, lambda: cors), lifespan=life)
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],))

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(0.05)
            self.shared.apply(Tick())

    def __enter__(self) -> Served:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()
