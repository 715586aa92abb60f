"""What comes over the network is never unpickled: whoever can send a pickle can run code."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import rumbo

SOURCE = Path(rumbo.__file__).parent
FLOORS = ("web", "server", "wire", "store", "scheduler")
FILES = [
    *(path for floor in FLOORS for path in sorted((SOURCE / floor).rglob("*.py"))),
    *(SOURCE / name for name in ("codec.py", "ports.py", "access.py", "history.py")),
]
UNSAFE = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "yaml"}


def imported(tree: ast.AST) -> set[str]:
    """All that a module imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return {name.partition(".")[0] for name in found}


def called(tree: ast.AST) -> set[str]:
    """All names that are called by themselves."""
    return {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_nothing_at_a_server_runs_what_was_sent(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert imported(tree).isdisjoint(UNSAFE)
    assert called(tree).isdisjoint({"eval", "exec", "__import__", "compile"})


def test_the_search_finds_what_it_looks_for() -> None:
    tree = ast.parse("def f(data):\n    from pickle import loads\n    return eval(loads(data))")
    assert "pickle" in imported(tree)
    assert "eval" in called(tree)
    assert len(FILES) > 60
