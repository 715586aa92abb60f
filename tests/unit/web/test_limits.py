"""What bounds the memory of the gate, and how much anybody may ask."""

from __future__ import annotations

from rumbo.web.access.limits import Rates
from rumbo.web.access.origins import comes_from_elsewhere, is_own_name
from rumbo.web.access.sessions import LASTS, Sessions
from rumbo.web.access.trail import summary_of


def test_a_bucket_is_emptied_and_fills_up_again() -> None:
    rates = Rates(0.5, 3.0)
    assert [rates.take("ana", 10.0) for _ in range(5)] == [0, 0, 0, 2, 2]
    assert rates.take("ben", 10.0) == 0
    assert rates.take("ana", 11.0) == 1
    assert rates.take("ana", 12.0) == 0
    assert [rates.take("ana", 1000.0) for _ in range(4)] == [0, 0, 0, 2]


def test_who_has_not_asked_for_the_longest_time_is_forgotten() -> None:
    rates = Rates(0.1, 1.0, keys=2)
    for name in ("ana", "ben", "ana", "cleo"):
        rates.take(name, 10.0)
    assert rates.take("ana", 10.0) > 0
    assert rates.take("ben", 10.0) == 0


def test_sessions_end_by_themselves() -> None:
    sessions = Sessions()
    id = sessions.begin("t", 10.0)
    assert sessions.token_of(id, 10.0 + LASTS - 1) == "t"
    assert sessions.token_of(id, 10.0 + LASTS) is None
    sessions.begin("t", 10.0 + LASTS)
    assert len(sessions._by_digest) == 1


def test_there_are_only_so_many_sessions() -> None:
    sessions = Sessions(most=4, most_of_one=2)
    ana = [sessions.begin("ana", 10.0) for _ in range(3)]
    assert [sessions.token_of(id, 11.0) for id in ana] == [None, "ana", "ana"]
    others = [sessions.begin(f"other-{number}", 10.0) for number in range(3)]
    assert [sessions.token_of(id, 11.0) for id in ana] == [None, None, "ana"]
    assert all(sessions.token_of(id, 11.0) for id in others)
    sessions.end(others[0])
    sessions.end(others[0])
    assert sessions.token_of(others[0], 11.0) is None


def test_names_of_a_server_on_this_machine() -> None:
    names = frozenset(("machine",))
    for host in ("localhost", "LOCALHOST:8082", "a.localhost", "127.0.0.1", "10.1.2.3:80", "[::1]:1", "machine.:1"):
        assert is_own_name(host, names), host
    for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "machine.evil.example", "[evil]"):
        assert not is_own_name(host, names), host


def test_where_a_request_comes_from() -> None:
    host = {b"host": b"Here:8082"}
    assert comes_from_elsewhere(host) is None
    assert comes_from_elsewhere({**host, b"origin": b"http://here:8082"}) is False
    assert comes_from_elsewhere({**host, b"origin": b"http://here"}) is True
    assert comes_from_elsewhere({**host, b"origin": b"null"}) is True
    assert comes_from_elsewhere({**host, b"sec-fetch-site": b"same-origin", b"origin": b"null"}) is False
    assert comes_from_elsewhere({**host, b"sec-fetch-site": b"cross-site", b"origin": b"http://here:8082"}) is True


def test_a_request_in_short_has_no_secrets() -> None:
    assert summary_of(b"") == summary_of(b"{}") == summary_of(b"nonsense") == ""
    assert summary_of(b'{"a": [{"password": "x", "b": 1}]}') == '{"a": [{"password": "********", "b": 1}]}'
    assert summary_of(b"", b"data=%7B%22task_id%22%3A%22T_1%22%7D") == '{"task_id": "T_1"}'
    assert summary_of(b"data=%7B%22worker%22%3A%22w%22%7D") == '{"worker": "w"}'
    assert summary_of(b"x" * 5000) == "(long)"
    assert len(summary_of(b'{"content": "' + b"x" * 1000 + b'"}')) == 300
    assert summary_of(b"[" * 4000) == ""
