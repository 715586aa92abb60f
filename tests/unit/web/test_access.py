"""Who may ask a server for what: every address with every kind of token, and what else is refused."""

from __future__ import annotations

import asyncio
import http.client
import json
import time
from base64 import b64encode
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from starlette.routing import Mount

from rumbo import codec
from rumbo.access import AuditEntry, Role, entry_id, issue
from rumbo.cli.application import make_access, make_application
from rumbo.server.daemon import Terms
from rumbo.store.access_book import StateAccessBook
from rumbo.web.access.access import AccessTerms
from rumbo.web.access.limits import Rates
from rumbo.web.pages import page_routes
from rumbo.wire.luigi import METHODS
from server_house import until
from server_inside import ServerInside
from server_talk import Talker, spec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

VIEWERS = {"viewer", "operator", "worker", "admin"}
OPERATORS = {"operator", "admin"}
WORKERS = {"worker", "admin"}
ANYBODY = {*VIEWERS, "nobody", "wrong", "revoked"}
BY_WORD = {"anybody": ANYBODY, "viewer": VIEWERS, "operator": OPERATORS, "admin": {"admin"}}
PLAIN = {
    "/": ANYBODY,
    "/health": ANYBODY,
    "/ready": ANYBODY,
    "/metrics": VIEWERS,
    "/api/v1/work": WORKERS,
    "/api/v1/work/orders": WORKERS,
    "/api/v1/work/log": WORKERS,
    **dict.fromkeys((page.path for page in page_routes()), ANYBODY),
}
LUIGI = {
    word: names.split()
    for word, names in {
        "viewer": "count_pending dep_graph fetch_error get_running_task_resources get_task_progress_percentage "
        "get_task_status_message graph has_task_history inverse_dep_graph is_pause_enabled is_paused resource_list "
        "task_list task_search worker_list",
        "operator": "forgive_failures get_scheduler_message_response mark_as_done pause prune re_enable_task "
        "send_scheduler_message set_worker_processes unpause update_resource update_resources",
        "worker": "add_scheduler_message_response add_task add_task_batcher add_worker announce_scheduling_failure "
        "decrease_running_task_resources get_work ping report_task_statistics set_task_progress_percentage "
        "set_task_status_message update_metrics_task_started",
        "both": "disable_worker",
    }.items()
}
OF_LUIGI = {"viewer": VIEWERS, "operator": OPERATORS, "worker": WORKERS, "both": OPERATORS | WORKERS}


class Address(NamedTuple):
    """Something that can be asked, and who may."""

    method: str
    path: str
    allowed: frozenset[str]


class Answer(NamedTuple):
    """What a server answers."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def said(self) -> Any:
        """The body, which is JSON."""
        return json.loads(self.body)


class Asker:
    """Asks a server, as a program or as a browser would."""

    def __init__(self, server: ServerInside) -> None:
        self.server = server
        self.tokens = {"nobody": "", "wrong": "rumbo_00000000_of-nobody"}

    def token(self, name: str, role: Role, expires: float | None = None) -> str:
        """Make a token."""
        token, shown = issue(role, name, 1000.0, expires)
        with closing(StateAccessBook(self.server.folder)) as book:
            book.add(token)
        self.tokens[name] = shown
        return shown

    def revoke(self, name: str) -> None:
        """Make a token good for nothing."""
        with closing(StateAccessBook(self.server.folder)) as book:
            book.revoke([token.id for token in book.tokens() if token.name == name], 2000.0)

    def ask(
        self,
        path: str,
        who: str = "nobody",
        method: str = "GET",
        body: Any = None,
        **headers: str,
    ) -> Answer:
        """The answer; of one that goes on for ever, its head."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.tokens.get(who):
            sent["Authorization"] = f"Bearer {self.tokens[who]}"
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        with closing(http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=10)) as connection:
            connection.request(method, path, data, {"Content-Type": "application/json", **sent})
            answer = connection.getresponse()
            is_endless = answer.headers.get_content_type() == "text/event-stream"
            return Answer(answer.status, dict(answer.headers), b"" if is_endless else answer.read())


