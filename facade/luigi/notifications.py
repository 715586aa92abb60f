"""Mail about failures. This version makes the messages but does not send them."""

from __future__ import annotations

import logging
import platform
import sys
import textwrap
from typing import Any

from luigi import parameter
from luigi._later import later
from luigi.task import Config

logger = logging.getLogger("luigi-interface")

DEFAULT_CLIENT_EMAIL = f"luigi-client@{platform.node()}"


class email(Config):
    """The section ``[email]``."""

    force_send = parameter.BoolParameter(default=False, description="Send mail from a terminal too")
    format = parameter.ChoiceParameter(
        default="plain", choices=("plain", "html", "none"), description="Form of mails; none: no mails"
    )
    method = parameter.ChoiceParameter(
        default="smtp", choices=("smtp", "sendgrid", "ses", "sns"), description="Who delivers mails"
    )
    prefix = parameter.Parameter(default="", description="Beginning of all subjects")
    receiver = parameter.Parameter(default="", description="Who hears of all failures")
    traceback_max_length = parameter.IntParameter(default=5000, description="Longest traceback in a mail")
    sender = parameter.Parameter(default=DEFAULT_CLIENT_EMAIL, description="Whom mails come from")


class smtp(Config):
    """The section ``[smtp]``."""

    host = parameter.Parameter(default="localhost", description="Machine that takes mails")
    local_hostname = parameter.Parameter(default=None, description="Name of this machine")
    no_tls = parameter.BoolParameter(default=False, description="Do not use TLS")
    password = parameter.Parameter(default=None, description="Password there")
    port = parameter.IntParameter(default=0, description="Port there")
    ssl = parameter.BoolParameter(default=False, description="Use SSL")
    timeout = parameter.FloatParameter(default=10.0, description="Seconds to wait for it")
    username = parameter.Parameter(default=None, description="User there")


class sendgrid(Config):
    """The section ``[sendgrid]``."""

    apikey = parameter.Parameter(description="Key of the service")


_no_mail = later("Mail", "Take luigi.Event.FAILURE to tell people of failures.")
send_email = send_email_smtp = send_email_ses = send_email_sendgrid = send_email_sns = generate_email = _no_mail


def wrap_traceback(traceback: Any) -> str:
    """A traceback as the body of a mail."""
    return str(traceback)


def format_task_error(headline: str, task: Any, command: str, formatted_exception: str | None = None) -> str:
    """The body of a mail about a task."""
    parameters = "\n".join(f"{name}: {value}" for name, value in task.to_str_params().items())
    body = f"{headline}\n\nName: {task.task_family}\n\nParameters:\n{textwrap.indent(parameters, '  ')}\n\n"
    return f"{body}Command line:\n  {command}\n\n{formatted_exception or ''}"


def _recipients(additional: Any = None) -> list[str]:
    receiver = email().receiver
    found = [receiver] if receiver else []
    if additional:
        found += [additional] if isinstance(additional, str) else list(additional)
    return found


def send_error_email(subject: str, message: str, additional_recipients: Any = None) -> None:
    """Tell the people named in ``[email] receiver``, and a task's owners, that something failed."""
    settings = email()
    recipients = _recipients(additional_recipients)
    if recipients and settings.format != "none" and (settings.force_send or not sys.stdout.isatty()):
        logger.warning(
            "No mail was sent to %s about %r: mail is not part of this version. "
            "Take luigi.Event.FAILURE to tell people.",
            ", ".join(recipients),
            subject,
        )
