"""Where alerts go, and how they get there."""
