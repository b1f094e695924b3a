"""Results as HTML, for notebooks. Whatever comes in is text and stays text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

_WIDEST = 60


def escape(text: str) -> str:
    """The text, for a place between tags."""
    import html  # which takes longer to load than the rest of this package

    return html.escape(text)


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table; nothing where it has no rows."""
    body = "".join("<tr>" + "".join(f"<td>{_cell(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    if not body:
        return ""
    names = "".join(f"<th>{escape(name)}</th>" for name in head)
    return f"<table><thead><tr>{names}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    if len(text) > _WIDEST:
        text = text[: _WIDEST - 1] + "…"
    return escape(text)
