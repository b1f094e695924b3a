"""Files of text, read and written."""

from __future__ import annotations

import os
from typing import Union

from cdm._errors import FileError


def text_of(path: Union[str, os.PathLike[str]]) -> str:
    """What a file of text holds."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            return file.read()
    except (OSError, ValueError) as error:
        raise FileError(f"cannot read {os.fspath(path)!r}: {error}", "READ_FILE") from error


def save(path: Union[str, os.PathLike[str]], text: str) -> None:
    """Write a file whole or not at all."""
    # Written beside it, then moved into its place.
    folder, name = os.path.split(os.fspath(path))
    partial = os.path.join(folder, f".{name}.partial-{os.getpid()}")
    try:
        try:
            with open(partial, "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(partial, path)
        finally:
            if os.path.exists(partial):
                os.remove(partial)
    except (OSError, ValueError) as error:
        raise FileError(f"cannot write {os.fspath(path)!r}: {error}", "WRITE_FILE") from error
