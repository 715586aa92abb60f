"""The addresses of what tasks made and read: as it was written, as it is now, and what is in it.

A file is named by a task and its place among the task's outputs, as the history has them: no path comes from a request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.exceptions import HTTPException
from starlette.responses import Response

from rumbo.artifacts.preview import MEDIA_TYPES, image, kind_of, preview
from rumbo.artifacts.report import report, seen
from rumbo.artifacts.sight import Fate, OutOfSight
from rumbo.web.api.shapes import Artifact, Artifacts, Made, Preview
from rumbo.web.api.terms import VIEWER, Id

if TYPE_CHECKING:
    from rumbo.artifacts.report import Seen, Share
    from rumbo.artifacts.sight import Folders
    from rumbo.web.api.readers import Readers

Place = Annotated[int, Path(ge=0, le=1_000_000, description="Place among the outputs, from 0.")]

_HARMLESS = {
    # Opened by itself a picture is a page, and one in SVG could bring scripts of its own.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_IMAGE: dict[str, Any] = VIEWER | {
    "responses": {
        **VIEWER["responses"],
        200: {"content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in MEDIA_TYPES}},
    }
}


def artifacts(readers: Readers, folders: Folders) -> APIRouter:
    """The routes.

    Args:
        folders: where files may be looked at.
    """
    router = APIRouter()

    def open_file(task: str, place: int) -> tuple[int, str]:
        """A descriptor and the address of an output. Whoever takes it closes it."""
        with readers.one() as history:
            made = history.made(history.task(task).id)
        if made is None or place >= len(made.artifacts):
            raise HTTPException(404, f"{task} has no output number {place} in the history.")
        artifact, sight = seen(made, made.artifacts[place], folders.look)
        if sight.fate is Fate.UNKNOWN:
            raise OutOfSight("the server does not look there")
        return folders.open(artifact.address), artifact.address

    @router.get("/tasks/{task}/artifacts", tags=["tasks"], **VIEWER)
    def list_artifacts(task: Id, limit: Annotated[int, Query(ge=1, le=500)] = 50) -> Artifacts:
        """What a task made the last time that it went well, and what the tasks made that it needs: as it was written,
        and as it is now."""
        with readers.one() as history:
            found = report(history, history.task(task), folders.look, limit)
        return Artifacts(
            outputs=_made(found.outputs), inputs=[_made(each) for each in found.inputs], more_inputs=found.more_inputs
        )

    @router.get("/tasks/{task}/artifacts/{place}", tags=["tasks"], **VIEWER)
    def preview_artifact(task: Id, place: Place) -> Preview:
        """A look into an output that is a file on the server's disks: its beginning as text, or its first rows."""
        try:
            found = preview(*open_file(task, place))
        except OutOfSight as why:
            raise HTTPException(409, f"It is not shown: {why}.") from why
        return Preview.model_validate(found)

    @router.get("/tasks/{task}/artifacts/{place}/image", tags=["tasks"], response_class=Response, **_IMAGE)
    def show_image(task: Id, place: Place) -> Response:
        """An output that is a small picture."""
        try:
            found = image(*open_file(task, place))
        except OutOfSight as why:
            raise HTTPException(409, f"It is not shown: {why}.") from why
        return Response(found.body, headers=_HARMLESS, media_type=found.media_type)

    return router


def _made(share: Share) -> Made:
    made = share.made
    about = {} if made is None else {name: getattr(made, name) for name in ("run", "attempt", "worker", "at", "more")}
    things = [_artifact(each) for each in share.things]
    return Made(task_id=share.task_id, family=share.family, state=share.state, artifacts=things, **about)


def _artifact(thing: Seen) -> Artifact:
    known, sight = thing
    return Artifact(
        address=_sendable(known.address),
        size=known.size,
        modified=known.modified,
        fate=sight.fate.value,
        size_now=sight.size,
        modified_now=sight.modified,
        shown_as=kind_of(known.address) if sight.size is not None else None,
    )


def _sendable(address: str) -> str:
    """An address with what UTF-8 cannot hold spelled out: names of files need not be text."""
    return address.encode("utf-8", "backslashreplace").decode("utf-8")
