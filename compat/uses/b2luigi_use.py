"""Tasks of b2luigi: outputs in folders made from parameters, and a worker and attempts of its own."""

from __future__ import annotations

import os
import sys
from unittest.mock import MagicMock

# Clients of storage systems, which are imported at once and not used here.
for name in ("XRootD", "XRootD.client", "XRootD.client.flags", "webdav3", "webdav3.client", "webdav3.exceptions"):
    sys.modules[name] = MagicMock()

import b2luigi  # noqa: E402 - see above

b2luigi.set_setting("result_dir", "results")


class Numbers(b2luigi.Task):
    first = b2luigi.IntParameter()
    hidden = b2luigi.IntParameter(default=1, significant=False)

    def output(self):
        yield self.add_to_output("numbers.txt")

    def run(self):
        with open(self.get_output_file_name("numbers.txt"), "w") as out:
            out.write(f"{self.first}\n{self.first + self.hidden}\n")


class Failing(b2luigi.Task):
    def output(self):
        yield self.add_to_output("never.txt")

    def run(self):
        raise ValueError("on purpose")


class All(b2luigi.WrapperTask):
    def requires(self):
        for first in range(3):
            yield self.clone(Numbers, first=first)


if __name__ == "__main__":
    try:
        b2luigi.process([All(), Failing()], workers=2, ignore_additional_command_line_args=True)
    except SystemExit as end:
        print("ended with", end.code)
    for folder in ("results", "logs"):
        print(sorted(os.path.join(at, name) for at, _, names in os.walk(folder) for name in names))
    print(Numbers(first=1).task_id, All().complete(), Failing().complete())
