"""The public API under `/api/v1`: made with FastAPI, imported when it is first asked for."""
