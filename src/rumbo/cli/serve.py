"""`rumbo serve`: one scheduler for many workers."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING, Any, NoReturn

import click

from rumbo.cli import address
from rumbo.clock import SystemClock
from rumbo.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rumbo.server.daemon import Daemon
    from rumbo.settings import ServerSettings, Settings
    from rumbo.sinks.chronicle import AlertChronicle
    from rumbo.web.access.access import AccessTerms

log = logging.getLogger("rumbo.server")

REPLACED = 4
"""Exit code of a server whose place was taken by another one."""


@click.command("serve")
@click.option("--host", metavar="ADDRESS", help="Address to listen at (127.0.0.1).")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen at (8082); 0: any that is free.")
@click.option("--unix-socket", metavar="FILE", help="A socket in the file system, in place of host and port.")
@click.option("--state", metavar="PLACE", help="Memory and history: a folder (.rumbo), or a PostgreSQL database's URL.")
@click.option("--log-dir", metavar="DIR", help="Folder for what attempts print (the state's, or .rumbo).")
@click.option("--standby", is_flag=True, help="While another server works on this state, wait to take its place.")
@click.option("--pid-file", metavar="FILE", help="Write the process's number there while it runs.")
@click.option("--background", is_flag=True, help="Go on in the background; messages go to server.log there.")
@click.option("--certificate", metavar="FILE", help="The server's certificate, to speak TLS.")
@click.option("--key", metavar="FILE", help="The certificate's private key.")
@click.option("--lease", type=click.FloatRange(0, min_open=True), help="Silence after which a worker is lost (30 s).")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--insecure", is_flag=True, default=None, help="Listen at other addresses without asking for tokens.")
@click.option(
    "--require-tokens", is_flag=True, default=None, help="Ask for tokens at this machine's own addresses too."
)
@click.option("--unix-socket-mode", metavar="MODE", help="Permissions of --unix-socket, as chmod takes them (600).")
def serve_command(pid_file: str | None, background: bool, standby: bool, log_format: str, **flags: Any) -> int:
    """Schedule for many workers, and remember what they did.

    Workers are `rumbo run --scheduler URL`, `rumbo worker --scheduler URL`, and Luigi's own.
    """
    from rumbo import settings

    chosen = settings.load()
    server = chosen.server._replace(**{name: value for name, value in flags.items() if value is not None})
    if bool(server.certificate) != bool(server.key):
        raise ConfigurationError("TLS takes both --certificate and --key, each the name of a PEM file.")
    listener = None if standby else listen(server)
    access = access_terms(server, listener)
    is_up: Callable[[], None] = _go_to_background(server, listener) if background else lambda: None
    _set_up_logging(log_format)
    if pid_file:
        with open(pid_file, "w", encoding="utf-8") as file:
            file.write(f"{os.getpid()}\n")
    try:
        return run_server(server, chosen, access, listener, is_up)
    finally:
        if pid_file:
            os.unlink(pid_file)


def listen(server: ServerSettings) -> socket.socket:
    """The socket to serve at, bound already, so that a port in use is told before anything else happens.

    Raises:
        ConfigurationError: it cannot be had.
    """
    if server.unix_socket:
        return _listen_in_file_system(server.unix_socket, server.unix_socket_mode)
    try:
        family, kind, protocol, _, address = _find_address(server)
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise ConfigurationError(
            f"The server cannot listen at {server.host}:{server.port} ({error.strerror or error}). Name another "
            "address with --host and --port, or stop what listens there."
        ) from error
    return listener


def _find_address(server: ServerSettings) -> Any:
    return socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]


def _listen_in_file_system(path: str, mode: str) -> socket.socket:
    try:
        permissions = int(mode, 8)
    except ValueError:
        raise ConfigurationError(
            f"--unix-socket-mode {mode}: give permissions as chmod takes them, like 660."
        ) from None
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
    before = os.umask(0o777 & ~permissions)  # at no moment may others connect who should not
    try:
        listener.bind(path)
    except OSError as error:
        raise ConfigurationError(f"The server cannot listen at {path} ({error.strerror}).") from error
    finally:
        os.umask(before)
    return listener


def _folder(server: ServerSettings) -> str:
    """Where the server's files are: what attempts print, and its own messages."""
    from rumbo.store.connect import FOLDER
    from rumbo.store.database import is_url

    return server.log_dir or (FOLDER if is_url(server.state) else server.state)


