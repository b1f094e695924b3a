from typing import Final, Optional

__version__: Final[str]
KINDS: Final[tuple[str, ...]]
FORMS: Final[tuple[str, ...]]
ISSUES: Final[tuple[str, ...]]

def normalize_json(kind: str, raw: str, context_json: Optional[str] = None, /) -> str: ...
def nickname_classes(name: str, /) -> list[str]: ...
def phonetic_codes(name: str, /) -> list[str]: ...
