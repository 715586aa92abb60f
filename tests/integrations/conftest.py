"""The servers that the tests here talk to, each started when first asked for."""

from integrations.data_services import (
    bigquery,
    docker_engine,
    mariadb,
    mongo,
    moto,
    opensearch,
    postgres,
    redis_server,
    spark_master,
)

__all__ = [
    "bigquery",
    "docker_engine",
    "mariadb",
    "mongo",
    "moto",
    "opensearch",
    "postgres",
    "redis_server",
    "spark_master",
]
