"""A real PostgreSQL server in a folder, for the tests of one process. Needs Debian's package postgresql."""

from __future__ import annotations

import glob
import os
import pwd
import shutil
import subprocess
import tempfile

from server_house import free_port

_PROGRAMS = sorted(glob.glob("/usr/lib/postgresql/*/bin"))


def is_installed() -> bool:
    """Whether there is a server to be started."""
    return bool(_PROGRAMS) or shutil.which("initdb") is not None


class PostgresHouse:
    """A server that listens at a port of its own; `make_database` gives the address of a new, empty database."""

    def __init__(self) -> None:
        # Not in pytest's folders, where only root may go: the server refuses to run as root.
        self._folder = tempfile.mkdtemp(prefix="rumbo-postgres-")
        self._data = os.path.join(self._folder, "data")
        self._log = os.path.join(self._folder, "log")
        self.port = free_port()
        self._databases = 0
        self._is_root = os.getuid() == 0
        if self._is_root:
            user = pwd.getpwnam("postgres")
            os.chown(self._folder, user.pw_uid, user.pw_gid)
        self._run("initdb", "-D", self._data, "-A", "trust", "-U", "rumbo", "--no-sync", "-E", "UTF8")

    def _run(self, program: str, *words: str) -> None:
        path = os.path.join(_PROGRAMS[-1], program) if _PROGRAMS else program
        user = {"user": "postgres", "group": "postgres"} if self._is_root else {}
        done = subprocess.run([path, *words], cwd="/", capture_output=True, text=True, timeout=60, **user)  # type: ignore[call-overload]
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        """Serve."""
        flags = f"-p {self.port} -h 127.0.0.1 -k '' -F"
        self._run("pg_ctl", "-D", self._data, "-l", self._log, "-w", "-o", flags, "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop serving; ``immediate`` is like a crash."""
        self._run("pg_ctl", "-D", self._data, "-m", mode, "-w", "stop")

    def close(self) -> None:
        """Stop, and leave nothing."""
        self.stop()
        shutil.rmtree(self._folder)

    def make_database(self) -> str:
        """The address of a new database."""
        import psycopg

        self._databases += 1
        name = f"test_{self._databases}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as db:
            db.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def url(self, name: str) -> str:
        """The address of a database."""
        return f"postgresql://rumbo@127.0.0.1:{self.port}/{name}"
