"""A plan on paper: as a tree of text, as JSON, as Mermaid, as SVG."""
