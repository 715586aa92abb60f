"""The text by which everybody knows a task: its id, computed from its family and its significant parameters.

The format is Luigi's, byte for byte: marker tables, history databases and clients of the scheduler hold such
ids for years. ``Family_v1_v2_v3_hash`` is made of the family, the beginnings of the first three values in the
order of the parameters' names, and the beginning of the MD5 sum of all parameters as compact JSON.
"""

from __future__ import annotations

try:
    # What json.encoder and hashlib use themselves, without what they load besides: every program comes through here.
    from _json import encode_basestring_ascii
    from _md5 import md5  # type: ignore[import-not-found]
except ImportError:  # pragma: no cover - a Python built without its own hashes, or another Python
    from functools import partial
    from hashlib import md5 as _openssl_md5
    from json.encoder import encode_basestring_ascii

    md5 = partial(_openssl_md5, usedforsecurity=False)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Mapping


def canonical_json(params: Mapping[str, str]) -> str:
    """The parameters as compact JSON, sorted by name, ASCII only."""
    encode = encode_basestring_ascii
    try:
        return "{" + ",".join([f"{encode(name)}:{encode(params[name])}" for name in sorted(params)]) + "}"
    except TypeError:
        return _encode_anything(params)  # a parameter's own serialize() returned something else than text


def _encode_anything(params: Mapping[str, str]) -> str:
    import json

    return json.dumps(params, separators=(",", ":"), sort_keys=True)


def identify(
    family: str, params: Mapping[str, str], *, included: int, width: int, hash_width: int, unsafe: re.Pattern[str]
) -> str:
    """The id of the task with this family and these serialized significant parameters.

    Args:
        family: the task's family, namespace and all.
        params: names and serialized values.
        included: how many values are readable in the id.
        width: how many characters of each of them.
        hash_width: how many hexadecimal digits of the sum.
        unsafe: what becomes an underscore in the readable values.
    """
    digits = md5(canonical_json(params).encode()).hexdigest()
    readable = "_".join([params[name][:width] for name in sorted(params)[:included]])
    return f"{family}_{unsafe.sub('_', readable)}_{digits[:hash_width]}"
