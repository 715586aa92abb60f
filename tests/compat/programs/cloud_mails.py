"""Mail by services in the cloud, whose libraries are stood in for by ones that print what they are asked to do."""

from __future__ import annotations

import re
import sys
import types

from mails import Fails

import luigi

SHOWN = ("Source", "Destinations", "Subject", "from_email", "to_emails", "subject", "key", "topic", "service")
REPLY = {"MessageId": "1", "ResponseMetadata": {"RequestId": "2", "HTTPStatusCode": 200}}


def show(**what):
    told = {name: re.sub(r"Host: .*", "Host", str(value)) for name, value in what.items() if name in SHOWN}
    print(sorted(what), sorted(told.items()))


class Service:
    def __init__(self, service):
        self.service = service

    def send_raw_email(self, **what):
        show(service=self.service, **what)
        return REPLY

    def Topic(self, topic):
        show(service=self.service, topic=topic)
        return self

    def publish(self, **what):
        show(length=len(what["Subject"]), **what)
        return REPLY


class Mail:
    def __init__(self, **what):
        show(**what)

    def add_content(self, content, kind):
        print(kind, content.splitlines()[0])


class Client:
    def __init__(self, key):
        show(key=key)

    def send(self, mail):
        print("sent", isinstance(mail, Mail))


boto3 = types.ModuleType("boto3")
boto3.client = boto3.resource = Service
sendgrid = types.ModuleType("sendgrid")
sendgrid.Mail, sendgrid.SendGridAPIClient = Mail, Client
sys.modules |= {"boto3": boto3, "sendgrid": sendgrid}

luigi.build([Fails(name="a name that is long enough " * 4)], local_scheduler=True, log_level="CRITICAL")
