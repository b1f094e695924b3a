"""How good an outcome is, without a resolution at hand."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, Optional

from cdm import _core, _decisions


def estimate(plan: Mapping[str, Any], labels: Iterable[tuple[Any, Any, bool]]) -> dict[str, Any]:
    """What people said of a sample, weighed up: the `precision` of all pairs, from `low` to `high` (95 %).

    `plan` is from `Resolution.sample`; each label is `(left, right, is_match)`, its records `(source, id)`
    or as the sample has them.

    >>> import cdm
    >>> plan = {"pairs": 40, "seed": 1,
    ...     "strata": [{"name": "all", "pairs": 40, "sample": 1, "expected_precision": 0.9}],
    ...     "sample": [{"stratum": 0, "left": {"source": "crm", "id": "a"}, "right": {"source": "crm", "id": "b"}}]}
    >>> estimate = cdm.estimate(plan, [(("crm", "a"), ("crm", "b"), True)])
    >>> estimate["reviewed"], estimate["missing"]
    (1, 0)
    """
    found = _core.estimate_json(json.dumps(dict(plan)), _decisions.labels(labels, []))
    result: dict[str, Any] = json.loads(found)
    return result


def evaluate_partition(found: Iterable[Hashable], truth: Iterable[Optional[Hashable]]) -> dict[str, Any]:
    """How good a partition is: for each record the entity that was found, and the true one or `None`.

    >>> import cdm
    >>> score = cdm.evaluate_partition(["x", "x", "x", "y"], ["ann", "ann", "bo", "bo"])
    >>> score["precision"], score["recall"]
    (0.3333333333333333, 0.5)
    """
    seen: dict[Hashable, int] = {}
    known: dict[Hashable, int] = {}
    one = [seen.setdefault(name, len(seen)) for name in found]
    two = [None if name is None else known.setdefault(name, len(known)) for name in truth]
    if len(one) != len(two):
        raise ValueError(f"{len(one):,} entities found and {len(two):,} true ones: wanted one of each a record")
    result: dict[str, Any] = json.loads(_core.evaluate_partition_json(one, two))
    return result
