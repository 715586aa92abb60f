"""A picture as SVG that can be read on light and on dark pages."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from rumbo.layout import Place, layout
from rumbo.looks import LOOKS

if TYPE_CHECKING:
    from rumbo.drawings.picture import Box, Picture

_TITLE = 13.0
_LINE = 16.0
_MARGIN = 24.0
_PADDING = 12.0
_STRIP = 4.0

_LOOKS = ("run", "done", "skip", "wait", "failed", "broken", "cancelled")
_MEANINGS = {
    "run": "would run",
    "done": "done",
    "skip": "complete",
    "wait": "waits",
    "failed": "failed",
    "broken": "broken",
    "cancelled": "not run",
}


def svg(picture: Picture) -> str:
    """The drawing, with a key to its colours and shapes."""
    sizes = {box.key: _size(box) for box in picture.boxes}
    found = layout(sizes, picture.arrows)
    used = [each for each in _LOOKS if any(box.counts.get(each) for box in picture.boxes)]
    width = max(found.width, 110.0 * len(used)) + 2 * _MARGIN
    height = found.height + 2 * _MARGIN + 28
    parts = [
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path class="head" d="M0 0.8 L7 4 L0 7.2 z"/></marker></defs>',
        f'<g transform="translate({_MARGIN:.0f} {_MARGIN:.0f})">',
    ]
    parts += [f'<path class="arrow" d="{_curve(route)}" marker-end="url(#arrow)"/>' for route in found.routes.values()]
    parts += [_box(box, found.places[box.key]) for box in picture.boxes]
    parts += ["</g>", _legend(used, height)]
    return page(width, height, f"The plan of {_roots(picture)}", "\n".join(parts))


def page(width: float, height: float, title: str, drawn: str, style: str = "") -> str:
    """A drawing on a page that is light or dark as its reader likes it; ``style`` has more rules for it."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" role="img" aria-label="{escape(title, {chr(34): "&quot;"})}">\n'
        f"<style>{_style()}{style}</style>\n"
        f'<rect class="page" width="{width:.0f}" height="{height:.0f}"/>\n{drawn}\n</svg>\n'
    )


def _roots(picture: Picture) -> str:
    return ", ".join(box.title for box in picture.boxes if box.is_root)


def _size(box: Box) -> tuple[float, float]:
    title = width_of(box.title) * 13 + 22
    widest = max([title, *(width_of(line) * 12 for line in box.lines)])
    return max(widest, 84.0) + 2 * _PADDING, 2 * _PADDING + _TITLE + _LINE * len(box.lines) + _STRIP


def width_of(text: str) -> float:
    """How wide a text is at most, in sizes of its font: the reader's font is not ours to know."""
    return sum(0.85 if letter.isupper() or letter in "mw×" else 0.6 for letter in text)  # noqa: RUF001


def _box(box: Box, place: Place) -> str:
    x, y, width, height = place
    look = box.look
    parts = [
        f'<g class="{look}"><title>{escape(" ".join((box.title, *box.lines)))}</title>',
        f'<rect class="box{" root" if box.is_root else ""}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
        f'height="{height:.1f}" rx="6"/>',
        f'<text class="mark" x="{x + _PADDING:.1f}" y="{y + _PADDING + 11:.1f}">{LOOKS[look].symbol}</text>',
        f'<text class="title" x="{x + _PADDING + 20:.1f}" y="{y + _PADDING + 11:.1f}">{escape(box.title)}</text>',
    ]
    for number, line in enumerate(box.lines, 1):
        top = y + _PADDING + 11 + _LINE * number
        parts.append(f'<text class="line" x="{x + _PADDING:.1f}" y="{top:.1f}">{escape(line)}</text>')
    if sum(box.counts.values()) > 1:
        parts.append(_strip(box, x + 6, y + height - _STRIP - 3, width - 12))
    return "".join([*parts, "</g>"])


def _strip(box: Box, x: float, y: float, width: float) -> str:
    """How many of a family have which look, as segments of a bar; a few among many can still be seen."""
    total = sum(box.counts.values())
    least = 6.0
    parts = []
    spare = width - least * len(box.counts)
    for look in _LOOKS:
        number = box.counts.get(look)
        if number:
            part = least + spare * number / total
            parts.append(
                f'<rect class="bar {look}" x="{x:.1f}" y="{y:.1f}" width="{part:.1f}" height="{_STRIP}" rx="1"/>'
            )
            x += part
    return "".join(parts)


def _curve(route: list[tuple[float, float]]) -> str:
    """A smooth line through the points, level at each of them."""
    (x, y), *rest = route
    parts = [f"M{x:.1f} {y:.1f}"]
    for next_x, next_y in rest:
        middle = (x + next_x) / 2
        parts.append(f"C{middle:.1f} {y:.1f} {middle:.1f} {next_y:.1f} {next_x:.1f} {next_y:.1f}")
        x, y = next_x, next_y
    return " ".join(parts)


def _legend(used: list[str], height: float) -> str:
    parts = []
    for place, look in enumerate(used):
        x = _MARGIN + 110 * place
        parts.append(
            f'<g class="{look}"><text class="mark" x="{x:.0f}" y="{height - 16:.0f}">{LOOKS[look].symbol}</text>'
            f'<text class="line" x="{x + 18:.0f}" y="{height - 16:.0f}">{_MEANINGS[look]}</text></g>'
        )
    return "".join(parts)


def _style() -> str:
    """Colours by look, for light pages and, where the reader's system asks for it, for dark ones."""
    fills = {
        "light": {
            "run": "#ddf4ff",
            "done": "#e9f6ec",
            "skip": "#f3f8f4",
            "wait": "#f6f7f8",
            "failed": "#fff0e7",
            "broken": "#fff0e7",
            "cancelled": "#f6f7f8",
        },
        "dark": {
            "run": "#0c2d4d",
            "done": "#12301c",
            "skip": "#16241b",
            "wait": "#1c2128",
            "failed": "#3d1a0c",
            "broken": "#3d1a0c",
            "cancelled": "#1c2128",
        },
    }
    inks = {"light": ("#1f2328", "#59636e", "#8c959f", "#ffffff"), "dark": ("#e6edf3", "#9da7b1", "#6e7681", "#0d1117")}

    def rules(theme: str) -> str:
        ink, faint, arrow, page = inks[theme]
        found = [
            f".page{{fill:{page}}}.title{{fill:{ink}}}.line{{fill:{faint}}}",
            f".arrow{{stroke:{arrow}}}.head{{fill:{arrow}}}.grid{{stroke:{arrow};stroke-opacity:.3}}",
            f".critical .bar{{stroke:{ink}}}.name{{fill:{page}}}",
        ]
        for look, about in LOOKS.items():
            colour = about.dark if theme == "dark" else about.light
            found.append(f".{look} .mark,.bar.{look}{{fill:{colour}}}")
            if look in fills[theme]:
                found.append(f".{look} .box{{fill:{fills[theme][look]};stroke:{colour}}}")
        return "".join(found)

    return (
        'text{font-family:system-ui,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}'
        f".title{{font-size:{_TITLE:.0f}px;font-weight:600}}.line{{font-size:12px;font-variant-numeric:tabular-nums}}"
        ".mark{font-size:13px;font-weight:700}.box{stroke-width:1}.box.root{stroke-width:2}"
        ".wait .box{stroke-dasharray:4 3}.broken .box{stroke-width:2}.arrow{fill:none;stroke-width:1.2}"
        + rules("light")
        + "@media (prefers-color-scheme:dark){"
        + rules("dark")
        + "}"
    )
