"""`rumbo token` and `rumbo audit`: who may do what at a server, and who did."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from typing import Any


def plain(text: str) -> str:
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?", "WHEN", text)
    return re.sub(r"\b[0-9a-f]{8}\b", "ID", re.sub(r"\(\w+\)", "(WHO)", text))


def test_a_token_is_made_listed_and_revoked(desk: Any) -> None:
    made = desk.type("token", "create", "--role", "viewer", "--name", "bea", "--expires", "30d")
    assert made.code == 0
    assert re.fullmatch(r"rumbo_[0-9a-f]{8}_[\w-]{43}\n", made.out)
    assert made.err == "This is bea, a token of the role viewer. It is not shown again.\n"
    assert desk.type("token", "create", "--role", "admin").code == 0
    listed = desk.type("token", "list").out.splitlines()
    assert [plain(line) for line in listed] == [
        "ID  bea             viewer    made WHEN  good until WHEN",
        "ID  admin-ID  admin     made WHEN  good for ever",
    ]
    assert made.out.strip() not in "\n".join(listed)
    bea, admin = json.loads(desk.type("token", "list", "--json").out)
    assert bea.keys() == {"id", "name", "role", "created", "expires", "revoked"}
    assert round(bea["expires"] - bea["created"]) == 30 * 86_400
    assert plain(desk.type("token", "revoke", "bea").out) == "Revoked: bea (WHO).\n"
    assert desk.type("token", "revoke", admin["id"]).code == 0
    assert [plain(line).endswith("revoked WHEN") for line in desk.type("token", "list").out.splitlines()] == [True] * 2


def test_a_name_is_free_again_when_its_token_is_revoked(desk: Any) -> None:
    words = ("token", "create", "--role", "worker", "--name", "machine")
    assert desk.type(*words).code == 0
    said = desk.type(*words)
    assert (said.code, said.out, said.err) == (
        2,
        "",
        "rumbo: There is a token named machine already: revoke it with `rumbo token revoke machine`, or name this one "
        "otherwise.\n",
    )
    assert desk.type("token", "revoke", "machine").code == 0
    assert desk.type(*words).code == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["create", "--role", "viewer", "--expires", "soon"],
            "--expires soon: give a number and a unit, such as 30m, 12h, 30d or 8w.",
        ),
        (
            ["create", "--role", "viewer", "--expires", "0d"],
            "--expires 0d: give a number and a unit, such as 30m, 12h, 30d or 8w.",
        ),
        (["revoke", "bea"], "There is no token bea to revoke: `rumbo token list` shows those there are."),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(desk: Any, words: list[str], sentence: str) -> None:
    said = desk.type("token", *words)
    assert (said.code, said.out, said.err) == (2, "", f"rumbo: {sentence}\n")


def test_a_role_that_does_not_exist(desk: Any) -> None:
    said = desk.type("token", "create", "--role", "king")
    assert said.code == 2
    assert "'viewer', 'operator', 'worker', 'admin'" in said.err


def test_nothing_yet(desk: Any) -> None:
    assert desk.type("token", "list").out == "There are no tokens. `rumbo token create --role ROLE` makes one.\n"
    assert desk.type("token", "list", "--json").out == "[]\n"
    assert desk.type("audit").out == "Nobody has changed anything yet.\n"
    assert desk.type("audit", "--json").out == "[]\n"


def test_commands_are_in_the_audit_log_too(desk: Any) -> None:
    shown = desk.type("token", "create", "--role", "admin", "--name", "ana", "--state", "elsewhere").out
    desk.type("token", "revoke", "ana", "--state", "elsewhere")
    said = desk.type("audit", "--state", "elsewhere").out
    assert [plain(line) for line in said.splitlines()] == [
        "WHEN  command line (WHO)  rumbo token revoke  ana, admin, id ID",
        "WHEN  command line (WHO)  rumbo token create  ana, admin, id ID",
    ]
    (entry,) = json.loads(desk.type("audit", "--json", "-n", "1", "--state", "elsewhere").out)
    assert (entry["method"], entry["path"], entry["outcome"]) == ("COMMAND", "rumbo token revoke", 0)
    assert shown.strip() not in said
