"""``python -m luigi``: the same as the program ``luigi``."""

import sys

from luigi.cmdline import luigi_run

if __name__ == "__main__":
    luigi_run(sys.argv[1:])
