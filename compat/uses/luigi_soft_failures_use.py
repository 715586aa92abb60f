"""Tasks that fail softly: what depends on them goes on, or fails softly too."""

from __future__ import annotations

from luigi_soft_failures import softly_failing

import luigi


class Filed(luigi.Task):
    def output(self):
        return luigi.LocalTarget(f"{self.task_family}.txt")

    def run(self):
        with self.output().open("w") as out:
            out.write("made")


@softly_failing()
class Soft(Filed):
    def run(self):
        self.fail_softly("there was nothing to read")


@softly_failing(propagate=True)
class Follows(Filed):
    def requires(self):
        return Soft()


class Goes(Filed):
    def requires(self):
        return [Soft()]


print(luigi.build([Follows(), Goes()], local_scheduler=True, log_level="CRITICAL"))
for task in (Soft(), Follows()):
    print(task, task.complete(), task.failed_softly(), task.output().exists(), task.output(failed=True).open().read())
print(Goes().output().open().read(), type(Soft()).__name__, luigi.task_register.Register.get_task_cls("Soft").__name__)
