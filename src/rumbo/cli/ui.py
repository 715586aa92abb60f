"""`rumbo ui`: the web pages of a server over this folder, in the browser; one is started if none runs."""

from __future__ import annotations

import os
import subprocess
import sys

import click

from rumbo.errors import ConfigurationError, StoreError


@click.command("ui")
@click.option("--state", metavar="DIR", help="Folder with the history and the server's memory (.rumbo).")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
def ui_command(state: str | None, no_browser: bool) -> int:
    """Open the web pages of the server over this folder.

    If none runs, one is started in the background; `kill` with the number that it prints ends it.
    """
    from rumbo import settings
    from rumbo.cli import address

    folder = state or settings.load().server.state
    found = address.known(address.folder_of(folder))
    if found is None:
        _start(folder)
        found = address.known(address.folder_of(folder)) or ""
    url = address.for_browser(found)
    if not url.startswith("http"):
        raise ConfigurationError(
            f"The server over {folder} listens at {found or 'no address'}, which no browser can open. "
            "Start it with --port in place of --unix-socket."
        )
    print(url, flush=True)
    if not no_browser:
        import webbrowser

        webbrowser.open(url)
    return 0


def _start(folder: str) -> None:
    """Start a server in the background: at its usual port, or at any if that is taken by another one."""
    from rumbo import settings
    from rumbo.cli.serve import listen

    server = settings.load().server
    command = [sys.executable, "-m", "rumbo", "serve", "--background", "--state", folder]
    if not server.unix_socket:
        try:
            listen(server).close()
        except ConfigurationError:
            command += ["--port", "0"]
    if subprocess.run(command, check=False).returncode:
        raise StoreError(f"No server could be started over {os.path.abspath(folder)}.")
