"""The latest of what somebody else makes once a day."""

from __future__ import annotations

import datetime
import logging
from typing import Any, ClassVar, Self

import luigi

__all__ = ["ExternalDailySnapshot", "logger"]

logger = logging.getLogger("luigi-interface")


class ExternalDailySnapshot(luigi.ExternalTask):
    """A task for each day. `latest()` is the last one that is complete."""

    date: Any = luigi.DateParameter()

    _answers: ClassVar[list[tuple[Any, Any]]] = []

    @classmethod
    def latest(cls, *args: Any, **kwargs: Any) -> Self:
        """The last complete task, looked for once in a program so that `requires()` always says the same.

        Args:
            args: values of further parameters.
            kwargs: the same; and ``date``, from which to look back (today), and ``lookback``, for how many days (14).

        Returns:
            the task; of the earliest day when none is complete.
        """
        date = kwargs.pop("date", datetime.date.today())
        lookback = kwargs.pop("lookback", 14)
        if lookback <= 0:
            raise ValueError(f"{cls.__name__}.latest(lookback={lookback!r}): look back one day at least.")
        key = (cls, args, kwargs, lookback, date)
        for known, answer in ExternalDailySnapshot._answers:
            if known == key:
                found: Self = answer
                return found
        task: Self = cls._look_back(date, lookback, args, kwargs)
        ExternalDailySnapshot._answers.append((key, task))
        return task

    @classmethod
    def _look_back(cls, date: datetime.date, lookback: int, args: Any, kwargs: Any) -> Any:
        task = None
        for days in range(lookback):
            task = cls(*args, date=date - datetime.timedelta(days), **kwargs)
            if task.complete():
                return task
        logger.debug("No %s is complete in the %d days before %s.", cls.__name__, lookback, date)
        return task