def preview_folders(server: ServerSettings) -> list[str]:
    """Where the server may look at what tasks made. Relative paths begin where the state's folder is."""
    from rumbo.store.database import is_url

    home = "" if is_url(server.state) else os.path.dirname(os.path.abspath(server.state))
    return [os.path.join(home, name.strip()) for name in server.preview_folders.split(",") if name.strip()]


def access_terms(server: ServerSettings, listener: socket.socket | None) -> AccessTerms:
    """What is asked of those who come. Where only this machine comes, nothing, unless tokens are required.

    Raises:
        ConfigurationError: tokens are asked for, and there are none.
    """
    from rumbo.web.access.access import AccessTerms

    is_own = bool(server.unix_socket) or _is_loopback(_host(server))
    if server.require_tokens and server.insecure:
        raise ConfigurationError(
            "Tokens are asked for by --require-tokens, and not by --insecure: leave one of them out."
        )
    asks = server.require_tokens or not (is_own or server.insecure)
    if asks and not _has_token(server.state):
        way_out = "leave --require-tokens out" if is_own else "say --insecure to let everybody in"
        raise ConfigurationError(
            f"At {_address(server, listener)} tokens are asked for, and there are none: make one with "
            f"`rumbo token create --role admin`, or {way_out}."
        )
    names = frozenset(name.strip().lower() for name in server.names.split(",") if name.strip())
    # No browser comes to a socket in the file system, and --insecure means everybody.
    is_watched = is_own and not server.unix_socket
    known = names | {socket.gethostname().lower()} if is_watched else None
    return AccessTerms(asks, known, server.rate, audit_days=server.audit_days)


def _host(server: ServerSettings) -> str:
    """The address to listen at, as a number."""
    return str(_find_address(server)[4][0])


def _is_loopback(host: str) -> bool:
    import ipaddress

    return ipaddress.ip_address(host.partition("%")[0]).is_loopback


def _has_token(state: str) -> bool:
    from contextlib import closing

    from rumbo.store.access_book import StateAccessBook

    with closing(StateAccessBook(state)) as book:
        now = time.time()
        return any(token.is_good(now) for token in book.tokens())


def _go_to_background(server: ServerSettings, listener: socket.socket | None) -> Callable[[], None]:
    """Leave the terminal. The parent waits for the word of the child that it is up, which is what is returned."""
    from rumbo.store.place import make_folder

    make_folder(_folder(server))
    messages = os.path.join(_folder(server), "server.log")
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

    def is_up() -> None:
        os.write(say, str(os.getpid()).encode())
        os.close(say)

    return is_up


def _wait_for_child(hear: int, server: ServerSettings, listener: socket.socket | None, messages: str) -> NoReturn:
    process = os.read(hear, 32).decode()
    if process:
        does = f"Serving {_name(server)} at {_address(server, listener)}" if listener else f"Up for {_name(server)}"
        print(f"{does} (process {process}).", flush=True)
        os._exit(0)
    print(f"rumbo: The server did not start; {messages} says why.", file=sys.stderr, flush=True)
    os._exit(2)


