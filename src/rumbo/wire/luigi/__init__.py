"""Luigi's dialect: the methods by which Luigi's workers and pages speak with a scheduler, over Rumbo's machine."""

from rumbo.wire.luigi.dialect import CHANGES, METHODS, READS, Dialect
from rumbo.wire.luigi.speaker import Speaker
from rumbo.wire.luigi.words import DialectOptions

__all__ = ["CHANGES", "METHODS", "READS", "Dialect", "DialectOptions", "Speaker"]
