"""What people decided by hand, for the core."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Optional, Union

from cdm._errors import InvalidError

Key = Union[str, int, "tuple[str, Union[str, int]]", Mapping[str, Any]]
"""A record: `(source, id)`, or its id alone where there is one source."""

Decisions = Mapping[str, Iterable["tuple[Key, Key]"]]
"""Pairs of records by ``"must_link"`` and ``"cannot_link"``."""


Label = tuple[Key, Key, bool]
"""A pair that somebody looked at, and whether the two are one customer."""


def key(record: Key, sources: list[str]) -> tuple[str, str]:
    """The source and the id of one record."""
    named = _key("record", record, sources)
    return str(named["source"]), str(named["id"])


def labels(pairs: Iterable[Any], sources: list[str]) -> str:
    """Labelled pairs, `(left, right, is_match)`, as decisions in JSON."""
    document: dict[str, Any] = {"version": 1, "must_link": [], "cannot_link": []}
    for place, label in enumerate(pairs):
        if not isinstance(label, (tuple, list)) or len(label) != 3:
            raise InvalidError(f"labels[{place}]: wanted (left, right, whether they are one)", "INVALID_DOCUMENT")
        left, right, is_match = label
        name = "must_link" if is_match else "cannot_link"
        document[name].append([_key(f"labels[{place}]", key, sources) for key in (left, right)])
    return json.dumps(document)


def to_json(decisions: Optional[Union[Decisions, str]], sources: list[str]) -> Optional[str]:
    """The decisions as JSON; a text is such a document already."""
    if decisions is None or isinstance(decisions, str):
        return decisions
    if not isinstance(decisions, Mapping):
        raise TypeError("decisions is a dict of must_link and cannot_link, each a list of pairs")
    document: dict[str, Any] = {"version": 1}
    for name, pairs in decisions.items():
        if name == "version":
            document[name] = pairs
            continue
        document[name] = [_pair(name, place, pair, sources) for place, pair in enumerate(pairs)]
    return json.dumps(document)


def _pair(name: str, place: int, pair: Any, sources: list[str]) -> list[Any]:
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise InvalidError(
            f"decisions at {name}[{place}]: wanted a pair of records, each (source, id)", "INVALID_DOCUMENT"
        )
    return [_key(f"{name}[{place}]", key, sources) for key in pair]


def _key(path: str, key: Any, sources: list[str]) -> Any:
    if isinstance(key, Mapping):
        return dict(key)
    if isinstance(key, (tuple, list)) and len(key) == 2:
        return {"source": str(key[0]), "id": str(key[1])}
    if isinstance(key, (tuple, list)):
        raise InvalidError(f"decisions at {path}: wanted (source, id)", "INVALID_DOCUMENT")
    if len(sources) != 1:
        raise InvalidError(
            f"decisions at {path}: an id alone could be of any source: wanted (source, id)", "INVALID_DOCUMENT"
        )
    return {"source": sources[0], "id": str(key)}
