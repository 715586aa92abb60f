"""The luigi package, by Rumbo."""
