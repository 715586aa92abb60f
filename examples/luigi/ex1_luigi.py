"""First steps with Luigi: one task, two parameters, a sum on the screen.

    luigi --module ex1_luigi MyTask --x 123 --y 456 --local-scheduler

Luigi looks for the module where Python does: in this folder after `export PYTHONPATH=.`
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