def _set_up_logging(kind: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines() if kind == "json" else logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    for name in ("uvicorn.error", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)


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
    server: ServerSettings,
    chosen: Settings,
    terms_of_access: AccessTerms,
    listener: socket.socket | None,
    is_up: Callable[[], None],
) -> int:
    """Serve until told to stop; gives the exit code.

    Args:
        listener: where to serve. None: stand by until the state is free, and listen then.
        is_up: called once, when requests are taken on or when the server stands by.
    """
    import uvicorn

    from rumbo.cli.application import make_access, make_application, make_daemon, open_journal
    from rumbo.server.daemon import Terms
    from rumbo.store.history import HistoryWriter
    from rumbo.store.housekeeping import Housekeeping

    # Questions about the history are answered in threads; workers must not wait 5 ms whenever one of those is at work.
    sys.setswitchinterval(0.0005)
    wait = None if listener is not None else _Standby(server, is_up)
    journal = open_journal(server.state, wait)
    terms = Terms(
        lease=server.lease,
        forget_after=server.forget_after,
        cooldown=server.cooldown,
        max_losses=server.max_losses,
    )
    history = HistoryWriter(server.state, logs=_folder(server))
    alerts = _alerts(server, chosen, listener)
    daemon = make_daemon(journal, history, terms, dict(chosen.resources), alerts)
    daemon.load()
    history.start()
    if alerts is not None:
        alerts.start()
    housekeeping = Housekeeping(server.state, _folder(server), *chosen.history, SystemClock())
    housekeeping.start()
    access = make_access(server.state, terms_of_access)
    config = uvicorn.Config(
        make_application(daemon, access, server.state, _folder(server), preview_folders(server)),
        log_config=None,
        access_log=False,
        lifespan="on",
        ssl_certfile=server.certificate or None,
        ssl_keyfile=server.key or None,
        timeout_graceful_shutdown=5,
        timeout_keep_alive=75,
        backlog=1024,
    )
    listener = listener or listen(server)
    listener.listen(config.backlog)  # from here on, who comes is let in as soon as the application stands
    address.tell(address.folder_of(server.state), _address(server, listener))
    if wait is None or not wait.has_waited:
        is_up()
    log.info("serving %s at %s (process %d)", _name(server), _address(server, listener), os.getpid())
    _say_who_may_come(server, terms_of_access, listener)
    serving = _Server(config, daemon)
    daemon.when_replaced = serving.give_way
    serving.run(sockets=[listener])
    if not daemon.is_replaced:
        address.take_back(address.folder_of(server.state))
    access.close()
    housekeeping.stop()
    history.close()
    if alerts is not None:
        alerts.close()
    journal.close()
    log.info("stopped")
    return REPLACED if daemon.is_replaced else 0


class _Standby:
    """What a server does while another one keeps the state: wait, until it is told to stop."""

    def __init__(self, server: ServerSettings, is_up: Callable[[], None]) -> None:
        self.has_waited = False
        self._name = _name(server)
        self._is_up = is_up

    def __call__(self, seconds: float) -> None:
        if not self.has_waited:
            self.has_waited = True
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
            log.info("standing by: another server works on %s", self._name)
            self._is_up()
        time.sleep(seconds)


def _alerts(server: ServerSettings, chosen: Settings, listener: socket.socket | None) -> AlertChronicle | None:
    """Who tells people of trouble; None if nobody is to be told."""
    if not chosen.has_receivers:
        return None
    from rumbo.cli.alerting import chronicle_of_server, wanted_by

    reached = "" if server.unix_socket else _address(server, listener)
    for everywhere in ("//0.0.0.0:", "//[::]:"):
        reached = reached.replace(everywhere, f"//{socket.gethostname()}:")
    return chronicle_of_server(wanted_by(chosen), server.state, _folder(server), reached)


def _name(server: ServerSettings) -> str:
    from rumbo.store.database import is_url

    if is_url(server.state):
        from rumbo.store.postgres import name_of

        return name_of(server.state)
    return os.path.abspath(server.state)


def _say_who_may_come(server: ServerSettings, access: AccessTerms, listener: socket.socket) -> None:
    """Warn of what is open to others."""
    if server.unix_socket or _is_loopback(_host(server)):
        return
    address = _address(server, listener)
    if not access.asks:
        log.warning("whoever reaches %s may do everything here, because of --insecure", address)
    elif not server.certificate:
        log.warning("tokens can be read by others on their way to %s: --certificate and --key would hide them", address)


def _address(server: ServerSettings, listener: socket.socket | None) -> str:
    if server.unix_socket:
        return server.unix_socket
    host, port = listener.getsockname()[:2] if listener is not None else (server.host, server.port)
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

        def give_way(self) -> None:
            """End, since another server is at work."""
            daemon.let_go()
            self.should_exit = True

    return Server(config)
