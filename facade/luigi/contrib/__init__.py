"""Targets and tasks for real systems, under Luigi's names."""
