"""`rumbo serve`: one scheduler for many workers."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING, Any, NoReturn

import click

from rumbo.cli import address
from rumbo.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rumbo.server.daemon import Daemon
    from rumbo.settings import ServerSettings

log = logging.getLogger("rumbo.server")


@click.command("serve")
@click.option("--host", metavar="ADDRESS", help="Address to listen at (127.0.0.1).")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen at (8082); 0: any that is free.")
@click.option("--unix-socket", metavar="FILE", help="A socket in the file system, in place of host and port.")
@click.option("--state", metavar="DIR", help="Folder for the server's memory and the history (.rumbo).")
@click.option("--log-dir", metavar="DIR", help="Folder for what attempts print (logs/ in the state's folder).")
@click.option("--pid-file", metavar="FILE", help="Write the process's number there while it runs.")
@click.option("--background", is_flag=True, help="Go on in the background; messages go to server.log in the state.")
@click.option("--certificate", metavar="FILE", help="The server's certificate, to speak TLS.")
@click.option("--key", metavar="FILE", help="The certificate's private key.")
@click.option("--lease", type=click.FloatRange(0, min_open=True), help="Silence after which a worker is lost (30 s).")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--insecure", is_flag=True, default=None, help="Listen at other addresses without asking for tokens.")
def serve_command(pid_file: str | None, background: bool, log_format: str, **flags: Any) -> int:
    """Schedule for many workers, and remember what they did.

    Workers are `rumbo run --scheduler URL`, `rumbo worker --scheduler URL`, and Luigi's own.
    """
    from rumbo import settings

    chosen = settings.load()
    server = chosen.server._replace(**{name: value for name, value in flags.items() if value is not None})
    if bool(server.certificate) != bool(server.key):
        raise ConfigurationError("TLS takes both --certificate and --key, each the name of a PEM file.")
    listener = listen(server)
    is_serving: Callable[[], None] = _go_to_background(server, listener) if background else lambda: None
    _set_up_logging(log_format)
    if pid_file:
        with open(pid_file, "w", encoding="utf-8") as file:
            file.write(f"{os.getpid()}\n")
    try:
        return run_server(server, dict(chosen.resources), listener, is_serving)
    finally:
        if pid_file:
            os.unlink(pid_file)


def listen(server: ServerSettings) -> socket.socket:
    """The socket to serve at, bound already, so that a port in use is told before anything else happens.

    Raises:
        ConfigurationError: it cannot be had.
    """
    if server.unix_socket:
        return _listen_in_file_system(server.unix_socket)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            server.host, server.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise ConfigurationError(
            f"The server cannot listen at {server.host}:{server.port} ({error.strerror or error}). Name another "
            "address with --host and --port, or stop what listens there."
        ) from error
    return listener


def _listen_in_file_system(path: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.connect(path)
    except ConnectionRefusedError:
        os.unlink(path)  # left by a server that was killed
    except OSError:
        pass
    else:
        raise ConfigurationError(f"Something listens at {path} already: stop it, or name another --unix-socket.")
    listener.close()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(path)
    except OSError as error:
        raise ConfigurationError(f"The server cannot listen at {path} ({error.strerror}).") from error
    return listener


def _go_to_background(server: ServerSettings, listener: socket.socket) -> Callable[[], None]:
    """Leave the terminal. The parent waits for the word of the child that it serves, which is what is returned."""
    from rumbo.store.place import make_folder

    make_folder(server.state)
    messages = os.path.join(server.state, "server.log")
    hear, say = os.pipe()
    if os.fork():
        os.close(say)
        _wait_for_child(hear, server, listener, messages)
    os.setsid()
    if os.fork():
        os._exit(0)
    os.close(hear)
    output = os.open(messages, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    silence = os.open(os.devnull, os.O_RDONLY)
    for ours, theirs in ((silence, 0), (output, 1), (output, 2)):
        os.dup2(ours, theirs)

    def is_serving() -> None:
        os.write(say, str(os.getpid()).encode())
        os.close(say)

    return is_serving


def _wait_for_child(hear: int, server: ServerSettings, listener: socket.socket, messages: str) -> NoReturn:
    process = os.read(hear, 32).decode()
    if process:
        print(
            f"Serving {os.path.abspath(server.state)} at {_address(server, listener)} (process {process}).", flush=True
        )
        os._exit(0)
    print(f"rumbo: The server did not start; {messages} says why.", file=sys.stderr, flush=True)
    os._exit(2)


def _set_up_logging(kind: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines() if kind == "json" else logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)


class _JsonLines(logging.Formatter):
    """One JSON object a line: time (seconds since the epoch), level, logger, message, and the error if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line."""
        import json

        line = {
            "time": round(record.created, 3),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line)


def run_server(
    server: ServerSettings, resources: dict[str, float], listener: socket.socket, is_serving: Callable[[], None]
) -> int:
    """Serve until told to stop; gives the exit code. ``is_serving`` is called when requests are taken on."""
    import uvicorn

    from rumbo.cli.application import make_application, make_daemon
    from rumbo.server.daemon import Terms
    from rumbo.store.history import HistoryWriter
    from rumbo.store.journal import SqliteJournal
    from rumbo.store.state_file import lock_for_server, open_state

    # Questions about the history are answered in threads; workers must not wait 5 ms whenever one of those is at work.
    sys.setswitchinterval(0.0005)
    lock = lock_for_server(server.state)
    journal = SqliteJournal(open_state(server.state))
    terms = Terms(lease=server.lease, forget_after=server.forget_after, max_losses=server.max_losses)
    history = HistoryWriter(server.state)
    daemon = make_daemon(journal, history, terms, resources)
    daemon.load()
    history.start()
    config = uvicorn.Config(
        make_application(daemon, server.state, server.log_dir),
        log_config=None,
        access_log=False,
        lifespan="on",
        ssl_certfile=server.certificate or None,
        ssl_keyfile=server.key or None,
        timeout_graceful_shutdown=5,
        timeout_keep_alive=75,
        backlog=1024,
    )
    listener.listen(config.backlog)  # from here on, who comes is let in as soon as the application stands
    address.tell(server.state, _address(server, listener))
    is_serving()
    log.info("serving %s at %s (process %d)", os.path.abspath(server.state), _address(server, listener), os.getpid())
    _Server(config, daemon).run(sockets=[listener])
    address.take_back(server.state)
    history.close()
    journal.close()
    os.close(lock)
    log.info("stopped")
    return 0


def _address(server: ServerSettings, listener: socket.socket) -> str:
    if server.unix_socket:
        return server.unix_socket
    host, port = listener.getsockname()[:2]
    return f"{'https' if server.certificate else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


def _Server(config: Any, daemon: Daemon) -> Any:  # noqa: N802 - a class, made when uvicorn is imported
    import uvicorn

    class Server(uvicorn.Server):
        """Lets those who wait for work go when it is told to stop, or they would be waited for."""

        def handle_exit(self, sig: int, frame: Any) -> None:
            """Take the signal. It is not raised again at the end, since there is something to do after it."""
            daemon.let_go()
            self.force_exit = self.should_exit and sig == signal.SIGINT
            self.should_exit = True

    return Server(config)
