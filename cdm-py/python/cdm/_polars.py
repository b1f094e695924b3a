"""The manners of polars. polars itself is never imported here."""

from __future__ import annotations

import sys
from typing import Any


def readable(item: Any) -> Any:
    """A frame of polars with its columns of type `Null` as text; whatever else is handed in, as it is.

    polars hands columns of `Null` over with a buffer that the Arrow C interface does not know, and that
    other libraries refuse.
    """
    polars = sys.modules.get("polars")
    if polars is None or not isinstance(item, polars.DataFrame):
        return item
    casts = []
    for name, kind in item.schema.items():
        readable_kind = _without_null(polars, kind)
        if readable_kind != kind:
            casts.append(polars.col(name).cast(readable_kind))
    return item.with_columns(casts) if casts else item


def _without_null(polars: Any, kind: Any) -> Any:
    if kind == polars.Null:
        return polars.String
    if isinstance(kind, polars.List):
        return polars.List(_without_null(polars, kind.inner))
    if isinstance(kind, polars.Array):
        return polars.Array(_without_null(polars, kind.inner), kind.size)
    if isinstance(kind, polars.Struct):
        return polars.Struct({field.name: _without_null(polars, field.dtype) for field in kind.fields})
    return kind
