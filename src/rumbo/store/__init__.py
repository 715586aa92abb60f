"""The memory of runs: a SQLite database and files of logs in the folder `.rumbo` beside the pipeline.

`history` writes, `reader` asks, `logs` keeps what attempts print, `prune` forgets. `ledger` turns the facts of a run
into rows, `statements` and `queries` hold all SQL, `connect` opens (and, through `versions`, brings up to date) the
database whose shape `schema.sql` gives.
"""
