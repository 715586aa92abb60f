"""Tools for the tests of people who build on Rumbo: their pipelines, and their adapters."""
