"""Queries in Salesforce by its bulk interface. (The service could not be tried; a stand-in answers in the tests.)"""

from __future__ import annotations

import csv
import logging
import re
import time
from abc import abstractmethod
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import luigi
from rumbo.errors import TaskError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["QuerySalesforce", "SalesforceAPI", "ensure_utf", "get_soql_fields", "logger", "parse_results", "salesforce"]

logger = logging.getLogger("luigi-interface")

_RELATIONSHIP = "foreign key relationships not supported"
"""Why the bulk interface refuses a query that the plain one answers."""

_CONTENT_TYPES = {"csv": "text/csv", "xml": "application/xml", "zip_csv": "zip/csv", "zip_xml": "zip/xml"}


def get_soql_fields(soql: str) -> list[str]:
    """The columns that a query names."""
    found = re.search(r"(?<=select)(.*)(?=from)", soql, re.IGNORECASE | re.DOTALL)
    return [field for field in re.split(r"[,\n\r]", re.sub(r"[ \t]", "", found[1])) if field] if found else []


def ensure_utf(value: Any) -> Any:
    """A text as bytes; anything else as it is."""
    return value.encode("utf-8") if isinstance(value, str) else value


def parse_results(fields: Sequence[str], data: dict[str, Any]) -> list[list[Any]]:
    """A row for each record, with a value for each column; a column within another object has a dot in its name."""
    return [[ensure_utf(_flat(record).get(field)) for field in fields] for record in data["records"]]


