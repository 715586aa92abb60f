"""The servers that the tests here talk to, each started when first asked for."""

from integrations.data_services import mariadb, mongo, opensearch, postgres, redis_server, spark_master

__all__ = ["mariadb", "mongo", "opensearch", "postgres", "redis_server", "spark_master"]
