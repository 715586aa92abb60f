"""Second steps with Luigi: a task that needs another one, with their outputs in local files.

    python -m luigi --module ex2_luigi SumNumbers --upto 10 --local-scheduler

Run it twice: the second time both files are there, and nothing is done.
"""

import luigi


class WriteNumbers(luigi.Task):
    """Writes the whole numbers from 1, a line each."""

    upto = luigi.IntParameter(default=10)

    def output(self):
        return luigi.LocalTarget(f"numbers_up_to_{self.upto}.txt")

    def run(self):
        with self.output().open("w") as out:
            for number in range(1, self.upto + 1):
                out.write(f"{number}\n")


class SumNumbers(luigi.Task):
    """Reads the numbers that the other task wrote and writes their sum."""

    upto = luigi.IntParameter(default=10)

    def requires(self):
        return WriteNumbers(upto=self.upto)

    def output(self):
        return luigi.LocalTarget(f"sum_up_to_{self.upto}.txt")

    def run(self):
        with self.input().open() as numbers:
            total = sum(int(line) for line in numbers)
        with self.output().open("w") as out:
            out.write(f"{total}\n")


if __name__ == "__main__":
    luigi.run()