def _flat(value: dict[str, Any], path: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, inner in value.items():
        whole = f"{path}.{name}" if path else name
        if isinstance(inner, dict) and name != "attributes":
            flat.update(_flat(inner, whole))
        elif not isinstance(inner, (dict, list, tuple)):
            flat[whole] = inner
    return flat


class salesforce(luigi.Config):
    """The section ``[salesforce]``."""

    username = luigi.Parameter(default="")
    password = luigi.Parameter(default="", visibility=luigi.parameter.ParameterVisibility.PRIVATE)
    security_token = luigi.Parameter(default="", visibility=luigi.parameter.ParameterVisibility.PRIVATE)
    sb_security_token = luigi.Parameter(default="", visibility=luigi.parameter.ParameterVisibility.PRIVATE)


class QuerySalesforce(luigi.Task):
    """A task that writes the result of a query to its output."""

    use_sandbox: Any = False
    sandbox_name: Any = None
    is_soql_file: Any = False
    """`soql` is the path of a file."""
    content_type: Any = "CSV"

    @property
    @abstractmethod
    def object_name(self) -> Any:
        """What is queried."""

    @property
    @abstractmethod
    def soql(self) -> Any:
        """The query."""

    def run(self) -> Any:
        if self.use_sandbox and not self.sandbox_name:
            raise TaskError(f"{self} uses a sandbox but does not say which. Give it a sandbox_name.")
        login = salesforce()
        api = SalesforceAPI(
            login.username, login.password, login.security_token, login.sb_security_token, self.sandbox_name
        )
        query = self._query()
        job = api.create_operation_job("query", self.object_name, content_type=self.content_type)
        try:
            batch = api.create_batch(job, query, self.content_type)
            status = api.block_on_batch(job, batch)
            if status["state"].lower() != "failed":
                self._write([api.get_batch_result(job, batch, id) for id in api.get_batch_result_ids(job, batch)])
                return
        finally:
            api.close_job(job)
        if _RELATIONSHIP not in status["state_message"].lower():
            raise TaskError(f"Batch failed with message: {status['state_message']}")
        logger.info("Asking again by the plain interface.")
        fields = get_soql_fields(query)
        with self.output().open("w") as out:
            writer = csv.writer(out, dialect="excel")
            writer.writerow(fields)
            for row in parse_results(fields, api.query_all(query)):
                writer.writerow([value.decode() if isinstance(value, bytes) else value for value in row])

    def _query(self) -> str:
        if not self.is_soql_file:
            return str(self.soql)
        with open(self.soql) as file:
            return file.read()

    def _write(self, parts: Sequence[bytes]) -> None:
        """Write the parts of a result as one; each part of CSV begins with the names of the columns."""
        if len(parts) > 1 and self.content_type.lower() != "csv":
            raise TaskError(f"{self}: a result in several parts can be joined as CSV only, not as {self.content_type}.")
        with self.output().temporary_path() as path, open(path, "wb") as out:
            for number, part in enumerate(parts):
                out.write(part if number == 0 else part.partition(b"\n")[2])


class SalesforceAPI:
    """The service, as far as queries need it.

    Args:
        username: who we are to it.
        password: proves that.
        security_token: belongs to the password.
        sb_token: the same for a sandbox.
        sandbox_name: the sandbox.
    """

    API_VERSION = 34.0
    SOAP_NS = "{urn:partner.soap.sforce.com}"
    API_NS = "{http://www.force.com/2009/06/asyncapi/dataload}"

    def __init__(
        self,
        username: str,
        password: str,
        security_token: str,
        sb_token: str | None = None,
        sandbox_name: str | None = None,
    ) -> None:
        self.username = f"{username}.{sandbox_name}" if sandbox_name else username
        self.password = password
        self.security_token = security_token
        self.sb_security_token = sb_token
        self.sandbox_name = sandbox_name
        self.session_id: str | None = None
        self.server_url: str | None = None
        self.hostname: str | None = None

    # Asking

    def _ask(self, method: str, url: str, headers: dict[str, str], body: Any = None) -> bytes:
        import urllib3

        answer = urllib3.request(method, url, headers=headers, body=body, timeout=60.0, retries=3)
        if answer.status >= 300:
            said = answer.data.decode(errors="replace")[:1000]
            raise TaskError(f"Salesforce answers {method} {urlsplit(url).path} with status {answer.status}: {said}")
        return answer.data

    def _bulk(self, method: str, path: str, body: Any = None, content_type: str = "application/xml") -> bytes:
        if not self.has_active_session():
            self.start_session()
        headers = {"X-SFDC-Session": str(self.session_id), "Content-Type": f"{content_type}; charset=UTF-8"}
        url = f"{self._get_base_url()}/services/async/{self.API_VERSION}/job{path}"
        return self._ask(method, url, headers, body.encode() if isinstance(body, str) else body)

    def _plain(self, path: str) -> dict[str, Any]:
        import json

        if not self.has_active_session():
            self.start_session()
        headers = {"Authorization": f"Bearer {self.session_id}", "Accept": "application/json"}
        found: dict[str, Any] = json.loads(self._ask("GET", f"{self._get_base_url()}{path}", headers))
        return found

    def _get_base_url(self) -> str:
        server = urlsplit(str(self.server_url))
        return f"{server.scheme}://{server.netloc}"

    def _get_login_url(self) -> str:
        host = "test" if self.sandbox_name else "login"
        return f"https://{host}.salesforce.com/services/Soap/u/{self.API_VERSION}"

    def _tag(self, answer: bytes, name: str, namespace: str | None = None) -> str | None:
        found = ElementTree.fromstring(answer).find(f".//{namespace or self.API_NS}{name}")
        return None if found is None else found.text

    # The session

    def start_session(self) -> None:
        """Log in."""
        token = self.sb_security_token if self.sandbox_name else self.security_token
        envelope = (
            '<?xml version="1.0" encoding="utf-8"?>'
            '<env:Envelope xmlns:env="http://schemas.xmlsoap.org/soap/envelope/"><env:Body>'
            '<n1:login xmlns:n1="urn:partner.soap.sforce.com">'
            f"<n1:username>{escape(self.username)}</n1:username>"
            f"<n1:password>{escape(self.password)}{escape(token or '')}</n1:password>"
            "</n1:login></env:Body></env:Envelope>"
        )
        headers = {"Content-Type": "text/xml; charset=UTF-8", "SOAPAction": "login"}
        answer = self._ask("POST", self._get_login_url(), headers, envelope.encode())
        self.session_id = self._tag(answer, "sessionId", self.SOAP_NS)
        self.server_url = self._tag(answer, "serverUrl", self.SOAP_NS)
        if not self.has_active_session():
            raise TaskError("Salesforce took the login but gave no session.")
        self.hostname = urlsplit(str(self.server_url)).hostname

    def has_active_session(self) -> bool:
        """Whether we are logged in."""
        return bool(self.session_id and self.server_url)

    # Plain queries

    def query(self, query: str, **kwargs: Any) -> dict[str, Any]:
        """The first part of a query's result."""
        return self.restful("query/", {"q": query})

    def query_more(
        self, next_records_identifier: str, identifier_is_url: bool = False, **kwargs: Any
    ) -> dict[str, Any]:
        """The next part."""
        if identifier_is_url:
            return self._plain(next_records_identifier)
        return self.restful(f"query/{next_records_identifier}", {})

    def query_all(self, query: str, **kwargs: Any) -> dict[str, Any]:
        """The whole result."""
        part = self.query(query)
        records = part["records"]
        while not part["done"]:
            part = self.query_more(part["nextRecordsUrl"], identifier_is_url=True)
            records = records + part["records"]
        return {**part, "records": records, "totalSize": len(records)}

    def restful(self, path: str, params: dict[str, str]) -> dict[str, Any]:
        """What the plain interface says at a path."""
        words = "&".join(f"{name}={quote_plus(value)}" for name, value in params.items())
        return self._plain(f"/services/data/v{self.API_VERSION}/{path}" + (f"?{words}" if words else ""))

    # Bulk jobs

    def create_operation_job(
        self, operation: str, obj: str, external_id_field_name: str | None = None, content_type: str | None = None
    ) -> str:
        """Begin a job; gives its id."""
        key = (
            f"<externalIdFieldName>{escape(external_id_field_name)}</externalIdFieldName>"
            if external_id_field_name
            else ""
        )
        body = (
            '<?xml version="1.0" encoding="UTF-8"?><jobInfo xmlns="http://www.force.com/2009/06/asyncapi/dataload">'
            f"<operation>{escape(operation)}</operation><object>{escape(obj)}</object>{key}"
            f"<contentType>{escape(content_type or 'CSV')}</contentType></jobInfo>"
        )
        return str(self._tag(self._bulk("POST", "", body), "id"))

    def get_job_details(self, job_id: str) -> bytes:
        """What the service says of a job."""
        return self._bulk("GET", f"/{job_id}")

    def _set_state(self, job_id: str, state: str) -> bytes:
        body = (
            '<?xml version="1.0" encoding="UTF-8"?><jobInfo xmlns="http://www.force.com/2009/06/asyncapi/dataload">'
            f"<state>{state}</state></jobInfo>"
        )
        return self._bulk("POST", f"/{job_id}", body)

    def abort_job(self, job_id: str) -> bytes:
        """End a job."""
        return self._set_state(job_id, "Aborted")

    def close_job(self, job_id: str) -> bytes:
        """Say that no more batches come."""
        return self._set_state(job_id, "Closed")

    def create_batch(self, job_id: str, data: Any, file_type: str) -> str:
        """Add a batch to a job; gives its id."""
        kind = {"csv": "text/csv", "xml": "application/xml", "zip_csv": "zip/csv", "zip_xml": "zip/xml"}[
            file_type.lower()
        ]
        return str(self._tag(self._bulk("POST", f"/{job_id}/batch", data, kind), "id"))

    def block_on_batch(
        self, job_id: str, batch_id: str, sleep_time_seconds: float = 5, max_wait_time_seconds: float = -1
    ) -> dict[str, Any]:
        """Wait for a batch: its state and what is said about it. -1 seconds is for ever."""
        began = time.monotonic()
        while True:
            answer = self._bulk("GET", f"/{job_id}/batch/{batch_id}")
            status = {
                "state": self._tag(answer, "state") or "",
                "state_message": self._tag(answer, "stateMessage") or "",
            }
            if status["state"].lower() in ("completed", "failed", "not processed"):
                return status
            if 0 <= max_wait_time_seconds < time.monotonic() - began:
                raise TaskError(f"The batch {batch_id} is still {status['state']} after {max_wait_time_seconds:g} s.")
            time.sleep(sleep_time_seconds)

    def get_batch_results(self, job_id: str, batch_id: str) -> str:
        """The first result of a batch."""
        return self.get_batch_result_ids(job_id, batch_id)[0]

    def get_batch_result_ids(self, job_id: str, batch_id: str) -> list[str]:
        """The results of a batch."""
        answer = self._bulk("GET", f"/{job_id}/batch/{batch_id}/result")
        return [str(one.text) for one in ElementTree.fromstring(answer).iter(f"{self.API_NS}result")]

    def get_batch_result(self, job_id: str, batch_id: str, result_id: str) -> bytes:
        """A result's content."""
        return self._bulk("GET", f"/{job_id}/batch/{batch_id}/result/{result_id}")