def serve(folder: Path, **terms: Any) -> ServerInside:
    return ServerInside(folder / ".rumbo", access=AccessTerms(**terms))


@pytest.fixture(scope="module")
def asker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asker]:
    """Of a server that asks for tokens, with one for each role, and one that is revoked."""
    with serve(tmp_path_factory.mktemp("state"), asks=True, names=None, rate=1e9, fresh=0.3) as server:
        server.access.failures = Rates(1e9, 1e9)
        asker = Asker(server)
        for role in Role:
            asker.token(role, role)
        asker.token("revoked", Role.ADMIN)
        asker.revoke("revoked")
        yield asker


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Asker]:
    """Of a server that asks for nothing, on this machine."""
    with serve(tmp_path, names=frozenset(("rumbo.example.com",))) as server:
        yield Asker(server)


# Every address ---------------------------------------------------------------------------------------------------


def addresses(folder: Path) -> list[Address]:
    """All that the application answers, by its own routes."""
    access = make_access(str(folder / ".rumbo"), AccessTerms())
    nothing: Any = None
    app = make_application(nothing, access, str(folder / ".rumbo"), str(folder))
    found: list[Address] = []
    for route in app.routes:
        path: str = route.path  # type: ignore[attr-defined]
        if isinstance(route, Mount):
            found += addresses_of_api(path, asyncio.run(route.app.made()))  # type: ignore[attr-defined]
        elif path == "/api/{method}":
            found += [
                Address(verb, f"/api/{name}", frozenset(OF_LUIGI[word]))
                for word, names in LUIGI.items()
                for name in names
                for verb in ("GET", "POST")
            ]
        else:
            methods = route.methods or {"GET"}  # type: ignore[attr-defined]
            found += [Address(verb, path, frozenset(PLAIN[path])) for verb in sorted(methods)]
    access.close()
    return found


def addresses_of_api(base: str, api: Any) -> Iterator[Address]:
    for route in api.state.guarded:
        word = (route.openapi_extra or {})["x-role"]
        for verb in sorted(route.methods):
            yield Address(verb, base + route.path.format_map(_Anything()), frozenset(BY_WORD[word]))


class _Anything(dict[str, str]):
    """Something for each parameter of a path."""

    def __missing__(self, name: str) -> str:
        return "1" if name == "attempt" else "something"


def test_every_method_of_luigis_is_somebodys() -> None:
    assert sorted(name for names in LUIGI.values() for name in names) == sorted(METHODS)


def test_every_address_asks_for_the_role_that_it_takes(asker: Asker, tmp_path: Path) -> None:
    """A new address without a role is refused to everybody, and found here."""
    wrong = []
    every = addresses(tmp_path)
    for address in every:
        for who in ("nobody", "wrong", "revoked", *Role):
            answer = asker.ask(address.path, who, address.method, None if address.method == "GET" else {})
            expected = None if who in address.allowed else 401 if who in ("nobody", "wrong", "revoked") else 403
            # Signing in with a token that is none is refused as well, but not by the gate.
            got = answer.status if answer.status in (401, 403) else None
            if got != expected:
                wrong.append((address.method, address.path, who, answer.status))
    assert wrong == []
    assert len(every) > 100


def test_what_the_api_shows_of_itself_is_not_for_everybody_either(asker: Asker) -> None:
    assert asker.ask("/api/v1/openapi.json").status == 401
    assert asker.ask("/api/v1/docs", "viewer").status == 200


def test_an_address_without_a_rule_is_refused_to_everybody(asker: Asker) -> None:
    from starlette.responses import Response
    from starlette.routing import Route

    async def forgotten(_request: Any) -> Response:
        return Response("secret")

    asker.server.app.router.routes.append(Route("/forgotten", forgotten))
    answer = asker.ask("/forgotten", "admin")
    assert (answer.status, answer.said["detail"]) == (403, "There is no rule for this address, so nobody may ask it.")
    assert asker.ask("/nowhere", "viewer").status == 404
    assert asker.ask("/nowhere").status == 401
    assert asker.ask("/api/v1/nowhere", "viewer").status == 404


