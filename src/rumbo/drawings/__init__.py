"""Pictures of plans and runs, for files and notebooks."""
