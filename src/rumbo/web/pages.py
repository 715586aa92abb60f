"""The web pages: one page that shows everything the API has, and the files it is made of.

All files lie below an address with a hash of them all, so browsers keep them for good and a new version is seen at
once. The page names its own depth (`<base>`), so it works below any path that a proxy puts before it.
"""

from __future__ import annotations

import gzip
import hashlib
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request

FOLDER = Path(__file__).parent / "static"
PLACES = ("runs", "tasks", "graph", "grid", "workers", "resources", "history", "settings", "sign-in")
"""First words of the addresses that show the page, beside the empty one."""
DEEP = ("runs", "tasks")
"""Those of them that have an address for each of what they list."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
_KINDS = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".html": "text/html; charset=utf-8",
}
_LATER = ("pages/", "charts/", "parts/artifacts", "parts/drawing", "parts/log", "parts/tree", "vendor/uplot")
"""Scripts that a page fetches when it needs them."""
_SAFE = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


class File(NamedTuple):
    """A file to be sent, as it is and compressed."""

    kind: str
    plain: bytes
    packed: bytes


class Files:
    """All files of the pages, read once."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._files = {
            path.relative_to(folder).as_posix(): File(_KINDS[path.suffix], body := path.read_bytes(), _pack(body))
            for path in sorted(folder.rglob("*"))
            if path.suffix in _KINDS
        }
        digest = hashlib.sha256()
        for name, file in self._files.items():
            digest.update(f"{name}\0{len(file.plain)}\0".encode() + file.plain)
        self.release = digest.hexdigest()[:12]

    def get(self, name: str) -> File | None:
        """A file by its path below the folder."""
        return self._files.get(name)

    def page(self, depth: int) -> File:
        """The page for an address with so many folders in it."""
        first = [name for name in self._files if name.endswith(".js") and not name.startswith(_LATER)]
        preloads = "".join(f'<link rel="modulepreload" href="static/{self.release}/{escape(name)}">' for name in first)
        text = self._files["index.html"].plain.decode()
        for mark, value in (("BASE", "../" * depth or "./"), ("RELEASE", self.release), ("PRELOADS", preloads)):
            text = text.replace(f"@{mark}@", value)
        return File(_KINDS[".html"], body := text.encode(), _pack(body))


def _pack(body: bytes) -> bytes:
    return gzip.compress(body, 6, mtime=0)


def page_routes() -> list[Route]:
    """``GET`` of the pages, of the files below ``/static/HASH/``, and of the page that Luigi's people know."""
    kept: list[Files] = []

    def files() -> Files:
        if not kept:
            kept.append(Files())
        return kept[0]

    def file(request: Request) -> Response:
        found = files().get(request.path_params["path"])
        if found is None:
            raise HTTPException(404, "There is no such file.")
        # A page of another release may still be open somewhere: it gets what there is, and keeps none of it.
        is_current = request.path_params["release"] == files().release
        lasting = "public, max-age=31536000, immutable" if is_current else "no-store"
        return _answer(request, found, lasting)

    def page(request: Request) -> Response:
        raw = request.scope.get("raw_path") or request.scope["path"].encode()
        return _answer(request, files().page(raw.count(b"/") - 1), "no-cache")

    def of_luigi(_request: Request) -> Response:
        return RedirectResponse("../../")

    return [
        Route("/static/visualiser/index.html", of_luigi, methods=["GET"]),
        Route("/static/{release}/{path:path}", file, methods=["GET"]),
        *(Route(path, page, methods=["GET"]) for path in ("/", *(f"/{place}" for place in PLACES))),
        *(Route(f"/{place}/{{id:path}}", page, methods=["GET"]) for place in DEEP),
    ]


def _answer(request: Request, file: File, lasting: str) -> Response:
    headers = {**_SAFE, "Cache-Control": lasting, "Vary": "Accept-Encoding"}
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(file.plain, 200, headers, file.kind)
    return Response(file.packed, 200, {**headers, "Content-Encoding": "gzip"}, file.kind)
