"""Brings the libraries of the web pages from `node_modules` into the package, one file each, with a list of them.

npm install && python tools/vendor.py
"""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "src" / "rumbo" / "web" / "static" / "vendor"
FILES = {
    "preact.js": ("preact", "dist/preact.mjs"),
    "hooks.js": ("preact", "hooks/dist/hooks.mjs"),
    "htm.js": ("htm", "dist/htm.mjs"),
    "uplot.js": ("uplot", "dist/uPlot.esm.js"),
    "uplot.css": ("uplot", "dist/uPlot.min.css"),
}


def vendor() -> None:
    """Copy the files, without addresses of maps that are not here, and write down what they are."""
    TARGET.mkdir(exist_ok=True)
    rows = []
    licences: dict[str, str] = {}
    for name, (package, path) in FILES.items():
        folder = ROOT / "node_modules" / package
        about = json.loads((folder / "package.json").read_text(encoding="utf-8"))
        text = (folder / path).read_text(encoding="utf-8")
        text = text.replace('from"preact"', 'from"./preact.js"')
        text = "\n".join(line for line in text.split("\n") if not line.startswith("//# sourceMappingURL"))
        (TARGET / name).write_text(text.rstrip() + "\n", encoding="utf-8")
        rows.append(f"| `{name}` | {package} {about['version']} | `{path}` | {about['license']} |")
        licences[package] = (folder / "LICENSE").read_text(encoding="utf-8").strip()
    parts = ["# Libraries of the web pages", "", "Copied by `tools/vendor.py`; nobody edits them here.", ""]
    parts += ["| file | from | its path there | licence |", "|---|---|---|---|", *rows]
    for package, licence in licences.items():
        parts += ["", f"## {package}", "", "```", licence, "```"]
    (TARGET / "LICENCES.md").write_text("\n".join(parts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    vendor()
