"""The tables of a server's own memory, a step a file. Steps are only ever added; each is applied once, in order."""
