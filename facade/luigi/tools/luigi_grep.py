"""The program ``luigi-grep``: tasks of a central scheduler, by the beginning of their id or by their status."""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.request import urlopen

if TYPE_CHECKING:
    from collections.abc import Iterator


class LuigiGrep:
    """Asks the scheduler at an address."""

    def __init__(self, host: str, port: str | int) -> None:
        self._host = host
        self._port = port

    @property
    def graph_url(self) -> str:
        """Where the scheduler tells of all its tasks."""
        return f"http://{self._host}:{self._port}/api/graph"

    def _fetch_json(self) -> Any:
        print(f"Fetching from url: {self.graph_url}")
        with urlopen(self.graph_url) as answer:
            return json.loads(answer.read().decode())

    def _build_results(self, jobs: dict[str, Any], job: str) -> dict[str, Any]:
        by_status = defaultdict(list)
        for needed in jobs[job]["deps"]:
            by_status[jobs[needed]["status"] if needed in jobs else "UNKNOWN"].append(needed)
        return {"name": job, "status": jobs[job]["status"], "deps_by_status": by_status}

    def prefix_search(self, job_name_prefix: str) -> Iterator[dict[str, Any]]:
        """The tasks whose id begins so."""
        jobs = self._fetch_json()["response"]
        return (self._build_results(jobs, job) for job in jobs if job.startswith(job_name_prefix))

    def status_search(self, status: str) -> Iterator[dict[str, Any]]:
        """The tasks with this status."""
        jobs = self._fetch_json()["response"]
        return (self._build_results(jobs, job) for job in jobs if jobs[job]["status"].lower() == status.lower())


def main() -> None:
    """Print what is found for the words of the command line."""
    parser = argparse.ArgumentParser(description="Searches the tasks of a central scheduler.")
    parser.add_argument("--scheduler-host", default="localhost", help="machine of the scheduler")
    parser.add_argument("--scheduler-port", default="8082", help="port of the scheduler")
    parser.add_argument("--prefix", help="beginning of the tasks' ids")
    parser.add_argument("--status", help="status of the tasks")
    wanted = parser.parse_args()
    grep = LuigiGrep(wanted.scheduler_host, wanted.scheduler_port)
    try:
        if wanted.prefix:
            results = grep.prefix_search(wanted.prefix)
        elif wanted.status:
            results = grep.status_search(wanted.status)
        else:
            return
    except URLError as error:
        sys.exit(
            f"No scheduler answers at {grep.graph_url} ({error.reason}). "
            "Name the right one with --scheduler-host and --scheduler-port."
        )
    for job in results:
        print(f"{job['name']}: {job['status']}, Dependencies:")
        for status, needed in job["deps_by_status"].items():
            print(f"  status={status}")
            for each in needed:
                print(f"    {each}")


if __name__ == "__main__":
    main()
