"""Mails about many failures in one. Not part of this version."""

from __future__ import annotations

from typing import Any

from luigi import parameter
from luigi._later import later
from luigi.task import Config


class batch_email(Config):
    """The section ``[batch_email]``."""

    email_interval = parameter.IntParameter(default=60, description="Minutes between mails")
    batch_mode = parameter.ChoiceParameter(
        default="unbatched_params", choices=("family", "all", "unbatched_params"), description="What is told together"
    )
    error_lines = parameter.IntParameter(default=20, description="Lines of each error that are told")
    error_messages = parameter.IntParameter(default=1, description="Errors of each group that are told")
    group_by_error_messages = parameter.BoolParameter(default=True, description="Tell equal errors together")


class BatchNotifier:
    """Gathers failures and sends them by mail."""

    def __init__(self, **kwargs: Any) -> None:
        later("Mail about failures", "Take luigi.Event.FAILURE to tell people.")()
