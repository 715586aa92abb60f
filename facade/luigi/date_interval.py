"""Date intervals: a day, a week, a month, a year, or any two dates."""

from rumbo.pipeline.intervals import Custom, Date, DateInterval, Month, Week, Year

__all__ = ["Custom", "Date", "DateInterval", "Month", "Week", "Year"]
