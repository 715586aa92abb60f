"""Tokens: what is shown, and what is kept."""

from __future__ import annotations

from rumbo.access import Role, Token, entry_id, id_of, issue


def test_what_is_kept_does_not_tell_what_is_shown() -> None:
    token, shown = issue(Role.VIEWER, "bea", 1000.0)
    assert token.fits(shown)
    assert not token.fits(shown[:-1])
    assert shown.startswith(f"rumbo_{token.id}_")
    assert len(shown.removeprefix(f"rumbo_{token.id}_")) == 43  # 256 bits
    assert shown not in repr(token)
    assert issue(Role.VIEWER, "bea", 1000.0)[1] != shown


def test_a_token_without_a_name_is_called_by_its_role() -> None:
    token, _ = issue(Role.WORKER, "", 1000.0)
    assert token.name == f"worker-{token.id}"


def test_how_long_a_token_is_good() -> None:
    token = Token("1", "bea", Role.VIEWER, "", 1000.0)
    assert token.is_good(1e12)
    assert token._replace(expires=2000.0).is_good(1999.0)
    assert not token._replace(expires=2000.0).is_good(2000.0)
    assert not token._replace(revoked=1500.0).is_good(1400.0)


def test_what_has_not_the_form_of_a_token() -> None:
    assert id_of("rumbo_0011aabb_a_b") == "0011aabb"
    assert [id_of(text) for text in ("", "rumbo", "rumbo_0011aabb", "rumbo_0011aabb_", "other_0011aabb_x")] == [""] * 5


def test_ids_of_entries_sort_by_time() -> None:
    ids = [entry_id(at) for at in (0.0, 9.999999, 10.0, 10.000001, 1_795_852_416.5, 9_999_999_999.0)]
    assert ids == sorted(ids)
    assert {len(id) for id in ids} == {25}
