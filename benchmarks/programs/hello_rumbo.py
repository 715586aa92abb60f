"""One task that does nothing, as a script and as a module for the command line."""

import rumbo


class Hello(rumbo.Task):
    def run(self) -> None:
        pass


if __name__ == "__main__":
    raise SystemExit(not rumbo.build([Hello()], history=False))
