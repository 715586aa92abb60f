"""A picture for a notebook: in an image of its own, so that its style touches nothing else on the page."""

from __future__ import annotations

from base64 import b64encode
from html import escape


def as_html(svg: str, caption: str) -> str:
    """The drawing with its caption below it."""
    drawn = b64encode(svg.encode()).decode()
    return (
        f'<figure style="margin:0"><img alt="{escape(caption)}" style="max-width:100%" '
        f'src="data:image/svg+xml;base64,{drawn}"><figcaption>{escape(caption)}</figcaption></figure>'
    )
