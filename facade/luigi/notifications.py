"""Mail about failures. This version makes the messages but does not send them."""

from __future__ import annotations

import logging
import sys
import textwrap
from typing import Any

from luigi.configuration import get_config

logger = logging.getLogger("luigi-interface")

DEFAULT_CLIENT_EMAIL = "luigi-client@localhost"


def wrap_traceback(traceback: Any) -> str:
    """A traceback as the body of a mail."""
    return str(traceback)


def format_task_error(headline: str, task: Any, command: str, formatted_exception: str | None = None) -> str:
    """The body of a mail about a task."""
    parameters = "\n".join(f"{name}: {value}" for name, value in task.to_str_params().items())
    body = f"{headline}\n\nName: {task.task_family}\n\nParameters:\n{textwrap.indent(parameters, '  ')}\n\n"
    return f"{body}Command line:\n  {command}\n\n{formatted_exception or ''}"


def _recipients(additional: Any = None) -> list[str]:
    receiver = get_config().get("email", "receiver", None)
    found = [receiver] if receiver else []
    if additional:
        found += [additional] if isinstance(additional, str) else list(additional)
    return found


def send_error_email(subject: str, message: str, additional_recipients: Any = None) -> None:
    """Tell the people named in ``[email] receiver``, and a task's owners, that something failed."""
    recipients = _recipients(additional_recipients)
    wanted = get_config().get("email", "format", "plain") != "none"
    if recipients and wanted and (get_config().getboolean("email", "force_send", False) or not sys.stdout.isatty()):
        logger.warning(
            "No mail was sent to %s about %r: mail is not part of this version. Take Event.FAILURE to tell people.",
            ", ".join(recipients),
            subject,
        )
