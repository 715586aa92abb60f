"""An output in a local file: a task is done when its output exists, and then it is not run again.

    rumbo run -m local_output Squares --upto 12

The file appears as a whole when it is closed, or not at all: an error on the way leaves nothing behind. Run the
command twice and nothing happens the second time. Delete the file and it is made again.
"""

from __future__ import annotations

import rumbo


class Squares(rumbo.Task):
    """The squares of the first whole numbers, a line each."""

    upto: int = 10

    def output(self) -> rumbo.LocalTarget:
        return rumbo.LocalTarget(f"out/squares-{self.upto}.txt")

    def run(self) -> None:
        with self.output().open("w") as out:
            for number in range(1, self.upto + 1):
                out.write(f"{number} {number * number}\n")
