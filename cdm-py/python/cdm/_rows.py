"""Python values as text and as JSON, with every way of saying that there is none."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from cdm._errors import InvalidError

_DEEPEST = 64
_WHOLE = (int, type(None))


def is_row(item: Any) -> bool:
    """Whether `item` is a record: a dict, or something with named values such as a database row."""
    return isinstance(item, Mapping) or (hasattr(item, "keys") and hasattr(item, "__getitem__"))


def is_null(value: Any) -> bool:
    """Whether `value` stands for no value: None, NaN, NaT, pandas.NA."""
    if value is None:
        return True
    if isinstance(value, (str, bytes, int, bool)):
        return False
    if type(value).__name__ in ("NAType", "NaTType"):
        return True
    try:
        return bool(value != value)
    except Exception:  # arrays and signalling NaNs have no answer
        return False


def clean_text(text: str) -> tuple[str, bool]:
    """The text as UTF-8 can carry it, and whether something had to be replaced by U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        # Halves that belong together are put together.
        whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return whole, True
    return text, False


class Cleaner:
    """Python values into plain ones, counting the texts that had to be changed."""

    def __init__(self) -> None:
        self.recoded = 0

    def text(self, value: Any) -> str:
        """A value that is there, as text."""
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, float) and value.is_integer():
            # Tools turn whole numbers into floats where some are missing.
            return str(int(value))
        if isinstance(value, (bytes, bytearray, memoryview)):
            value = bytes(value).decode("utf-8", "replace")
        if not isinstance(value, str):
            value = value.isoformat() if hasattr(value, "isoformat") else str(value)
        text, changed = clean_text(value)
        self.recoded += changed
        return text

    def plain(self, value: Any, depth: int = 0) -> Any:
        """A value as JSON has it."""
        if depth > _DEEPEST:
            raise RecursionError
        if isinstance(value, Mapping):
            return {self.text(key): self.plain(inner, depth + 1) for key, inner in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            # Sets have no order of their own.
            values = sorted(value, key=str) if isinstance(value, (set, frozenset)) else value
            return [self.plain(inner, depth + 1) for inner in values]
        if is_null(value):
            return None
        if isinstance(value, (bool, int)) and type(value) in (bool, int):
            return value
        if hasattr(value, "tolist") and not isinstance(value, memoryview):
            return self.plain(value.tolist(), depth + 1)  # numpy
        return self.text(value)


def json_lines(rows: Iterable[Any], source: str, notes: list[str]) -> tuple[bytes, list[str]]:
    """Rows as JSON, one a line, and the columns that hold whole numbers in all of them."""
    fast = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=_refuse)
    cleaner = Cleaner()
    lines: list[bytes] = []
    whole: list[Any] = []
    for number, row in enumerate(rows):
        if not is_row(row):
            raise TypeError(f"row {number} of source {source!r} is a {type(row).__qualname__}, not a dict")
        if not isinstance(row, dict):
            row = {key: row[key] for key in row.keys()}
        whole = [key for key in (whole if lines else row) if type(row.get(key)) in _WHOLE]
        try:
            line = fast.encode(row).encode()
        except (TypeError, ValueError, RecursionError):
            try:
                line = fast.encode(cleaner.plain(row)).encode()
            except RecursionError:
                message = f"row {number} of source {source!r} is nested more than {_DEEPEST} levels deep"
                raise InvalidError(message, "MALFORMED_INPUT") from None
        lines.append(line)
    if not lines:
        raise InvalidError(f"source {source!r} is empty: wanted at least one row", "EMPTY_INPUT")
    note_recoded(cleaner.recoded, source, notes)
    return b"\n".join(lines), [key for key in whole if isinstance(key, str)]


def note_recoded(count: int, source: str, notes: list[str]) -> None:
    """Say that texts were changed, where some were."""
    if count:
        notes.append(
            f"{source}: {count:,} values hold characters that are none (lone surrogates); "
            "they were read with U+FFFD in their place"
        )


def _refuse(value: Any) -> Any:
    raise TypeError
