"""What Luigi's modules for Google's services have in common."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from luigi.target import logger
from rumbo.errors import MissingExtraError

__all__ = ["get_authenticate_kwargs", "logger"]


def get_authenticate_kwargs(oauth_credentials: Any = None, http_: Any = None) -> dict[str, Any]:
    """What ``googleapiclient.discovery.build`` takes to know who asks.

    Args:
        oauth_credentials: credentials of the library google-auth.
        http_: a connection, if there are no credentials. Without either, credentials are looked for in the usual
            places; where there are none, one asks as nobody in particular.
    """
    if oauth_credentials:
        return {"credentials": oauth_credentials}
    if http_:
        return {"http": http_}
    try:
        auth = import_module("google.auth")
        try:
            return {"credentials": auth.default()[0]}
        except auth.exceptions.DefaultCredentialsError:
            return {"http": import_module("httplib2").Http()}
    except ImportError:
        raise MissingExtraError("Asking Google (google-auth, httplib2)", "dataproc") from None
