"""The words of a user's program: tasks, parameters, targets, events."""
