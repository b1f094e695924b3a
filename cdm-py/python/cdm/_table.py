"""Results as Arrow tables that every frame library takes over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from cdm import _core, _html

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

_SHOWN = 10


class ArrowTable:
    """A result in columns, which frame libraries and databases take over without a copy.

    ``pandas.DataFrame.from_arrow(table)``, ``polars.DataFrame(table)``, ``pyarrow.table(table)`` and SQL
    of DuckDB all take it as it is, since it has ``__arrow_c_stream__``; for plain Python there is
    `to_pylist`.

    >>> import cdm
    >>> plan = cdm.Plan({"version": 1, "name": "people",
    ...     "fields": [{"name": "email", "kind": "email"}],
    ...     "rules": [{"name": "e-mail", "decision": "match", "same": ["email"]}]})
    >>> entities = plan.resolve([{"id": "a", "email": "ann@li.example"}]).entities
    >>> entities.column_names
    ['id', 'source', 'entity_id']
    >>> len(entities), entities.to_pylist()[0]["source"]
    (1, 'records')
    """

    __slots__ = ("_batches", "_index", "_title")

    def __init__(self, batches: _core.Batches, title: str, index: Any = None) -> None:
        self._batches = batches
        self._title = title
        self._index = index

    @property
    def column_names(self) -> list[str]:
        """The names of the columns, in order."""
        return self._batches.column_names

    def __len__(self) -> int:
        return len(self._batches)

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self._batches.__arrow_c_stream__(requested_schema)

    def __arrow_c_schema__(self) -> Any:
        return self._batches.__arrow_c_schema__()

    def to_pylist(self, limit: Optional[int] = None) -> list[dict[str, Any]]:
        """The rows as dicts, the first `limit` of them where that is given."""
        if limit is not None and limit < 0:
            raise ValueError("limit is at least 0")
        return self._batches.rows(limit)

    def to_arrow(self) -> pyarrow.Table:
        """The table as one of pyarrow, which must be installed; nothing is copied."""
        import pyarrow

        return pyarrow.table(self)

    def to_polars(self) -> polars.DataFrame:
        """The table as a data frame of polars, which must be installed."""
        import polars

        return polars.DataFrame(self)

    def to_pandas(self) -> pandas.DataFrame:
        """The table as a data frame of pandas, which must be installed.

        `entities` of a pandas frame has the frame's own index, so that the two line up.
        """
        import pandas

        try:
            frame = self.to_arrow().to_pandas()
        except ImportError:
            frame = pandas.DataFrame(self.to_pylist(), columns=self.column_names)
        if self._index is not None and len(self._index) == len(frame):
            frame.index = self._index
        return frame

    def __repr__(self) -> str:
        return f"<cdm.ArrowTable {self._title}: {len(self):,} rows of {', '.join(self.column_names)}>"

    def _repr_html_(self) -> str:
        more = f", of which the first {_SHOWN} are shown" if len(self) > _SHOWN else ""
        caption = f"<p>{_html.escape(self._title)}: {len(self):,} rows{more}</p>"
        rows = (row.values() for row in self.to_pylist(_SHOWN))
        return caption + _html.table(self.column_names, map(list, rows))


ArrowTable.__module__ = "cdm"
