from typing import Final, Optional

__all__ = [
    "FORMS",
    "ISSUES",
    "KINDS",
    "__version__",
    "nickname_classes",
    "normalize_json",
    "phonetic_codes",
]

__version__: Final[str]
KINDS: Final[tuple[str, ...]]
FORMS: Final[tuple[str, ...]]
ISSUES: Final[tuple[str, ...]]

def normalize_json(kind: str, raw: str, context_json: Optional[str] = None, /) -> str: ...
def nickname_classes(name: str, /) -> list[str]: ...
def phonetic_codes(name: str, /) -> list[str]: ...
