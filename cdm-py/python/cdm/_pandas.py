"""The manners of pandas: what its frames hold, as Arrow. pandas itself is never imported here."""

from __future__ import annotations

import sys
from typing import Any

from cdm._rows import Cleaner, is_null, note_recoded


def is_frame(item: Any) -> bool:
    """Whether `item` is a pandas data frame, of this class or one that builds on it."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(item, pandas.DataFrame)


def arrow_or_rows(frame: Any, source: str, notes: list[str]) -> Any:
    """The frame as a pyarrow table; as rows where pyarrow is not installed, which is slower.

    The levels of the index that have a name are columns, in front. Where pyarrow cannot tell the type
    of a column, its values become text one by one.
    """
    pandas = sys.modules["pandas"]
    levels = [
        pandas.Series(frame.index.get_level_values(place), index=frame.index, name=name)
        for place, name in enumerate(frame.index.names)
        if name is not None and name not in frame.columns
    ]
    if levels:
        frame = pandas.concat([*(level.reset_index(drop=True) for level in levels), frame.reset_index(drop=True)], axis=1)
    try:
        import pyarrow
    except ImportError:
        return _rows(frame)
    try:
        return pyarrow.Table.from_pandas(frame, preserve_index=False)
    except Exception:  # whatever pyarrow makes of mixed types, repeated names, broken text
        return _column_by_column(frame, pyarrow, source, notes)


def _names(frame: Any) -> list[str]:
    cleaner = Cleaner()
    return [cleaner.text(name) for name in frame.columns]


def _rows(frame: Any) -> list[dict[str, Any]]:
    names: list[str] = []
    for name in _names(frame):
        unique, count = name, 1
        while unique in names:
            count += 1
            unique = f"{name}_{count}"
        names.append(unique)
    columns = [frame.iloc[:, place].tolist() for place in range(len(names))]
    if not columns:
        return []
    return [dict(zip(names, values)) for values in zip(*columns)]


def _column_by_column(frame: Any, pyarrow: Any, source: str, notes: list[str]) -> Any:
    cleaner = Cleaner()
    arrays = []
    for place in range(len(frame.columns)):
        column = frame.iloc[:, place]
        try:
            arrays.append(pyarrow.array(column, from_pandas=True))
        except Exception:
            arrays.append(_texts(column, pyarrow, cleaner))
    note_recoded(cleaner.recoded, source, notes)
    return pyarrow.Table.from_arrays(arrays, names=_names(frame))


def _texts(column: Any, pyarrow: Any, cleaner: Cleaner) -> Any:
    values = column.tolist()
    several = (list, tuple, set, frozenset)
    if not any(isinstance(value, several) for value in values):
        return pyarrow.array(
            [None if is_null(value) else cleaner.text(value) for value in values],
            type=pyarrow.large_string(),
        )
    lists = []
    for value in values:
        plain = cleaner.plain(value)
        items = plain if isinstance(plain, list) else [plain]
        lists.append([cleaner.text(item) for item in items if item is not None])
    return pyarrow.array(lists, type=pyarrow.list_(pyarrow.large_string()))
