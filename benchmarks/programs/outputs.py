"""Tasks whose outputs are small files: `outputs.py SIDE (first|nothing|missing) SIZE`, in the current folder."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from language import answer, cpu_seconds, load, must_build

side, how, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
language = load(side)
FOLDER = Path("outputs").absolute()


class File(language.Task):
    number = language.IntParameter()

    def output(self) -> Any:
        return language.LocalTarget(f"{FOLDER}/{self.number}.txt")

    def run(self) -> None:
        with self.output().open("w") as file:
            file.write("a line\n")


class Files(language.WrapperTask):
    def requires(self) -> Any:
        return [File(number=number) for number in range(size)]


FOLDER.mkdir()
must_build(language, File(number=-1))
if how != "first":
    for number in range(size):
        (FOLDER / f"{number}.txt").write_text("a line\n")
if how == "missing":
    (FOLDER / f"{size // 2}.txt").unlink()

start = cpu_seconds()
must_build(language, Files())
amount = cpu_seconds() - start

made = sum(1 for _ in FOLDER.iterdir())
if made != size + 1:
    sys.exit(f"{size + 1} files were to be there at the end, and {made} are")
answer(amount, size)
