"""Parameters: given on the command line, checked, and part of what makes a task itself.

    rumbo run -m hello_parameters Hello --x 123 --y 456

The sum is printed. The task has no output that could tell that it was done, so it says itself when it is
complete. Try `--x twelve`, leave `--y` out, or misspell it, and read what you are told.
"""

from __future__ import annotations

import rumbo


class Hello(rumbo.Task):
    """Adds two numbers and prints the sum."""

    x: int
    y: int
    greeting: str = "Hello"

    def run(self) -> None:
        print(f"{self.greeting}: {self.x} + {self.y} = {self.x + self.y}")
        self.said = True

    def complete(self) -> bool:
        return getattr(self, "said", False)
