"""Outputs in Amazon S3, or wherever else an address points: the tasks stay what they are.

    rumbo run -m s3_output SumNumbers --upto 10

It needs `pip install 'rumbo[s3]'` and a bucket, `lake`. Any other place will do: with `--folder file:out` all
stays on this machine. Credentials are found in the usual places; for a server that is not Amazon's, set
AWS_ENDPOINT_URL.
"""

from __future__ import annotations

import rumbo


class WriteNumbers(rumbo.Task):
    """The whole numbers from 1, a line each."""

    upto: int = 10
    folder: str = "s3://lake"

    def output(self) -> rumbo.FileSystemTarget:
        return rumbo.Target(f"{self.folder}/numbers/up_to_{self.upto}.txt")

    def run(self) -> None:
        with self.output().open("w") as out:
            for number in range(1, self.upto + 1):
                out.write(f"{number}\n")


class SumNumbers(rumbo.Task):
    """The sum of the numbers that the other task wrote."""

    upto: int = 10
    folder: str = "s3://lake"

    def requires(self) -> WriteNumbers:
        return WriteNumbers(upto=self.upto, folder=self.folder)

    def output(self) -> rumbo.FileSystemTarget:
        return rumbo.Target(f"{self.folder}/sums/up_to_{self.upto}.txt")

    def run(self) -> None:
        with self.requires().output().open("r") as numbers:
            total = sum(int(line) for line in numbers)
        self.output().write_text(f"{total}\n")
