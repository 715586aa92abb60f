"""The central scheduler as a server. Not part of this version."""

from luigi._later import later

run = later("luigid, the central scheduler,", "Run tasks with --local-scheduler.")
stop = later("luigid, the central scheduler,", "Run tasks with --local-scheduler.")
