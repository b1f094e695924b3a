"""Identity resolution in your own process: many customer records in, one trusted profile out.

`cdm.resolve` takes whatever holds records and says which of them are one person or organisation:

>>> import cdm
>>> plan = cdm.Plan({"version": 1, "name": "people",
...     "fields": [{"name": "name", "kind": "full_name"}, {"name": "email", "kind": "email"}],
...     "rules": [{"name": "e-mail", "decision": "match", "same": ["email", "name.given.nickname"]}]})
>>> resolution = cdm.resolve({
...     "crm": [{"id": 1, "name": "Robert Smith", "email": "r@smith.example"}],
...     "shop": [{"id": "a", "name": "SMITH, Bob", "email": "R@Smith.example"}],
... }, plan=plan)
>>> len(resolution)
1
>>> resolution.golden_records.to_pylist()[0]["sources"]
['crm', 'shop']

`cdm.normalize` cleans and checks single values:

>>> cdm.normalize.email(" Mary@Example.ORG ")["status"]
'valid'
"""

from cdm import normalize
from cdm._core import __version__
from cdm._errors import CancelledError, CdmError, FileError, InvalidError, UnknownNameError
from cdm._evaluate import estimate, evaluate_partition
from cdm._explain import Chart, Explanation
from cdm._plan import Model, Plan
from cdm._resolution import Resolution
from cdm._resolve import resolve
from cdm._store import Store, StoredGolden
from cdm._table import ArrowTable

__all__ = [
    "ArrowTable",
    "CancelledError",
    "CdmError",
    "Chart",
    "Explanation",
    "FileError",
    "InvalidError",
    "Model",
    "Plan",
    "Resolution",
    "Store",
    "StoredGolden",
    "UnknownNameError",
    "__version__",
    "estimate",
    "evaluate_partition",
    "normalize",
    "resolve",
]
