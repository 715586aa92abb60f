"""Mail about failures: how it is written, and who takes it on."""

from __future__ import annotations

import logging
import socket
import sys
from typing import TYPE_CHECKING, Any

from luigi import parameter
from luigi.task import Config, Task

if TYPE_CHECKING:
    from collections.abc import Sequence

logger = logging.getLogger("luigi-interface")

DEFAULT_CLIENT_EMAIL = f"luigi-client@{socket.gethostname()}"

_SNS_SUBJECT = 100
"""Characters that the service allows in a subject."""


class TestNotificationsTask(Task):
    """Fails, so that one can see whether mail arrives: ``luigi TestNotificationsTask --local-scheduler``.

    On a terminal, add ``--email-force-send``.
    """

    __test__ = False  # no test, whatever its name says

    raise_in_complete = parameter.BoolParameter(description="Fail in complete() instead of run()")

    def run(self) -> None:
        """Fail."""
        raise ValueError("Testing notifications triggering")

    def complete(self) -> bool:
        """Fail, or be incomplete."""
        if self.raise_in_complete:
            raise ValueError("Testing notifications triggering")
        return False


def _formerly(name: str, section: str = "core") -> parameter.ConfigPath:
    return {"section": section, "name": name}


class email(Config):
    """The section ``[email]``."""

    force_send = parameter.BoolParameter(default=False, description="Send mail from a terminal too")
    format = parameter.ChoiceParameter(
        default="plain",
        config_path=_formerly("email-type"),
        choices=("plain", "html", "none"),
        description="Form of mails; none: no mails",
    )
    method = parameter.ChoiceParameter(
        default="smtp",
        config_path=_formerly("type", "email"),
        choices=("smtp", "sendgrid", "ses", "sns"),
        description="Who delivers mails",
    )
    prefix = parameter.Parameter(
        default="", config_path=_formerly("email-prefix"), description="Beginning of all subjects"
    )
    receiver = parameter.Parameter(
        default="", config_path=_formerly("error-email"), description="Who hears of all failures"
    )
    traceback_max_length = parameter.IntParameter(default=5000, description="Longest traceback in a mail")
    sender = parameter.Parameter(
        default=DEFAULT_CLIENT_EMAIL, config_path=_formerly("email-sender"), description="Whom mails come from"
    )


class smtp(Config):
    """The section ``[smtp]``."""

    host = parameter.Parameter(
        default="localhost", config_path=_formerly("smtp_host"), description="Machine that takes mails"
    )
    local_hostname = parameter.Parameter(
        default=None, config_path=_formerly("smtp_local_hostname"), description="Name of this machine"
    )
    no_tls = parameter.BoolParameter(
        default=False, config_path=_formerly("smtp_without_tls"), description="Do not use TLS"
    )
    password = parameter.Parameter(default=None, config_path=_formerly("smtp_password"), description="Password there")
    port = parameter.IntParameter(default=0, config_path=_formerly("smtp_port"), description="Port there")
    ssl = parameter.BoolParameter(default=False, config_path=_formerly("smtp_ssl"), description="Use SSL")
    timeout = parameter.FloatParameter(
        default=10.0, config_path=_formerly("smtp_timeout"), description="Seconds to wait for it"
    )
    username = parameter.Parameter(default=None, config_path=_formerly("smtp_login"), description="User there")


class sendgrid(Config):
    """The section ``[sendgrid]``."""

    apikey = parameter.Parameter(
        config_path=_formerly("SENGRID_API_KEY", "email"),  # spelled so in Luigi
        description="Key of the service",
    )


# What a mail says ------------------------------------------------------------------------------------------------


def generate_email(sender: str, subject: str, message: str, recipients: Sequence[str], image_png: str | None) -> Any:
    """A mail, with an image if the path of one is given."""
    from email.mime.image import MIMEImage
    from email.mime.multipart import MIMEMultipart
    from email.mime.text import MIMEText

    mail = MIMEMultipart("related")
    mail.attach(MIMEText(message, email().format, "utf-8"))
    if image_png:
        with open(image_png, "rb") as file:
            mail.attach(MIMEImage(file.read(), "png"))
    mail["Subject"] = subject
    mail["From"] = sender
    mail["To"] = ",".join(recipients)
    return mail


def wrap_traceback(traceback: Any) -> str:
    """A traceback as part of a mail: coloured in HTML if pygments is there."""
    if email().format != "html":
        return str(traceback)
    try:
        from pygments import highlight  # type: ignore[import-untyped, unused-ignore]
        from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped, unused-ignore]
        from pygments.lexers import PythonTracebackLexer  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        return f"<pre>{traceback}</pre>"
    coloured: str = highlight(str(traceback), PythonTracebackLexer(), HtmlFormatter(noclasses=True))
    return coloured


_PLAIN = """\
{headline}

Name: {name}

Parameters:
{params}

Command line:
  {command}

{traceback}
"""

# The stray </pre> is Luigi's: who takes its mails apart finds ours alike.
_HTML = """
<html>
<body>
<h2>{headline}</h2>

<table style="border-top: 1px solid black; border-bottom: 1px solid black">
<thead>
<tr><th>name</th><td>{name}</td></tr>
</thead>
<tbody>
{params}
</tbody>
</table>
</pre>

<h2>Command line</h2>
<pre>
{command}
</pre>

<h2>Traceback</h2>
{traceback}
</body>
</html>
"""