@pytest.mark.parametrize(
    ("who", "path", "method", "status", "detail"),
    [
        ("nobody", "/api/v1/status", "GET", 401, "This takes a token, shown as bearer token or as password."),
        (
            "revoked",
            "/api/v1/status",
            "GET",
            401,
            "This takes a token; the one that was shown is unknown, revoked or expired.",
        ),
        (
            "viewer",
            "/api/v1/pause",
            "POST",
            403,
            "This takes a token of the role operator or admin; yours, viewer, is of the role viewer.",
        ),
        (
            "operator",
            "/api/v1/work",
            "POST",
            403,
            "This takes a token of the role worker or admin; yours, operator, is of the role operator.",
        ),
        (
            "worker",
            "/api/v1/audit",
            "GET",
            403,
            "This takes a token of the role admin; yours, worker, is of the role worker.",
        ),
    ],
)
def test_what_is_refused_is_said_in_full(
    asker: Asker, who: str, path: str, method: str, status: int, detail: str
) -> None:
    answer = asker.ask(path, who, method)
    assert (answer.status, answer.said["status"], answer.said["detail"]) == (status, status, detail)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers.get("www-authenticate") == ('Bearer realm="Rumbo"' if status == 401 else None)


# Tokens ----------------------------------------------------------------------------------------------------------


def test_a_token_is_shown_as_a_password_too(asker: Asker) -> None:
    for user in ("luigi", ""):
        password = b64encode(f"{user}:{asker.tokens['worker']}".encode()).decode()
        assert asker.ask("/api/get_work", Authorization=f"Basic {password}").status == 400  # it must say who it is
        assert asker.ask("/api/pause", Authorization=f"Basic {password}").status == 403
    for nonsense in ("Basic ???", "Basic", "Bearer", "Digest abc", "Bearer rumbo_", "Bearer \xff"):
        assert asker.ask("/api/v1/status", Authorization=nonsense).status == 401


def test_the_secret_counts_and_not_only_the_id(asker: Asker) -> None:
    asker.tokens["forged"] = asker.tokens["admin"][:-1] + ("A" if asker.tokens["admin"][-1] != "A" else "B")
    assert asker.ask("/api/v1/status", "forged").status == 401


def test_new_and_revoked_tokens_are_noticed(asker: Asker) -> None:
    asker.token("late", Role.VIEWER)
    until(lambda: asker.ask("/api/v1/status", "late").status == 200, 5, "noticing a new token")
    asker.revoke("late")
    until(lambda: asker.ask("/api/v1/status", "late").status == 401, 5, "noticing that a token is revoked")


def test_a_stream_ends_when_the_token_is_revoked(asker: Asker) -> None:
    asker.token("listener", Role.VIEWER)
    until(lambda: asker.ask("/api/v1/status", "listener").status == 200, 5, "noticing a new token")
    connection = http.client.HTTPConnection("127.0.0.1", asker.server.port, timeout=10)
    with closing(connection):
        connection.request("GET", "/api/v1/events", headers={"Authorization": f"Bearer {asker.tokens['listener']}"})
        answer = connection.getresponse()
        assert answer.readline() == b": listening\n"
        asker.revoke("listener")
        until(lambda: asker.ask("/api/v1/status", "listener").status == 401, 5, "noticing that a token is revoked")
        ana = Talker("ana-of-the-stream")
        for request in (ana.joins(), ana.begins("run-of-the-stream", spec("Clean_1"))):
            assert asker.ask("/api/v1/work", "worker", "POST", codec.encode(request)).status == 200
        assert b"Clean_1" not in answer.read()
    until(lambda: not asker.server.app.state.feed.listeners, 5, "the end of the stream at the server")


