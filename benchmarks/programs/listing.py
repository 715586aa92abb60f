"""The list of tasks over HTTP, with so many in the history: `listing.py SIZE`.

Answers with the slowest of several questions, each asked ten times over a kept connection; of each the median counts.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import os
import statistics
import sys
import time
from urllib.parse import urlsplit

from language import answer
from serving import serving

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from history_queries import fill, task

QUESTIONS = (
    "limit=100",
    "limit=100&family={family}",
    "limit=100&state=failed",
    "limit=100&search={text}",
    "limit=100&search=no+such+text",
    "limit=100&param=date%3D{date}",
)


def main() -> None:
    size = int(sys.argv[1])
    with contextlib.redirect_stdout(io.StringIO()):
        fill(".rumbo", size, size)
    middle = task(size // 2)
    words = {"family": middle.family, "text": f"_{size // 2}_", "date": middle.params["date"]}
    slowest = 0.0
    with serving("rumbo") as (_, url):
        connection = http.client.HTTPConnection(urlsplit(url).netloc)
        for question in QUESTIONS:
            took = []
            for _ in range(11):
                start = time.perf_counter()
                connection.request("GET", f"/api/v1/tasks?{question.format(**words)}")
                reply = connection.getresponse()
                reply.read()
                took.append(time.perf_counter() - start)
                if reply.status != 200:
                    sys.exit(f"{question}: HTTP {reply.status}")
            slowest = max(slowest, statistics.median(took[1:]))
    answer(slowest, 1)


if __name__ == "__main__":
    main()
