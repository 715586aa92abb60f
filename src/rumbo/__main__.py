"""``python -m rumbo`` is the program `rumbo`."""

import sys

from rumbo.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