def format_task_error(headline: str, task: Any, command: str, formatted_exception: str | None = None) -> str:
    """The body of a mail about a task.

    Args:
        headline: what happened, in a sentence.
        command: the command line of this process.
        formatted_exception: the traceback; cut at ``[email] traceback_max_length`` characters.
    """
    settings, params = email(), task.to_str_params()
    traceback = formatted_exception or ""
    if len(traceback) > settings.traceback_max_length:
        kept = traceback[: settings.traceback_max_length]
        traceback = f"{kept}...Traceback exceeds max length and has been truncated."
    if settings.format == "html":
        template = _HTML
        rows = [f"<tr><th>{name}</th><td>{value}</td></tr>" for name, value in params.items()]
    else:
        template = _PLAIN
        width = max(map(len, params), default=0)
        rows = [f"  {name:{width}}: {value}" for name, value in params.items()]
    return template.format(
        headline=headline,
        name=task.task_family,
        params="\n".join(rows),
        command=command,
        traceback=wrap_traceback(traceback) if traceback else "",
    )


# Who takes it on -------------------------------------------------------------------------------------------------


def send_email_smtp(sender: str, subject: str, message: str, recipients: Sequence[str], image_png: str | None) -> None:
    """Hand a mail to the SMTP server of ``[smtp]``. That there is none is logged, and no error."""
    import smtplib

    settings = smtp()
    how: dict[str, Any] = {
        "host": settings.host,
        "port": settings.port,
        "local_hostname": settings.local_hostname,
    }
    if settings.timeout:
        how["timeout"] = settings.timeout
    try:
        server = smtplib.SMTP_SSL(**how) if settings.ssl else smtplib.SMTP(**how)
        server.ehlo_or_helo_if_needed()
        if server.has_extn("starttls") and not settings.no_tls:
            server.starttls()
        if settings.username and settings.password:
            server.login(settings.username, settings.password)
        mail = generate_email(sender, subject, message, recipients, image_png)
        server.sendmail(sender, recipients, mail.as_string())
        server.quit()
    except OSError as error:
        logger.error("Not able to connect to smtp server: %s", error)


def send_email_ses(sender: str, subject: str, message: str, recipients: Sequence[str], image_png: str | None) -> None:
    """Hand a mail to Amazon's SES. Credentials come from where boto3 finds them."""
    from boto3 import client  # type: ignore[import-not-found, import-untyped, unused-ignore]

    mail = generate_email(sender, subject, message, recipients, image_png)
    reply = client("ses").send_raw_email(Source=sender, Destinations=recipients, RawMessage={"Data": mail.as_string()})
    _log_reply("SES", reply)


def send_email_sendgrid(
    sender: str, subject: str, message: str, recipients: Sequence[str], image_png: str | None
) -> None:
    """Hand a mail to SendGrid, with the key in ``[sendgrid]``."""
    import sendgrid as library  # type: ignore[import-not-found, unused-ignore]

    mail = library.Mail(from_email=sender, to_emails=recipients, subject=subject)
    mail.add_content(message, "text/html" if email().format == "html" else "text/plain")
    if image_png:
        mail.add_attachment(image_png)
    library.SendGridAPIClient(sendgrid().apikey).send(mail)


def send_email_sns(sender: str, subject: str, message: str, topic_ARN: Sequence[str], image_png: str | None) -> None:
    """Publish on a topic of Amazon's SNS, which takes the place of the recipients. There are no images."""
    from boto3 import resource

    if len(subject) > _SNS_SUBJECT:
        subject = f"{subject[:48]}...{subject[-49:]}"
    reply = resource("sns").Topic(topic_ARN[0]).publish(Subject=subject, Message=message)
    _log_reply("SNS", reply)


def _log_reply(service: str, reply: Any) -> None:
    about = reply["ResponseMetadata"]
    logger.debug(
        "Message sent to %s.\nMessageId: %s,\nRequestId: %s,\nHTTPSStatusCode: %s",
        service,
        reply["MessageId"],
        about["RequestId"],
        about["HTTPStatusCode"],
    )


def send_email(
    subject: str, message: str, sender: str, recipients: Sequence[str | None], image_png: str | None = None
) -> None:
    """Send a mail by ``[email] method``, unless nobody is to have it or the settings say not to.

    Args:
        subject: what it is about; ``[email] prefix`` goes before it.
        recipients: addresses; each may be several with commas between them.
        image_png: path of an image to send along.
    """
    addresses = [each.strip() for some in recipients if some for each in some.split(",") if each.strip()]
    if not addresses:
        return
    reason = _email_disabled_reason()
    if reason:
        logger.info("Not sending email to %r because %s", recipients, reason)
        return
    logger.info("Sending email to %r", addresses)
    # Looked up now, since programs replace these functions.
    methods = {
        "ses": send_email_ses,
        "sendgrid": send_email_sendgrid,
        "smtp": send_email_smtp,
        "sns": send_email_sns,
    }
    methods[email().method](sender, _prefix(subject), message, addresses, image_png)


def send_error_email(subject: str, message: str, additional_recipients: Any = None) -> None:
    """Tell those named in ``[email] receiver``, and others, that something failed.

    Args:
        additional_recipients: an address, or several.
    """
    send_email(
        subject=subject, message=message, sender=email().sender, recipients=_email_recipients(additional_recipients)
    )


def _email_recipients(additional_recipients: Any = None) -> list[str]:
    receiver = email().receiver
    found = [receiver] if receiver else []
    if additional_recipients:
        found += [additional_recipients] if isinstance(additional_recipients, str) else list(additional_recipients)
    return found


def _email_disabled_reason() -> str | None:
    """Why no mail is sent; None if it is."""
    settings = email()
    if settings.format == "none":
        return "email format is 'none'"
    if not settings.force_send and sys.stdout.isatty():
        return "running from a tty"
    return None


def _prefix(subject: str) -> str:
    prefix = email().prefix
    return f"{prefix} {subject}" if prefix else subject
