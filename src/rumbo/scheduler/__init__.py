"""The pure machine that decides which task may run now, and where.

It has no clock, no randomness, no input or output, no threads and no logging: `Machine.apply(command, now)` turns a
command into effects, and a thin shell around it carries them out. Start reading at `transitions`, then `machine`.
"""
