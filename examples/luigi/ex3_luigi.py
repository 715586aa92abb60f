"""Third steps with Luigi: the same two tasks, with their outputs in Amazon S3.

    python -m luigi --module ex3_luigi SumNumbers --upto 10 --local-scheduler

It needs `pip install 'rumbo[s3]'` and a bucket, `lake` unless you say `--bucket` with another. boto3 finds your
credentials in its usual places; for a server that is not Amazon's, set AWS_ENDPOINT_URL.
"""

import luigi
from luigi.contrib.s3 import S3Target


class WriteNumbers(luigi.Task):
    """Writes the whole numbers from 1, a line each."""

    upto = luigi.IntParameter(default=10)
    bucket = luigi.Parameter(default="lake")

    def output(self):
        return S3Target(f"s3://{self.bucket}/numbers/up_to_{self.upto}.txt")

    def run(self):
        with self.output().open("w") as out:
            for number in range(1, self.upto + 1):
                out.write(f"{number}\n")


class SumNumbers(luigi.Task):
    """Reads the numbers that the other task wrote and writes their sum."""

    upto = luigi.IntParameter(default=10)
    bucket = luigi.Parameter(default="lake")

    def requires(self):
        return WriteNumbers(upto=self.upto, bucket=self.bucket)

    def output(self):
        return S3Target(f"s3://{self.bucket}/sums/up_to_{self.upto}.txt")

    def run(self):
        with self.input().open() as numbers:
            total = sum(int(line) for line in numbers)
        with self.output().open("w") as out:
            out.write(f"{total}\n")


if __name__ == "__main__":
    luigi.run()
