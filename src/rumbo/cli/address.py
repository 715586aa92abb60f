"""Where the server over a folder can be reached: a file beside its state, for those on the same machine."""

from __future__ import annotations

import contextlib
import os

FILE = "server.address"


def folder_of(state: str) -> str:
    """The folder for what is said of a server with this state, which may be a database elsewhere."""
    from rumbo.store.connect import FOLDER
    from rumbo.store.database import is_url

    return FOLDER if is_url(state) else state


def tell(folder: str, address: str) -> None:
    """Write down where the server over a folder listens."""
    from rumbo.store.place import make_folder

    make_folder(folder)
    with open(os.path.join(folder, FILE), "w", encoding="utf-8") as file:
        file.write(f"{address}\n")


def take_back(folder: str) -> None:
    """The server over a folder is going."""
    with contextlib.suppress(OSError):
        os.unlink(os.path.join(folder, FILE))


def known(folder: str) -> str | None:
    """Where the server over a folder listens; None: none does, whatever one that was killed may have left behind."""
    try:
        with open(os.path.join(folder, FILE), encoding="utf-8") as file:
            address = file.read().strip()
    except OSError:
        return None
    return address if not address.startswith("http") or _answers(address) else None


def _answers(address: str) -> bool:
    import socket
    from urllib.parse import urlsplit

    there = urlsplit(for_browser(address))
    try:
        socket.create_connection((there.hostname or "", there.port or 0), 2).close()
    except OSError:
        return False
    return True


def for_browser(address: str) -> str:
    """An address of this machine that can be opened, for one that only says "everywhere"."""
    return address.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
