"""One task that does nothing, as a script and as a module for the command line."""

import luigi


class Hello(luigi.Task):
    def run(self):
        pass


if __name__ == "__main__":
    raise SystemExit(not luigi.build([Hello()], local_scheduler=True))
