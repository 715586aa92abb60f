"""The servers that the tests here talk to, each started when first asked for."""

from integrations.data_services import mariadb, postgres

__all__ = ["mariadb", "postgres"]
