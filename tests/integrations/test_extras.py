"""Every extra that an error tells people to install exists."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_an_extra_that_an_error_names_can_be_installed() -> None:
    extras = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
    named = set()
    for path in [*ROOT.glob("src/**/*.py"), *ROOT.glob("facade/**/*.py")]:
        named |= set(
            re.findall(r"""MissingExtraError\([^()]*(?:\([^()]*\)[^()]*)*?,\s*"([a-z-]+)"\)""", path.read_text())
        )
    from rumbo.integrations.sql import _EXTRAS

    named |= set(_EXTRAS.values())
    assert {"postgres", "docker", "redis", "dataproc", "aws"} <= named
    assert named <= extras
