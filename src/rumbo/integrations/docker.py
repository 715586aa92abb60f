"""Tasks that run a command in a container of Docker, and remove the container when they end, however they end."""

from __future__ import annotations

import logging
import shutil
from contextlib import suppress
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

from rumbo.errors import MissingExtraError, TaskError
from rumbo.integrations.remote import ended_with_us
from rumbo.pipeline import typed

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ContainerFailed", "ContainerWork", "DockerTask"]

logger = logging.getLogger("luigi-interface")

_SHOWN = 8_000
"""Characters of the end of a container's output that an error message shows."""
_TIMEOUT = 60
"""Seconds that the engine may take to answer; waiting for a container's end is without a limit."""


class ContainerFailed(TaskError):
    """A container ended with another exit code than 0.

    Attributes:
        exit_status: that code.
        stderr: the end of what it wrote to standard error.
    """

    def __init__(self, image: str, command: Any, exit_status: int, stderr: str) -> None:
        self.exit_status = exit_status
        self.stderr = stderr
        super().__init__(
            f"A container of {image} ended with code {exit_status}. It ran {command!r}, and said:\n{stderr}"
        )


class ContainerWork:
    """What a task that runs a container has and does, whatever kind of task it is."""

    if TYPE_CHECKING:
        task_id: str

    image: Any = "alpine"
    command: Any = "echo hello world"
    """A text, which is split into words, or a list of words."""
    name: Any = None
    """The container's name; one that has it already is removed, if `auto_remove` is set."""
    host_config_options: Any = {}
    """Further arguments of docker-py's ``create_host_config``."""
    container_options: Any = {}
    """Further arguments of docker-py's ``create_container``, such as ``{"user": "1000"}``."""
    environment: Any = {}
    container_tmp_dir: Any = "/tmp/luigi"
    """Where the container finds a temporary folder of this machine; its variable is ``LUIGI_TMP_DIR``."""
    binds: Any = None
    """Folders of this machine for the container: ``["/here:/there", ...]``."""
    network_mode: Any = ""
    docker_url: Any = None
    """The engine's address; None: as ``DOCKER_HOST`` says, or this machine's."""
    auto_remove: Any = True
    """Remove the container at the end."""
    force_pull: Any = False
    """Fetch the image even if it is here."""
    mount_tmp: Any = True

    def _engine(self) -> Any:
        try:
            import docker
        except ImportError:
            raise MissingExtraError("Docker", "docker") from None
        options = {"base_url": self.docker_url} if self.docker_url else docker.utils.kwargs_from_env()
        try:
            return docker.APIClient(timeout=_TIMEOUT, **options)
        except docker.errors.DockerException as error:
            where = f"at {options['base_url']}" if "base_url" in options else "on this machine"
            raise TaskError(
                f"No engine of Docker answers {where}. Start it, or say where one is: by docker_url, or by DOCKER_HOST "
                "in the environment."
            ) from error

    @property
    def _image(self) -> str:
        # A colon may also belong to the registry's port.
        name: str = self.image
        return name if ":" in name.rpartition("/")[2] or "@" in name else f"{name}:latest"

    def run(self) -> Any:
        """Run the container to its end.

        Raises:
            ContainerFailed: it ended with another code than 0.
        """
        engine = self._engine()
        self._provide_image(engine)
        self._remove_namesake(engine)
        folder = mkdtemp(prefix="rumbo-docker-", dir="/tmp") if self.mount_tmp else None
        try:
            self._run_in(engine, folder)
        finally:
            engine.close()
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)

    def _provide_image(self, engine: Any) -> None:
        if not self.force_pull and engine.images(name=self._image):
            return
        logger.info("Pulling %s.", self._image)
        for said in engine.pull(self._image, stream=True, decode=True):
            if "error" in said:
                raise TaskError(f"The image {self._image} cannot be had: {said['error']}")

    def _remove_namesake(self, engine: Any) -> None:
        if self.auto_remove and self.name:
            from docker.errors import NotFound

            with suppress(NotFound):
                engine.remove_container(self.name, force=True)

    def _run_in(self, engine: Any, folder: str | None) -> None:
        container = engine.create_container(**self._description(engine, folder))["Id"]

        def end() -> None:
            engine.remove_container(container, force=True)

        with ended_with_us(end):
            engine.start(container)
            status = engine.wait(container, timeout=None)["StatusCode"]
            self._show_output(engine, container)
            if status:
                said = engine.logs(container, stdout=False, stderr=True).decode(errors="replace")
                raise ContainerFailed(self._image, self.command, status, said[-_SHOWN:])
        if self.auto_remove:
            engine.remove_container(container)

    def _show_output(self, engine: Any, container: str) -> None:
        import os

        for number, stream in ((1, "stdout"), (2, "stderr")):
            said = engine.logs(container, stdout=stream == "stdout", stderr=stream == "stderr")
            if said:
                os.write(number, said)

    def _description(self, engine: Any, folder: str | None) -> dict[str, Any]:
        """The container, as docker-py's ``create_container`` takes it."""
        binds = [self.binds] if isinstance(self.binds, str) else list(self.binds or ())
        environment: Mapping[str, str] = self.environment
        if folder is not None:
            binds.insert(0, f"{folder}:{self.container_tmp_dir}")
            environment = {**environment, "LUIGI_TMP_DIR": self.container_tmp_dir}
        return {
            "image": self._image,
            "command": self.command,
            "name": self.name,
            "environment": dict(environment),
            "volumes": [bind.split(":")[1] for bind in binds],
            "host_config": engine.create_host_config(
                binds=binds, network_mode=self.network_mode or None, **self.host_config_options
            ),
            **self.container_options,
        }


class DockerTask(ContainerWork, typed.Task):
    """A task that runs a command in a container."""
