"""Puts the table of the API's addresses, as the API describes itself, into the page about them.

python docs/describe_api.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

PAGE = Path(__file__).parent / "reference" / "api.md"
_BEGIN, _END = "<!-- addresses -->", "<!-- end of addresses -->"


def schema() -> dict[str, Any]:
    """The API's own description, without a server behind it."""
    from rumbo.web.api.app import Watch, make_api

    nothing = cast("Any", None)
    return make_api(nothing, nothing, nothing, nothing, Watch(nothing, nothing, nothing, nothing, nothing)).openapi()


def table() -> str:
    """All addresses: method, path, what it does, its query, the role that may ask."""
    lines = ["| | address below `/api/v1` | what | query | role |", "|---|---|---|---|---|"]
    for path, methods in schema()["paths"].items():
        for method, about in methods.items():
            what = " ".join(about["description"].split()).replace("|", "\\|")
            asked = ", ".join(f"`{each['name']}`" for each in about.get("parameters", ()) if each["in"] == "query")
            lines.append(f"| {method.upper()} | `{path}` | {what} | {asked} | {about['x-role']} |")
    return "\n".join(lines)


def with_table(page: str) -> str:
    """The page with its table brought up to date."""
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n\n{table()}\n\n{_END}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
