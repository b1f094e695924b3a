"""Data and what the caller says of its columns into records of the core."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Optional, Union

from cdm import _core, _frames
from cdm._errors import InvalidError
from cdm._progress import Callback

Column = Union[str, Mapping[str, str]]
"""The name of a column; where sources call it differently, a dict of their names to its."""

Fields = Union[Mapping[str, str], Iterable[str]]
"""The columns to go by, and the kinds of their values; or the columns alone."""


class Read(NamedTuple):
    """Records that were read, and what the caller may want to know of it."""

    records: _core.Records
    sources: list[str]
    index: Any
    notes: list[str]


def read(
    data: Any,
    *,
    id: Optional[Column] = None,
    source: Optional[Column] = None,
    time: Optional[Column] = None,
    fields: Optional[Fields] = None,
    plan: Optional[_core.Plan] = None,
    progress: Optional[Callback] = None,
    memory_limit: Optional[int] = None,
) -> Read:
    """Read `data` into records of the fields of `plan`, or of those that the columns suggest."""
    if plan is not None and fields is not None:
        raise InvalidError("the plan says which fields there are: give `plan` or `fields`, not both", "INVALID_DOCUMENT")
    ready = _frames.inputs(data)
    columns = {
        name: _by_source(name, column, ready.sources)
        for name, column in (("id", id), ("source", source), ("time", time))
    }
    said = {**columns, "fields": _pairs(fields)}
    records = _core.read_inputs(ready.inputs, json.dumps(said), plan, progress, memory_limit)
    return Read(records, ready.sources, ready.index, ready.notes)


def _by_source(what: str, column: Optional[Column], sources: list[str]) -> list[Optional[str]]:
    if column is None or isinstance(column, str):
        return [column] * len(sources)
    if not isinstance(column, Mapping):
        raise TypeError(f"{what} is the name of a column, or a dict of such names by source")
    for source, name in column.items():
        if source not in sources:
            raise InvalidError(f"{what}: {unknown('source', source, sources)}", "UNKNOWN_CHOICE")
        if not isinstance(name, str):
            raise TypeError(f"{what}[{source!r}] is the name of a column")
    return [column.get(source) for source in sources]


def _pairs(fields: Optional[Fields]) -> Optional[list[tuple[str, Optional[str]]]]:
    if fields is None:
        return None
    if isinstance(fields, str):
        raise TypeError("fields is a dict of columns to kinds, or a list of columns")
    pairs: list[tuple[str, Optional[str]]]
    if isinstance(fields, Mapping):
        pairs = list(fields.items())
    else:
        pairs = [(column, None) for column in fields]
    if not pairs:
        raise InvalidError("fields names no column: wanted at least one", "INVALID_DOCUMENT")
    for column, kind in pairs:
        if not isinstance(column, str) or not isinstance(kind, (str, type(None))):
            raise TypeError("fields is a dict of columns to kinds, or a list of columns")
    return pairs


def unknown(what: str, word: object, known: Iterable[str]) -> str:
    """That there is no such thing, and which is nearest."""
    import difflib

    known = list(known)
    near = difflib.get_close_matches(str(word), known, n=1)
    suggestion = f", did you mean {near[0]!r}?" if near else ""
    return f"there is no {what} {word!r}: wanted one of {', '.join(map(repr, known))}{suggestion}"
