"""Several outputs, published together or not at all, and a folder that counts only when it is whole.

    rumbo run -m several_outputs Report

Split makes two files that are worth nothing without each other: `publish` gives both their names at the end, or
neither. Pages fills a folder with any number of files; its flag file, written last, says that it is whole.
"""

from __future__ import annotations

import os

import rumbo

NUMBERS = [3, 14, 15, 92, 65, 35, 89, 79, 32, 38, 46, 26]


class Split(rumbo.Task):
    """The even and the odd numbers, in a file each."""

    def output(self) -> dict[str, rumbo.LocalTarget]:
        return {"even": rumbo.LocalTarget("out/even.txt"), "odd": rumbo.LocalTarget("out/odd.txt")}

    def run(self) -> None:
        outputs = self.output()
        with rumbo.publish(outputs["even"], outputs["odd"]) as (even, odd):
            for number in NUMBERS:
                (odd if number % 2 else even).write(f"{number}\n")


class Pages(rumbo.Task):
    """A page for each number, in a folder."""

    def requires(self) -> Split:
        return Split()

    def output(self) -> rumbo.LocalDirectoryTarget:
        return rumbo.LocalDirectoryTarget("out/pages")

    def run(self) -> None:
        with self.output().temporary_path() as folder:
            for kind, numbers in self.input().items():
                with numbers.open() as lines:
                    for line in lines:
                        with open(os.path.join(folder, f"{line.strip()}.txt"), "w") as page:
                            page.write(f"{line.strip()} is {kind}\n")


class Report(rumbo.Task):
    """All pages on one sheet."""

    def requires(self) -> Pages:
        return Pages()

    def output(self) -> rumbo.LocalTarget:
        return rumbo.LocalTarget("out/pages.txt")

    def run(self) -> None:
        with self.output().open("w") as out:
            for path in self.input().files():
                with open(path) as page:
                    out.write(page.read())