def test_a_worker_whose_token_is_revoked_while_it_waits_gets_nothing(tmp_path: Path) -> None:
    terms = AccessTerms(asks=True, names=None, fresh=0.3)
    with ServerInside(tmp_path / ".rumbo", Terms(lease=30), terms) as server:
        asker, ben, cleo = Asker(server), Talker("ben"), Talker("cleo")
        asker.token("machine", Role.WORKER)
        asker.token("other", Role.WORKER)
        for request in (ben.joins(assistant=True), ben.says(slots=1)):
            assert asker.ask("/api/v1/work", "machine", "POST", codec.encode(request)).status == 200
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        with closing(connection):
            path = "/api/v1/work/orders?worker=ben&received=0&wait=8"
            connection.request("GET", path, headers={"Authorization": f"Bearer {asker.tokens['machine']}"})
            until(lambda: server.daemon.polls_waiting == 1, 5, "the poll")
            asker.revoke("machine")
            until(lambda: asker.ask("/api/v1/status", "machine").status == 401, 5, "noticing that a token is revoked")
            for request in (cleo.joins(), cleo.begins("run-1", spec("Load_1"))):
                assert asker.ask("/api/v1/work", "other", "POST", codec.encode(request)).status == 200
            answer = connection.getresponse()
            assert (answer.status, json.loads(answer.read())["detail"]) == (401, "The token was revoked meanwhile.")


def test_a_token_expires(asker: Asker) -> None:
    asker.token("old", Role.ADMIN, expires=2000.0)
    asker.token("young", Role.VIEWER, expires=4e9)
    until(lambda: asker.ask("/api/v1/status", "young").status == 200, 5, "noticing a new token")
    assert asker.ask("/api/v1/status", "old").status == 401


def test_where_nothing_is_asked_for_a_good_token_still_says_who_it_is(local: Asker) -> None:
    assert local.ask("/api/v1/session").said == {"user": "anybody", "role": "admin", "asks": False}
    assert local.ask("/api/v1/session", "wrong").said["user"] == "anybody"
    local.token("bea", Role.VIEWER)
    until(lambda: local.ask("/api/v1/session", "bea").said["user"] == "bea", 5, "noticing a new token")
    assert local.ask("/api/v1/pause", "bea", "POST").status == 403


def test_tokens_are_listed_without_what_is_secret(asker: Asker) -> None:
    answer = asker.ask("/api/v1/tokens", "admin")
    listed = {token["name"]: token for token in answer.said}
    assert (listed["viewer"]["role"], listed["viewer"]["revoked"], listed["revoked"]["revoked"]) == (
        "viewer",
        None,
        2e3,
    )
    with closing(StateAccessBook(asker.server.folder)) as book:
        assert not any(token.digest.encode() in answer.body for token in book.tokens())


# Browsers --------------------------------------------------------------------------------------------------------


def sign_in(asker: Asker, who: str) -> str:
    answer = asker.ask("/api/v1/session", method="POST", body={"token": asker.tokens[who]})
    assert answer.status == 200, answer.body
    return answer.headers["set-cookie"].partition(";")[0]


def test_signing_in_and_out(asker: Asker) -> None:
    assert asker.ask("/api/v1/session").said == {"user": None, "role": None, "asks": True}
    answer = asker.ask("/api/v1/session", method="POST", body={"token": asker.tokens["operator"]})
    assert answer.said == {"user": "operator", "role": "operator", "asks": True}
    cookie, *about = answer.headers["set-cookie"].split("; ")
    assert sorted(about) == ["HttpOnly", "Max-Age=43200", "Path=/", "SameSite=strict"]
    assert asker.tokens["operator"] not in cookie
    assert asker.ask("/api/v1/session", Cookie=f"other=1; {cookie}").said["user"] == "operator"
    assert asker.ask("/api/v1/status", Cookie=cookie).status == 200
    assert asker.ask("/api/v1/session", method="DELETE", Cookie=cookie, Sec_Fetch_Site="same-origin").status == 204
    assert asker.ask("/api/v1/status", Cookie=cookie).status == 401


def test_over_tls_a_browser_keeps_the_cookie_for_tls(asker: Asker) -> None:
    """As a proxy on this machine says that it was asked."""
    body = {"token": asker.tokens["viewer"]}
    answer = asker.ask("/api/v1/session", method="POST", body=body, X_Forwarded_Proto="https")
    assert "Secure" in answer.headers["set-cookie"].split("; ")


