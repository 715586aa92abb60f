"""One scheduler for many workers: the machine, a journal, a clock, and those who wait for work."""
