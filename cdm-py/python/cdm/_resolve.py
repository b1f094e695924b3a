"""The one-line form."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, Optional, Union

from cdm import _core, _decisions, _progress, _read
from cdm._errors import InvalidError
from cdm._frames import Data
from cdm._plan import LinkType, Model, Plan, bare, with_options
from cdm._resolution import Resolution


def resolve(
    data: Data,
    *,
    id: Optional[_read.Column] = None,
    source: Optional[_read.Column] = None,
    time: Optional[_read.Column] = None,
    fields: Optional[_read.Fields] = None,
    plan: Optional[Union[Plan, Model, Mapping[str, Any], str, os.PathLike[str]]] = None,
    labels: Optional[Iterable[_decisions.Label]] = None,
    decisions: Optional[Union[_decisions.Decisions, str]] = None,
    region: Optional[str] = None,
    link_type: Optional[LinkType] = None,
    progress: _progress.Progress = True,
    memory_limit: Optional[int] = None,
) -> Resolution:
    """Resolve records into entities: which of them are one person or organisation.

    Args:
        data: The records: a data frame (pandas, polars, pyarrow, DuckDB, anything with
            `__arrow_c_stream__`), a list of dicts, or the path of a CSV, JSON lines or Parquet file. Where
            there are several sources, a dict of these by the sources' names, or a list of them.
        id: The column that holds the records' ids; found by its name and values where absent, and where
            there is none, the numbers of the rows, from 1. Where sources call it differently, a dict of
            their names to its.
        source: The column that names each record's source, where one frame holds several.
        time: The column that says when a record was last changed, which decides what survives.
        fields: The columns to go by, with their kinds, such as ``{"mail": "email"}``, or without; all
            that look useful where absent.
        plan: A `Plan` or `Model`, a dict or the path of a file of JSON that holds a plan; inferred from
            the data where absent.
        labels: Pairs that somebody looked at, ``(left, right, whether they are one)``, to learn from; a few
            help already. Given as `decisions` as well they are obeyed, too.
        decisions: What people decided: pairs of records by ``"must_link"`` and ``"cannot_link"``, each
            record as ``(source, id)``, or its id alone where there is one source.
        region: The ISO 3166 code, such as ``"DE"``, of phones, addresses and the like that do not name
            their own; as the plan says where absent.
        link_type: ``"dedupe"`` (any two records may be one), ``"link"`` (only two of different sources)
            or ``"link_and_dedupe"``; as the plan says where absent.
        progress: Whether to show a progress bar, in a terminal or notebook where tqdm is installed; or a
            function of stage, done and total. Ctrl-C stops the work within a moment.
        memory_limit: The most bytes of memory that this may take, reading included, beside what the process
            has already. On Linux what is large lies in a temporary file then (in ``TMPDIR``, else in
            ``/var/tmp``), of which as much is in memory as may be; elsewhere the work goes in passes where
            all at once would take more, as `Plan.estimate` tells it. Either takes longer and gives the same.
            Less than is needed is a `CdmError`.

    Raises:
        CdmError: with a stable `code`; a wrong column name is answered with the right one.

    >>> import cdm
    >>> people = [
    ...     {"id": 1, "name": "Robert Smith", "email": "r@smith.example"},
    ...     {"id": 2, "name": "SMITH, Bob", "email": "R@Smith.example"},
    ... ]
    >>> plan = {"version": 1, "name": "people",
    ...     "fields": [{"name": "name", "kind": "full_name"}, {"name": "email", "kind": "email"}],
    ...     "rules": [{"name": "e-mail", "decision": "match", "same": ["email", "name.given.nickname"]}]}
    >>> resolution = cdm.resolve(people, plan=plan)
    >>> len(resolution)
    1
    >>> golden = resolution.golden_records.to_pylist()[0]
    >>> golden["records"], golden["email"]
    (2, ['r@smith.example'])
    """
    if isinstance(plan, (str, os.PathLike)):
        plan = Plan.load(plan)
    elif isinstance(plan, Mapping):
        plan = Plan(plan)
    elif not isinstance(plan, (Plan, Model, type(None))):
        raise TypeError("plan is a cdm.Plan, a cdm.Model, a dict, or the path of a file of JSON")
    if isinstance(plan, Model):
        for name, value in (("fields", fields), ("region", region), ("link_type", link_type)):
            if value is not None:
                raise InvalidError(f"a model has its {name}: fit another plan to change that", "INVALID_DOCUMENT")
        if labels is not None:
            raise InvalidError("a model has learned already: give labels with a plan, or with none", "INVALID_DOCUMENT")
        return plan.resolve(
            data, id=id, source=source, time=time, decisions=decisions, progress=progress, memory_limit=memory_limit
        )
    if plan is not None:
        plan = with_options(plan, region, link_type)
    with _progress.callback(progress) as callback:
        read = _read.read(
            data,
            id=id,
            source=source,
            time=time,
            fields=fields,
            plan=plan._inner if plan else None,
            progress=callback,
            memory_limit=memory_limit,
        )
        decided = _decisions.to_json(decisions, read.sources)
        said = _decisions.labels(labels or [], read.sources)
        if plan is None:
            given = bare(read.records, region, link_type)._inner
            inner = _core.Plan.infer_and_resolve(read.records, given, said, decided, callback, memory_limit)
        else:
            inner = plan._inner.resolve(read.records, said, decided, callback, memory_limit)
        return Resolution(inner, read)


resolve.__module__ = "cdm"