def test_a_password_for_a_proxy_is_in_nobodys_way(asker: Asker) -> None:
    cookie = sign_in(asker, "viewer")
    basic = f"Basic {b64encode(b'ana:for-the-proxy').decode()}"
    assert asker.ask("/api/v1/session", Cookie=cookie, Authorization=basic).said["user"] == "viewer"


def test_signing_in_with_what_is_no_token(asker: Asker) -> None:
    answer = asker.ask("/api/v1/session", method="POST", body={"token": "let me in"})
    assert (answer.status, answer.said["detail"]) == (401, "This token is unknown, revoked or expired.")
    assert "set-cookie" not in answer.headers


def test_a_session_is_worth_what_its_token_is(asker: Asker) -> None:
    asker.token("guest", Role.VIEWER)
    until(lambda: asker.ask("/api/v1/status", "guest").status == 200, 5, "noticing a new token")
    cookie = sign_in(asker, "guest")
    here = {"Cookie": cookie, "Sec_Fetch_Site": "same-origin"}
    assert asker.ask("/api/v1/pause", method="POST", **here).status == 403
    asker.revoke("guest")
    until(lambda: asker.ask("/api/v1/status", Cookie=cookie).status == 401, 5, "noticing that a token is revoked")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec_Fetch_Site": "same-origin"}, 200),
        ({"Origin": "http://127.0.0.1:{port}"}, 200),
        ({}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_a_cookie_counts_for_changes_only_with_a_page_of_our_own(
    asker: Asker, headers: dict[str, str], status: int
) -> None:
    cookie = sign_in(asker, "operator")
    sent = {name: value.replace("{port}", str(asker.server.port)) for name, value in headers.items()}
    answer = asker.ask("/api/v1/resume", method="POST", Cookie=cookie, **sent)
    assert answer.status == status
    if status == 403:
        assert answer.said["detail"] == (
            "A page of another site asked for this, so it was refused: changes are only taken from pages of this "
            "server, and from programs."
        )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/pause"),
        ("PUT", "/api/v1/resources/database"),
        ("POST", "/api/v1/work"),
        ("GET", "/api/pause"),
        ("POST", "/api/pause"),
        ("GET", "/api/add_task"),
        ("POST", "/api/v1/session"),
    ],
)
def test_a_page_from_elsewhere_changes_nothing_on_this_machine(local: Asker, method: str, path: str) -> None:
    for sent in ({"Sec_Fetch_Site": "cross-site"}, {"Origin": "https://evil.example"}):
        assert local.ask(path, method=method, body={} if method != "GET" else None, **sent).status == 403
    assert local.ask("/api/v1/status").said["is_paused"] is False


def test_a_server_on_this_machine_answers_to_its_own_names_only(local: Asker) -> None:
    for name in ("localhost", "localhost:8082", "127.0.0.1:1", "[::1]:8082", "rumbo.localhost", "RUMBO.example.com."):
        assert local.ask("/api/v1/status", Host=name).status == 200, name
    answer = local.ask("/api/v1/status", Host="evil.example:8082")
    assert (answer.status, answer.said["detail"]) == (
        403,
        "This server is not known as 'evil.example:8082', so it does not answer: a page from elsewhere may be behind "
        "it. If the name is yours, add it to names in the table [server].",
    )
    assert local.ask("/metrics", Host="localhost.evil.example").status == 403
    assert local.ask("/health", Host="evil.example").status == 200


def test_with_tokens_any_name_will_do(asker: Asker) -> None:
    assert asker.ask("/api/v1/status", "viewer", Host="scheduler.example.com").status == 200


# Limits ----------------------------------------------------------------------------------------------------------


def chunks(size: int) -> Iterator[bytes]:
    for _ in range(size >> 16):
        yield bytes(1 << 16)


