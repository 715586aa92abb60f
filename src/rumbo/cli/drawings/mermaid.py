"""A picture as Mermaid, which many pages for text draw by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rumbo.looks import LOOKS

if TYPE_CHECKING:
    from rumbo.drawings.picture import Picture

_STYLES = {
    "run": "fill:#ddf4ff,stroke:#0969da,color:#0a3069",
    "skip": "fill:#eef6f0,stroke:#5f8f6e,color:#24523a",
    "wait": "fill:#f3f4f6,stroke:#6e7781,color:#32383f,stroke-dasharray:4 3",
    "broken": "fill:#fff1e8,stroke:#c4410b,color:#7a2a06,stroke-width:2px",
}


def mermaid(picture: Picture) -> str:
    """A flow chart from left to right."""
    names = {box.key: f"t{place}" for place, box in enumerate(picture.boxes)}
    lines = ["flowchart LR"]
    for box in picture.boxes:
        symbol = LOOKS[box.look].symbol
        text = "<br/>".join(_escaped(part) for part in (f"{symbol} {box.title}", *box.lines))
        lines.append(f'  {names[box.key]}["{text}"]:::{box.look}')
    lines += [f"  {names[needed]} --> {names[needing]}" for needed, needing in picture.arrows]
    used = dict.fromkeys(box.look for box in picture.boxes)
    lines += [f"  classDef {verdict} {_STYLES[verdict]}" for verdict in used]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
