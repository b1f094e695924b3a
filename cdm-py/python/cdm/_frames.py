"""Whatever holds records into the core's inputs: frames by way of Arrow, files, rows."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Optional, Protocol, Union

from cdm import _core, _pandas, _polars, _rows
from cdm._errors import InvalidError


class ArrowStream(Protocol):
    """What hands its rows over as an Arrow stream: frames of pandas, polars, pyarrow, DuckDB."""

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any: ...


Rows = Iterable[Mapping[str, Any]]
"""Records one by one, as dicts."""

Source = Union[ArrowStream, Rows, str, "os.PathLike[str]"]
"""The records of one source: a frame, rows, or the path of a CSV, JSON lines or Parquet file."""

Data = Union[Source, Sequence[Source], Mapping[str, Source]]
"""The records of one source, a list of several, or a dict of them by the sources' names."""

DEFAULT_SOURCE = "records"

_WANTED = (
    "wanted a data frame (pandas, polars, pyarrow, DuckDB, anything with __arrow_c_stream__), a list "
    "of dicts, the path of a CSV, JSON lines or Parquet file, a list of these, or a dict of them by "
    "the names of their sources"
)


class Inputs(NamedTuple):
    """Inputs ready to be read, once."""

    sources: list[str]
    inputs: list[_core.Input]
    index: Any
    """The index of a pandas frame, where that is all there is."""
    notes: list[str]
    """What had to be changed on the way."""


def inputs(data: Any) -> Inputs:
    """Take `data` apart into sources, and each into what the core reads."""
    ready = Inputs([], [], None, [])
    if isinstance(data, Mapping):
        if not data:
            raise InvalidError("the dict of sources is empty: " + _WANTED, "EMPTY_INPUT")
        for source, item in data.items():
            if not isinstance(source, str) or not source:
                raise TypeError("the keys of a dict of sources are their names, as text")
            if not _is_source(item):
                raise TypeError(f"source {source!r} is a {_name_of(item)}: {_WANTED}")
            _add(ready, source, item)
    elif _is_source(data):
        _add(ready, _name_for(data, []), data)
    elif isinstance(data, (list, tuple)) and all(_is_source(item) for item in data):
        for item in data:
            _add(ready, _name_for(item, ready.sources, len(data)), item)
    else:
        raise TypeError(f"got a {_name_of(data)}: {_WANTED}")
    index = None
    if len(ready.inputs) == 1:
        frame = next(iter(data.values())) if isinstance(data, Mapping) else data
        frame = frame[0] if isinstance(frame, (list, tuple)) and frame else frame
        if _pandas.is_frame(frame):
            index = frame.index
    return ready._replace(index=index)


def _name_of(item: Any) -> str:
    kind = f"{type(item).__module__}.{type(item).__qualname__}".replace("builtins.", "")
    if isinstance(item, (list, tuple)) and item:
        odd = next((i for i in item if not isinstance(i, Mapping)), item[0])
        return f"{kind} of {type(odd).__qualname__}"
    return kind


def _is_path(item: Any) -> bool:
    return isinstance(item, (str, os.PathLike))


def _is_source(item: Any) -> bool:
    if isinstance(item, Mapping):
        return False
    if _is_path(item) or _pandas.is_frame(item) or _as_stream(item) is not None:
        return True
    if isinstance(item, (list, tuple)):
        return not any(_pandas.is_frame(row) or hasattr(row, "__arrow_c_stream__") for row in item) and all(
            _rows.is_row(row) for row in item
        )
    return isinstance(item, Iterator)


def _as_stream(item: Any) -> Optional[Any]:
    """What of `item` has a stream: itself, or what its own method makes of it."""
    if hasattr(item, "__arrow_c_stream__"):
        return item
    kind = f"{type(item).__module__}.{type(item).__qualname__}"
    if kind.startswith("polars.") and hasattr(item, "collect"):
        return item.collect
    if kind.startswith("pyspark.") and hasattr(item, "toArrow"):
        return item.toArrow
    if "duckdb" in kind.lower() and hasattr(item, "fetch_arrow_table"):
        return item.fetch_arrow_table
    return None


def _name_for(item: Any, taken: list[str], of: int = 1) -> str:
    if _is_path(item):
        name = os.path.splitext(os.path.basename(os.fspath(item)))[0] or DEFAULT_SOURCE
    else:
        name = DEFAULT_SOURCE if of == 1 else f"{DEFAULT_SOURCE}_{len(taken) + 1}"
    unique, count = name, 1
    while unique in taken:
        count += 1
        unique = f"{name}_{count}"
    return unique


def _add(ready: Inputs, source: str, item: Any) -> None:
    ready.sources.append(source)
    if _is_path(item):
        path = os.fspath(item)
        if not isinstance(path, str):
            raise TypeError("a path is text, not bytes")
        ready.inputs.append(_core.Input.file(source, path))
        return
    if _pandas.is_frame(item):
        item = _pandas.arrow_or_rows(item, source, ready.notes)
    stream = _as_stream(item)
    if stream is None:
        lines, whole = _rows.json_lines(item, source, ready.notes)
        ready.inputs.append(_core.Input.json_lines(source, source, lines, whole))
        return
    if not hasattr(stream, "__arrow_c_stream__"):
        stream = stream()
    ready.inputs.append(_core.Input.stream(source, source, _polars.readable(stream)))
