"""Identity resolution in your own process: many customer records in, one trusted profile out.

>>> import cdm
>>> cdm.normalize.email(" Mary@Example.ORG ")["status"]
'valid'
"""

from cdm import normalize
from cdm._core import __version__
from cdm._errors import CancelledError, CdmError, FileError, InvalidError, UnknownNameError

__all__ = [
    "CancelledError",
    "CdmError",
    "FileError",
    "InvalidError",
    "UnknownNameError",
    "__version__",
    "normalize",
]
