"""First steps with Luigi: one task, two parameters, a sum on the screen.

    python -m luigi --module ex1_luigi MyTask --x 123 --y 456 --local-scheduler

Plain `luigi` looks for the module where Python's programs do: in this folder only after `export PYTHONPATH=.`
"""

import luigi


class MyTask(luigi.Task):
    """Prints the sum of x and y."""

    x = luigi.IntParameter()
    y = luigi.IntParameter(default=45)

    def run(self):
        print(self.x + self.y)


if __name__ == "__main__":
    luigi.run()