@pytest.mark.parametrize("is_announced", [True, False])
@pytest.mark.parametrize(
    ("path", "who", "most"),
    [("/api/v1/tasks/x/messages", "operator", 1), ("/api/v1/work/log?run=a&task=b&attempt=1", "worker", 8)],
)
def test_a_body_that_is_too_large(asker: Asker, path: str, who: str, most: int, is_announced: bool) -> None:
    size = (most << 20) + (1 << 17)
    connection = http.client.HTTPConnection("127.0.0.1", asker.server.port, timeout=10)
    headers = {"Authorization": f"Bearer {asker.tokens[who]}", "Content-Type": "application/json"}
    with closing(connection):
        if is_announced:
            connection.putrequest("POST", path)
            for name, value in {**headers, "Content-Length": str(size)}.items():
                connection.putheader(name, value)
            connection.endheaders()  # refused before any of it is sent
        else:
            connection.request("POST", path, chunks(size), headers, encode_chunked=True)
        answer = connection.getresponse()
        said = json.loads(answer.read())
    assert (answer.status, said["detail"]) == (
        413,
        f"The body is larger than {most} MB, which is the most that may be sent to this address.",
    )


def test_a_plan_may_be_large(asker: Asker) -> None:
    body = codec.encode(Talker("ana").joins()) + b" " * (9 << 20)
    assert asker.ask("/api/v1/work", "worker", "POST", body).status == 200


def test_who_asks_too_often_is_told_to_wait_but_not_workers(tmp_path: Path) -> None:
    with serve(tmp_path, asks=True, names=None, rate=0.5) as server:
        asker = Asker(server)
        asker.token("bea", Role.VIEWER)
        asker.token("machine", Role.WORKER)
        answers = [asker.ask("/api/v1/status", "bea") for _ in range(8)]
        assert [answer.status for answer in answers] == [200] * 5 + [429] * 3
        wait = int(answers[-1].headers["retry-after"])
        assert answers[-1].said["detail"] == f"You have asked too often. Ask again in {wait} s."
        assert 1 <= wait <= 2
        assert {asker.ask("/api/ping?data={}", "machine").status for _ in range(20)} == {400}
        assert {asker.ask("/api/v1/work/orders?worker=x", "machine").status for _ in range(20)} == {410}
        assert asker.ask("/api/v1/status", "machine").status == 200


def test_without_a_rate_nobody_is_told_to_wait(tmp_path: Path) -> None:
    with serve(tmp_path, asks=True, names=None, rate=0.0) as server:
        asker = Asker(server)
        asker.token("bea", Role.VIEWER)
        assert {asker.ask("/api/v1/status", "bea").status for _ in range(20)} == {200}


def test_guessing_is_slowed_down_and_hinders_nobody_else(tmp_path: Path) -> None:
    with serve(tmp_path, asks=True, names=None) as server:
        asker = Asker(server)
        asker.token("bea", Role.VIEWER)
        answers = [asker.ask("/api/v1/status", "wrong") for _ in range(12)]
        assert [answer.status for answer in answers] == [401] * 10 + [429] * 2
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 5
        assert asker.ask("/api/v1/session", method="POST", body={"token": "x"}).status == 429
        assert asker.ask("/api/v1/status", "bea").status == 200
        assert asker.ask("/api/v1/session", method="POST", body={"token": asker.tokens["bea"]}).status == 200
        before = len(entries(server))
        assert asker.ask("/api/v1/pause", method="POST").status == 429
        assert len(entries(server)) == before


# What is written down ---------------------------------------------------------------------------------------------


def entries(server: ServerInside) -> list[AuditEntry]:
    with closing(StateAccessBook(server.folder)) as book:
        return book.entries(None, 1000)


