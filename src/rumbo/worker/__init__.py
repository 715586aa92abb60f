"""The shell that holds the user's code: it plans, asks for work, runs it and reports."""
