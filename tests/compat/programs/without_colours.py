"""A task fails where there is no pygments."""

from __future__ import annotations

import sys

sys.modules["pygments"] = None

from mails import Fails  # noqa: E402

import luigi  # noqa: E402

luigi.build([Fails()], local_scheduler=True)
