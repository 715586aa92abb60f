"""The kinds of parameters, by what their values are.

Each module is imported by itself, so that a program pays for the kinds it uses: ``scalars`` (text, numbers, truth
values, paths, task classes), ``dates`` (days, months, moments, intervals, lengths of time), ``choices`` (members of
closed sets), ``collections`` (mappings, lists, tuples, sets), ``records`` (frozen dataclasses and NamedTuples).
"""
