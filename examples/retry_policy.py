"""A retry policy per task: which errors are worth another try, how often, and after how long.

    rumbo run -m retry_policy Download

The first two tries fail as a bad line would; the third succeeds. Only errors named in `retry_on` are tried again:
with `--reason nonsense` the task raises a ValueError instead, which no repetition mends, and fails at once.
"""

from __future__ import annotations

import os
from typing import Literal

import rumbo


class Download(rumbo.Task):
    """Something that succeeds at the third try."""

    retries = 3
    backoff = (0.1, 0.2, 0.4)
    retry_on = (ConnectionError, TimeoutError)
    timeout = 30.0

    reason: Literal["line", "nonsense"] = "line"

    def output(self) -> rumbo.LocalTarget:
        return rumbo.LocalTarget("out/download.txt")

    def run(self) -> None:
        tries = self.count_try()
        if self.reason == "nonsense":
            raise ValueError("the answer makes no sense")
        if tries < 3:
            raise ConnectionError(f"the line broke at try {tries}")
        with self.output().open("w") as out:
            out.write(f"done at try {tries}\n")

    def count_try(self) -> int:
        """Tries are counted in a file: each may happen in another process."""
        os.makedirs("out", exist_ok=True)
        with open(f"out/tries-{self.reason}.txt", "a+") as file:
            file.write("try\n")
            file.seek(0)
            return len(file.readlines())