def test_who_changed_what(tmp_path: Path) -> None:
    with serve(tmp_path, asks=True, names=None) as server:
        asker = Asker(server)
        for role in Role:
            asker.token(role, role)
        asker.ask("/api/v1/resources/database", "operator", "PUT", {"amount": 3})
        asker.ask("/api/v1/resources/database", "viewer", "PUT", {"amount": 99})
        asker.ask("/api/v1/pause", method="POST")
        asker.ask("/api/v1/tasks/x/messages", "operator", "POST", {"content": "hello"})
        asker.ask("/api/v1/session", method="POST", body={"token": asker.tokens["admin"]})
        data = "%7B%22resource%22%3A%22gpu%22%2C%22amount%22%3A2%2C%22api_key%22%3A%22s3cret%22%7D"
        asker.ask(f"/api/update_resource?data={data}", "admin")
        asker.ask("/api/pause", "worker", "POST", b"data=%7B%7D")
        asker.ask("/api/disable_worker?data=%7B%22worker%22%3A%22w%22%7D", "worker")
        # Neither looking nor working is a change by people.
        asker.ask("/api/v1/status", "viewer")
        asker.ask("/api/get_work?data=%7B%22worker%22%3A%22w%22%7D", "worker")
        asker.ask("/api/v1/work", "worker", "POST", codec.encode(Talker("ana").joins()))
        page = asker.ask("/api/v1/audit?limit=3", "admin").said
        rest = asker.ask(f"/api/v1/audit?after={page['next']}", "admin").said
        assert (len(page["rows"]), rest["next"]) == (3, None)
        rows = [*page["rows"], *rest["rows"]]
        assert [(row["who"], row["role"], row["method"], row["path"], row["outcome"]) for row in reversed(rows)] == [
            ("operator", "operator", "PUT", "/api/v1/resources/database", 200),
            ("viewer", "viewer", "PUT", "/api/v1/resources/database", 403),
            ("", "", "POST", "/api/v1/pause", 401),
            ("operator", "operator", "POST", "/api/v1/tasks/x/messages", 409),
            ("admin", "admin", "POST", "/api/v1/session", 200),
            ("admin", "admin", "GET", "/api/update_resource", 200),
            ("worker", "worker", "POST", "/api/pause", 403),
            ("worker", "worker", "GET", "/api/disable_worker", 200),
        ]
        assert [row["summary"] for row in reversed(rows)] == [
            '{"amount": 3}',
            "",  # what is refused is not read
            "",
            '{"content": "hello"}',
            '{"token": "********"}',
            '{"resource": "gpu", "amount": 2, "api_key": "********"}',
            "",
            '{"worker": "w"}',
        ]
        assert {row["address"] for row in rows} == {"127.0.0.1"}
        assert all(row["at"] > 1e9 for row in rows)


def test_what_is_too_old_is_forgotten(tmp_path: Path) -> None:
    with serve(tmp_path, audit_days=1.0) as server:
        now = time.time()
        with closing(StateAccessBook(server.folder)) as book:
            for days in (0.5, 1.5, 400.0):
                at = now - days * 86_400
                book.note(AuditEntry(entry_id(at), at, "bea", "admin", "", "POST", f"/{days}", 200, ""))
        Asker(server).ask("/api/v1/pause", method="POST")
        assert [entry.path for entry in entries(server)] == ["/api/v1/pause", "/0.5"]


def test_an_audit_log_that_cannot_be_written_is_said(
    local: Asker, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rumbo.errors import StoreError

    def full(entry: Any) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(local.server.access._book, "note", full)
    assert local.ask("/api/v1/pause", method="POST").status == 200
    assert "the audit log cannot be written (the disk is full): AuditEntry(" in caplog.text
    assert "path='/api/v1/pause', outcome=200" in caplog.text


def test_a_book_that_cannot_be_read_changes_nothing(
    asker: Asker, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rumbo.errors import StoreError

    def gone() -> Any:
        raise StoreError("the disk is gone")

    assert asker.ask("/api/v1/status", "viewer").status == 200
    monkeypatch.setattr(asker.server.access._book, "tokens", gone)
    warning = "tokens: the disk is gone; those that were read last stay in force"
    until(lambda: asker.ask("/api/v1/status", "wrong").status == 401 and warning in caplog.text, 5, "a warning")
    assert asker.ask("/api/v1/status", "viewer").status == 200
    assert asker.ask("/api/v1/tokens", "admin").status == 503


def test_a_token_of_another_role_is_not_made_up_by_a_worker(asker: Asker) -> None:
    """What a worker says of itself gives it no rights."""
    ana = Talker("admin")
    assert asker.ask("/api/v1/work", "worker", "POST", codec.encode(ana.joins())).status == 200
    assert asker.ask("/api/v1/pause", "worker", "POST").status == 403
