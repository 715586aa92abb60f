"""Targets and tasks for real systems, one module a system; each imports its library when it is used."""
