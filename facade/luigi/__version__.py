"""The version of Luigi whose programs run here. Programs compare it as text."""

VERSION = "3.8.1"
