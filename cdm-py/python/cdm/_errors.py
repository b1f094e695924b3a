"""The exceptions of this package. The core raises them; `code` tells them apart for good."""

from __future__ import annotations

from typing import Any


class CdmError(Exception):
    """What went wrong, where, and what was wanted instead; the base of every error of `cdm`.

    `code` is a stable name such as ``"UNKNOWN_CHOICE"``: the same in Rust, Python and Node, and it
    does not change when the message does. A message never holds a person's data.
    """

    code: str

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[Any, ...]:
        # So that an error survives the way back from a worker process.
        return type(self), (str(self), self.code)


class InvalidError(CdmError, ValueError):
    """An argument, a document or a file's content breaks its rules."""


class UnknownNameError(CdmError, LookupError):
    """A column, field or record is named that is not there."""


class FileError(CdmError, OSError):
    """A file could not be read or written."""


class CancelledError(CdmError):
    """The work was cancelled; nothing half-done was left behind."""


for _class in (CdmError, InvalidError, UnknownNameError, FileError, CancelledError):
    _class.__module__ = "cdm"
