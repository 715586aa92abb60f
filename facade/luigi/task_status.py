"""The words in which a scheduler says how a task stands."""

PENDING = "PENDING"
FAILED = "FAILED"
DONE = "DONE"
RUNNING = "RUNNING"
BATCH_RUNNING = "BATCH_RUNNING"
SUSPENDED = "SUSPENDED"  # said by old clients only
UNKNOWN = "UNKNOWN"
DISABLED = "DISABLED"
